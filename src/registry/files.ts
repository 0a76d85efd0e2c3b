/**
 * The files of a template, as they travel: a path below the template's folder, one bit of mode, bytes. The rules for them
 * hold for what is pushed as for what comes; what comes is judged by its manifest, before a byte of it is asked for.
 */
import { lstat, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { errors } from './codes.ts';

export interface TemplateFile {
  /** `template.yaml`, `provision/setup.sh`: with `/`, relative, ASCII. */
  readonly path: string;
  readonly executable: boolean;
  readonly content: Uint8Array;
}

export const MAX_FILES = 256;
export const MAX_FILE_BYTES = 1_048_576;
const MAX_ALL_BYTES = 16 * MAX_FILE_BYTES;
const MAX_PATH = 200;
/** What every file system has and no shell, terminal or YAML reads as something else. */
const PATH = /^[A-Za-z0-9_][A-Za-z0-9._+-]*(?:\/[A-Za-z0-9_.][A-Za-z0-9._+-]*)*$/;
/** What a template must have to be one. */
export const TEMPLATE_FILE = 'template.yaml';

/** @throws REGISTRY_FILES_REFUSED for the first one that is wrong */
export function requireFiles(files: readonly { readonly path: string; readonly bytes: number }[]): void {
  if (files.length > MAX_FILES)
    throw refused('', `there are ${files.length} files, and at most ${MAX_FILES} are taken`);
  const seen = new Set<string>();
  let all = 0;
  for (const file of files) {
    const why = objectionTo(file.path, seen);
    if (why !== undefined) throw refused(file.path, why);
    if (file.bytes > MAX_FILE_BYTES) throw refused(file.path, `it has more than ${MAX_FILE_BYTES} bytes`);
    all += file.bytes;
    if (all > MAX_ALL_BYTES) throw refused(file.path, `with it, all files have more than ${MAX_ALL_BYTES} bytes`);
    seen.add(file.path.toLowerCase());
  }
  const inTheWay = files.find((file) => parentsOf(file.path).some((parent) => seen.has(parent)));
  if (inTheWay !== undefined) throw refused(inTheWay.path, 'a file of the same name is where its folder would be');
  if (!seen.has(TEMPLATE_FILE)) throw refused(TEMPLATE_FILE, 'it is missing, and every template has one');
}

function objectionTo(name: string, seen: ReadonlySet<string>): string | undefined {
  if (name.length > MAX_PATH) return `its path is longer than ${MAX_PATH} characters`;
  if (name.startsWith('/') || /^[A-Za-z]:/.test(name)) return 'its path is absolute';
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
