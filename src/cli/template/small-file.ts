import { readFile, stat } from 'node:fs/promises';
import { VmgateError } from '../../core/coded.ts';
import { errnoOf, messageOf } from '../../host/index.ts';
import { errors } from '../codes.ts';

/** The text of a file, undefined where there is none. @throws CLI_USAGE for what cannot be read or is larger */
export async function readIfThere(file: string, most: number): Promise<string | undefined> {
  try {
    if ((await stat(file)).size > most) throw new Error(`it is longer than ${most} bytes`);
    return await readFile(file, 'utf8');
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    const message = `${file} cannot be read: ${messageOf(cause)}`;
    throw VmgateError.of(errors.CLI_USAGE, { message, hint: `move ${file} away, or mend it`, command: '' });
  }
}
