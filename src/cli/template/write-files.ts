import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { VmgateError } from '../../core/coded.ts';
import { errnoOf } from '../../host/index.ts';
import type { TemplateFile } from '../../oci/index.ts';
import { errors } from '../codes.ts';

/**
 * Writes a template's files into a folder that is not there yet, or is empty: whole, or not at all. Their paths were
 * judged when they came.
 *
 * @throws CLI_USAGE
 */
export async function writeFiles(folder: string, files: readonly TemplateFile[]): Promise<void> {
  await mkdir(path.dirname(folder), { recursive: true });
  const draft = await mkdtemp(`${folder}.draft-`);
  try {
    for (const { path: name, executable, content } of files) {
      const file = path.join(draft, name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, content, { flag: 'wx', mode: executable ? 0o700 : 0o600 });
    }
    // rename(2) takes the place of an empty folder and of nothing else.
    await rename(draft, folder);
  } catch (cause) {
    if (!['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(errnoOf(cause) ?? '')) throw cause;
    const message = `${folder} is there already, with something in it`;
    throw VmgateError.of(errors.CLI_USAGE, { message, hint: 'name a folder that is not there yet', command: '' });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}
