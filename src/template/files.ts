/**
 * The files of a template: a path below its folder, one bit of mode, bytes. The rules hold for what a folder has as for
 * what comes from elsewhere as a list.
 */
import { constants } from 'node:fs';
import { lstat, open, readdir } from 'node:fs/promises';
import path from 'node:path';
import { canonicalJson } from '../core/canonical-json.ts';
import { VmgateError } from '../core/coded.ts';
import {
  ALL_TOO_LARGE,
  faultInFiles,
  MAX_ALL_BYTES,
  MAX_FILE_BYTES,
  MAX_FILES,
  TEMPLATE_FILE,
  type TemplateFile,
  TOO_LARGE,
} from '../core/template-files.ts';
import { errnoOf, messageOf, sha256 } from '../host/index.ts';
import { errors } from './codes.ts';

export { TEMPLATE_FILE, type TemplateFile };

/** Folders inside folders. */
const MAX_DEPTH = 16;

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such folder',
  ENOTDIR: 'it is no folder',
  EACCES: 'you may not read it',
};

/**
 * Sorted by path.
 *
 * @throws TEMPLATE_FILES_REFUSED for the first file that is wrong, TEMPLATE_UNREADABLE where template.yaml is missing
 */
export function requireFiles(files: readonly TemplateFile[]): readonly TemplateFile[] {
  if (files.length > MAX_FILES) throw refused('', `there are ${files.length}, and at most ${MAX_FILES} are taken`);
  const fault = faultInFiles(files.map((file) => ({ path: file.path, bytes: file.content.length })));
  if (fault !== undefined) throw refused(fault.path, fault.why);
  if (!files.some((file) => file.path === TEMPLATE_FILE))
    throw unreadable('these files', `no ${TEMPLATE_FILE} is there`);
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * `sha256:<hex>` over what a template is: paths, modes and bytes, in one order, whatever way it came. The same files in
 * a folder, a repository and a list have the same.
 */
export function digestOfFiles(files: readonly TemplateFile[]): string {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  return sha256(canonicalJson(sorted.map((file) => [file.path, file.executable, sha256(file.content)] as const)));
}

/**
 * The files below `folder`. Hidden ones at its top (`.git`) are left out; a link or a device anywhere is an error, because
 * somebody meant it to be there.
 *
 * @throws TEMPLATE_FILES_REFUSED, TEMPLATE_UNREADABLE
 */
export async function readFolder(folder: string): Promise<readonly TemplateFile[]> {
  const names: string[] = [];
  await walk(folder, '', names);
  if (!names.includes(TEMPLATE_FILE)) throw unreadable(folder, `it has no ${TEMPLATE_FILE}`);
  const files: TemplateFile[] = [];
  let all = 0;
  for (const name of names) {
    const file = await readPlain(folder, name);
    all += file.content.length;
    if (all > MAX_ALL_BYTES) throw refused(name, ALL_TOO_LARGE);
    files.push(file);
  }
  return requireFiles(files);
}

async function walk(folder: string, below: string, names: string[]): Promise<void> {
  if (below.split('/').length > MAX_DEPTH) throw refused(below, `it is more than ${MAX_DEPTH} folders deep`);
  const here = await readdir(path.join(folder, below)).catch((cause: unknown) => {
    throw unreadable(folder, WHY[errnoOf(cause) ?? ''] ?? messageOf(cause));
  });
  for (const name of here) {
    if (below === '' && name.startsWith('.')) continue;
    const inside = below === '' ? name : `${below}/${name}`;
    const info = await lstat(path.join(folder, inside));
    if (info.isDirectory()) await walk(folder, inside, names);
    else if (!info.isFile()) throw refused(inside, info.isSymbolicLink() ? 'it is a link' : 'it is not a plain file');
    else names.push(inside);
    if (names.length > MAX_FILES) throw refused(inside, `it is one more than the ${MAX_FILES} that are taken`);
  }
}

/** What was a plain file a moment ago may be a link or a pipe now. */
async function readPlain(folder: string, name: string): Promise<TemplateFile> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(path.join(folder, name), flags).catch((cause: unknown) => {
    throw refused(name, messageOf(cause));
  });
  try {
    const info = await handle.stat();
    if (!info.isFile()) throw refused(name, 'it is not a plain file');
    if (info.size > MAX_FILE_BYTES) throw refused(name, TOO_LARGE);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(info.size), 0, info.size, 0);
    return { path: name, executable: (info.mode & 0o100) !== 0, content: buffer.subarray(0, bytesRead) };
  } finally {
    await handle.close();
  }
}

function refused(name: string, why: string): VmgateError {
  return VmgateError.of(errors.TEMPLATE_FILES_REFUSED, { path: name.slice(0, 300), why });
}

export function unreadable(place: string, why: string): VmgateError {
  return VmgateError.of(errors.TEMPLATE_UNREADABLE, { place, why });
}
