/**
 * The files of a template: a path below its folder, one bit of mode, bytes. The rules hold for what a folder has as for
 * what comes from elsewhere as a list.
 */
import { constants } from 'node:fs';
import { lstat, open, readdir } from 'node:fs/promises';
import path from 'node:path';
import { canonicalJson } from '../core/canonical-json.ts';
import { VmgateError } from '../core/coded.ts';
import { messageOf, sha256 } from '../host/index.ts';
import { errors } from './codes.ts';

export interface TemplateFile {
  /** `template.yaml`, `docs/readme.md`: with `/`, relative, ASCII. */
  readonly path: string;
  readonly executable: boolean;
  readonly content: Uint8Array;
}

/** What a template must have to be one. */
export const TEMPLATE_FILE = 'template.yaml';

const MAX_FILES = 256;
const MAX_FILE_BYTES = 1_048_576;
const MAX_ALL_BYTES = 16 * MAX_FILE_BYTES;
const MAX_PATH = 200;
/** Folders inside folders. */
const MAX_DEPTH = 16;
/** What every file system has and no shell, terminal or YAML reads as something else. */
const PATH = /^[A-Za-z0-9_][A-Za-z0-9._+-]*(?:\/[A-Za-z0-9_.][A-Za-z0-9._+-]*)*$/;

/**
 * Sorted by path.
 *
 * @throws TEMPLATE_FILES_REFUSED for the first file that is wrong, TEMPLATE_UNREADABLE where template.yaml is missing
 */
export function requireFiles(files: readonly TemplateFile[]): readonly TemplateFile[] {
  if (files.length > MAX_FILES) throw refused('', `there are ${files.length}, and at most ${MAX_FILES} are taken`);
  const seen = new Set<string>();
  let all = 0;
  for (const { path: name, content } of files) {
    const why = objectionTo(name, seen);
    if (why !== undefined) throw refused(name, why);
    if (content.length > MAX_FILE_BYTES) throw tooLarge(name);
    all += content.length;
    if (all > MAX_ALL_BYTES) throw refused(name, `with it, all files have more than ${MAX_ALL_BYTES} bytes`);
    seen.add(name.toLowerCase());
  }
  const inTheWay = files.find((file) => parentsOf(file.path).some((parent) => seen.has(parent)));
  if (inTheWay !== undefined) throw refused(inTheWay.path, 'a file of the same name is where its folder would be');
  if (!files.some((file) => file.path === TEMPLATE_FILE))
    throw unreadable('these files', `no ${TEMPLATE_FILE} is there`);
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

function objectionTo(name: string, seen: ReadonlySet<string>): string | undefined {
  if (name.length > MAX_PATH) return `its path is longer than ${MAX_PATH} characters`;
  if (name.startsWith('/') || name.startsWith('\\') || /^[A-Za-z]:/.test(name)) return 'its path is absolute';
  if (name.split(/[\\/]/).some((part) => part === '..' || part === '.')) return 'its path leads out of the folder';
  if (!PATH.test(name)) return 'its path has other characters than letters, digits, ".", "_", "+" and "-"';
  return seen.has(name.toLowerCase()) ? 'its name is there twice, where upper and lower case are the same' : undefined;
}

/** `a/b/c` -> `a`, `a/b`, in lower case. */
function parentsOf(name: string): readonly string[] {
  const parts = name.toLowerCase().split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
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
    if (all > MAX_ALL_BYTES) throw refused(name, `with it, all files have more than ${MAX_ALL_BYTES} bytes`);
    files.push(file);
  }
  return requireFiles(files);
}

async function walk(folder: string, below: string, names: string[]): Promise<void> {
  if (below.split('/').length > MAX_DEPTH) throw refused(below, `it is more than ${MAX_DEPTH} folders deep`);
  const here = await readdir(path.join(folder, below)).catch((cause: unknown) => {
    throw unreadable(folder, messageOf(cause));
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
    if (info.size > MAX_FILE_BYTES) throw tooLarge(name);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(info.size), 0, info.size, 0);
    return { path: name, executable: (info.mode & 0o100) !== 0, content: buffer.subarray(0, bytesRead) };
  } finally {
    await handle.close();
  }
}

function tooLarge(name: string): VmgateError {
  return refused(name, `it has more than ${MAX_FILE_BYTES} bytes`);
}

function refused(name: string, why: string): VmgateError {
  return VmgateError.of(errors.TEMPLATE_FILES_REFUSED, { path: name.slice(0, 300), why });
}

export function unreadable(place: string, why: string): VmgateError {
  return VmgateError.of(errors.TEMPLATE_UNREADABLE, { place, why });
}
