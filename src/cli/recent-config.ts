/**
 * The configuration as it was read last. Most commands only want to know from it which gate is meant, and reading YAML
 * with positions costs more than everything else `status` does: while the very same bytes lie in the very same place,
 * they mean the same. What acts on a configuration (`up`, `trust`) and the supervisor always read it anew.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { LoadedConfig } from '../config/index.ts';
import type { HomeLayout } from '../home/index.ts';
import { sha256 } from '../host/index.ts';
import { loadProject } from './project-config.ts';
import { version } from './version.ts';

interface Recent {
  /** Whatever else the meaning hangs on: this version's defaults, and what `~/` stands for. */
  readonly reader: string;
  readonly loaded: LoadedConfig;
}

const FILES = ['vmgate.yaml', 'vmgate.local.yaml'] as const;

/** @throws CONFIG_* */
export async function recentConfig(cwd: string, home: HomeLayout): Promise<LoadedConfig> {
  const known = recall(home);
  if (known !== undefined && isSame(known.loaded, cwd, home)) return known.loaded;
  const loaded = await loadProject(cwd, home);
  remember(home, { reader: reader(), loaded });
  return loaded;
}

function reader(): string {
  return `${version()} ${os.homedir()}`;
}

function recall(home: HomeLayout): Recent | undefined {
  try {
    const recent = JSON.parse(readFileSync(home.recent, 'utf8')) as Recent;
    return recent.reader === reader() && Array.isArray(recent.loaded.sources) ? recent : undefined;
  } catch {
    return undefined;
  }
}

/** The same files in the folder that is looked at first, with the same bytes, and none beside them that is new. */
function isSame({ path: file, sources }: LoadedConfig, cwd: string, home: HomeLayout): boolean {
  const folder = [cwd, home.root].find((each) => existsSync(path.join(each, FILES[0])));
  if (folder === undefined || path.join(folder, FILES[0]) !== file) return false;
  const known = sources.map((source) => source.path);
  const isNew = FILES.map((name) => path.join(folder, name)).some((each) => !known.includes(each) && existsSync(each));
  return !isNew && sources.every((source) => digestOf(source.path) === source.digest);
}

function digestOf(file: string): string {
  try {
    return sha256(readFileSync(file, 'utf8'));
  } catch {
    return '';
  }
}

/** A memory that cannot be written costs the next command its speed, nothing else. */
function remember(home: HomeLayout, recent: Recent): void {
  const draft = `${home.recent}.${process.pid}`;
  try {
    writeFileSync(draft, JSON.stringify(recent), { mode: 0o600 });
    renameSync(draft, home.recent);
  } catch {}
}
