/**
 * What the files of a template may be called and how large they may be: one rule for a folder, for what is pushed, and for
 * what a registry's manifest announces.
 */

export interface TemplateFile {
  /** `template.yaml`, `provision/setup.sh`: with `/`, relative, ASCII. */
  readonly path: string;
  readonly executable: boolean;
  readonly content: Uint8Array;
}

/** What a template must have to be one. */
export const TEMPLATE_FILE = 'template.yaml';

export const MAX_FILES = 256;
export const MAX_FILE_BYTES = 1_048_576;
export const MAX_ALL_BYTES = 16 * MAX_FILE_BYTES;
const MAX_PATH = 200;
/** What every file system has and no shell, terminal or YAML reads as something else. */
const PATH = /^[A-Za-z0-9_][A-Za-z0-9._+-]*(?:\/[A-Za-z0-9_.][A-Za-z0-9._+-]*)*$/;

export interface FileFault {
  readonly path: string;
  readonly why: string;
}

/** The first file that is wrong, and why; that `template.yaml` is there is the caller's to ask. */
export function faultInFiles(
  files: readonly { readonly path: string; readonly bytes: number }[],
): FileFault | undefined {
  const seen = new Set<string>();
  let all = 0;
  for (const { path, bytes } of files) {
    const why = objectionTo(path, seen);
    if (why !== undefined) return { path, why };
    if (bytes > MAX_FILE_BYTES) return { path, why: TOO_LARGE };
    all += bytes;
    if (all > MAX_ALL_BYTES) return { path, why: ALL_TOO_LARGE };
    seen.add(path.toLowerCase());
  }
  const inTheWay = files.find(({ path }) => parentsOf(path).some((parent) => seen.has(parent)));
  if (inTheWay === undefined) return undefined;
  return { path: inTheWay.path, why: 'a file of the same name is where its folder would be' };
}

export const TOO_LARGE = `it has more than ${MAX_FILE_BYTES} bytes`;
export const ALL_TOO_LARGE = `with it, all files have more than ${MAX_ALL_BYTES} bytes`;

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
