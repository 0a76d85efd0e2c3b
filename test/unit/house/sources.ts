import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const repository = path.resolve(import.meta.dirname, '../../..');

export interface Source {
  /** Relative to the repository. */
  readonly file: string;
  readonly room: string;
  readonly text: string;
}

export interface Import {
  readonly from: Source;
  /** A file of the repository, or a package or built-in as written. */
  readonly target: string;
  /** Erased by the compiler: binds nothing at run time. */
  readonly typeOnly: boolean;
}

/** Every source file under src, and main.ts and codes.ts as rooms of their own. */
export function sources(): readonly Source[] {
  return readdirSync(path.join(repository, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => {
      const file = path.posix.join('src', name);
      return { file, room: name.split('/')[0] ?? '', text: readFileSync(path.join(repository, file), 'utf8') };
    });
}

const STATEMENT = /^(?:import|export)\s+(type\s)?([^;'"]*?)\s*from\s+'([^']+)';/gms;
const BARE_OR_LAZY = /(?:^import\s+|\bimport\()\s*'([^']+)'/gm;

export function importsOf(from: Source): readonly Import[] {
  const stated = [...from.text.matchAll(STATEMENT)].map(([, type, names = '', target = '']) => ({
    from,
    target: resolve(from, target),
    typeOnly: type !== undefined || /^{(\s*type\s+[^,{}]+,?)+\s*}$/.test(names),
  }));
  const others = [...from.text.matchAll(BARE_OR_LAZY)].map(([, target = '']) => ({
    from,
    target: resolve(from, target),
    typeOnly: false,
  }));
  return [...stated, ...others];
}

function resolve(from: Source, target: string): string {
  return target.startsWith('.') ? path.posix.join(path.posix.dirname(from.file), target) : target;
}

export function trackedFiles(): readonly string[] {
  return execFileSync('git', ['ls-files', '-z'], { cwd: repository, encoding: 'utf8' })
    .split('\0')
    .filter((file) => file !== '');
}
