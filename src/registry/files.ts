/**
 * The files of a template, as they travel: a path below the template's folder, one bit of mode, bytes. The rules for them
 * hold for what is pushed as for what comes; what comes is judged by its manifest, before a byte of it is asked for.
 */
import { lstat, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { faultInFiles, MAX_FILE_BYTES, MAX_FILES, TEMPLATE_FILE, type TemplateFile } from '../core/template-files.ts';
import { errors } from './codes.ts';

export { MAX_FILE_BYTES, MAX_FILES, TEMPLATE_FILE, type TemplateFile };

/** @throws REGISTRY_FILES_REFUSED for the first one that is wrong */
export function requireFiles(files: readonly { readonly path: string; readonly bytes: number }[]): void {
  if (files.length > MAX_FILES)
    throw refused('', `there are ${files.length} files, and at most ${MAX_FILES} are taken`);
  const fault = faultInFiles(files);
  if (fault !== undefined) throw refused(fault.path, fault.why);
  const isThere = files.some((file) => file.path.toLowerCase() === TEMPLATE_FILE);
  if (!isThere) throw refused(TEMPLATE_FILE, 'it is missing, and every template has one');
}

/**
 * The files below `folder`, sorted by path. Hidden folders and files at the top (`.git`) are left out; a link or a device
 * anywhere is an error, because somebody meant it to be there.
 *
 * @throws REGISTRY_FILES_REFUSED
 */
export async function readFolder(folder: string): Promise<readonly TemplateFile[]> {
  const found: { readonly path: string; readonly bytes: number; readonly executable: boolean }[] = [];
  await walk(folder, '', found);
  const sorted = found.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  requireFiles(sorted);
  return Promise.all(
    sorted.map(async ({ path: name, executable }) => {
      return { path: name, executable, content: await readFile(path.join(folder, name)) };
    }),
  );
}

async function walk(
  folder: string,
  below: string,
  found: { path: string; bytes: number; executable: boolean }[],
): Promise<void> {
  for (const name of await namesIn(path.join(folder, below))) {
    if (below === '' && name.startsWith('.')) continue;
    const inside = below === '' ? name : `${below}/${name}`;
    const info = await lstat(path.join(folder, inside));
    if (info.isDirectory()) await walk(folder, inside, found);
    else if (!info.isFile()) throw refused(inside, info.isSymbolicLink() ? 'it is a link' : 'it is not a plain file');
    else found.push({ path: inside, bytes: info.size, executable: (info.mode & 0o100) !== 0 });
    if (found.length > MAX_FILES) throw refused(inside, `it is one more than the ${MAX_FILES} files that are taken`);
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch {
    throw refused(folder, 'there is no such folder, or it cannot be read');
  }
}

function refused(name: string, why: string): VmgateError {
  return VmgateError.of(errors.REGISTRY_FILES_REFUSED, { path: name.slice(0, 300), why });
}
