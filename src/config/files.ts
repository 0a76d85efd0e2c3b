/** The files of a configuration: the current folder's vmgate.yaml (no upward search), else the home's, and what lies beside it. */
import { isUtf8 } from 'node:buffer';
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { errnoOf, messageOf } from '../host/index.ts';
import { errors } from './codes.ts';

/** Forty times the longest one in the documentation; what an hour of commenting would not fill. */
const MAX_BYTES = 65_536;
export const FILE = 'vmgate.yaml';
export const LOCAL_FILE = 'vmgate.local.yaml';
const LOCK_FILE = 'vmgate.lock';

export interface Source {
  readonly path: string;
  readonly text: string;
}

/** vmgate.yaml, and what lies beside it. */
export interface Found {
  readonly source: Source;
  readonly local: Source | undefined;
  readonly lock: Source | undefined;
}

export function withCompanions(source: Source): Found {
  const [local, lock] = [LOCAL_FILE, LOCK_FILE].map((name) => readSource(path.join(path.dirname(source.path), name)));
  return { source, local, lock };
}

/** Those that count: without a template, a lock is about something else. */
export function sourcesOf({ source, local, lock }: Found, references: readonly string[]): readonly Source[] {
  return [source, local, references.length > 0 ? lock : undefined].filter((file) => file !== undefined);
}

/** @throws CONFIG_MISSING, CONFIG_UNREADABLE */
export function findFiles(cwd: string, home: string): { readonly found: Found; readonly origin: 'project' | 'home' } {
  for (const { folder, origin } of [
    // Typed in the home folder itself, its file is still the user's own.
    { folder: cwd, origin: path.resolve(cwd) === path.resolve(home) ? 'home' : 'project' } as const,
    { folder: home, origin: 'home' } as const,
  ]) {
    const source = readSource(path.join(folder, FILE));
    if (source !== undefined) return { found: withCompanions(source), origin };
  }
  throw VmgateError.of(errors.CONFIG_MISSING, { folder: cwd, home });
}

/** Undefined when there is no such file. Not blocking: a FIFO in its place must not hang the command. */
function readSource(file: string): Source | undefined {
  let fd: number;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    throw VmgateError.of(errors.CONFIG_UNREADABLE, { file, why: messageOf(cause) }, { cause });
  }
  try {
    const facts = fstatSync(fd);
    if (!facts.isFile()) throw VmgateError.of(errors.CONFIG_UNREADABLE, { file, why: 'it is not a file' });
    if (facts.size > MAX_BYTES)
      throw VmgateError.of(errors.CONFIG_UNREADABLE, { file, why: 'it is larger than 64 KiB' });
    const content = readFileSync(fd);
    // Decoded, other bytes would read the same: what was confirmed would not be what is there.
    if (!isUtf8(content)) throw VmgateError.of(errors.CONFIG_UNREADABLE, { file, why: 'it is not UTF-8' });
    return { path: file, text: content.toString('utf8') };
  } finally {
    closeSync(fd);
  }
}
