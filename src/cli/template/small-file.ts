import { VmgateError } from '../../core/coded.ts';
import { readPlainFile } from '../../home/index.ts';
import { messageOf } from '../../host/index.ts';
import { errors } from '../codes.ts';

/** The text of a file, undefined where there is none. @throws CLI_USAGE for what cannot be read or is larger */
export async function readIfThere(file: string, most: number): Promise<string | undefined> {
  try {
    return await readPlainFile(file, most);
  } catch (cause) {
    const message = `${file} cannot be read: ${messageOf(cause)}`;
    throw VmgateError.of(errors.CLI_USAGE, { message, hint: `move ${file} away, or mend it`, command: '' });
  }
}
