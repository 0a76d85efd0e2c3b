/** Other Nodes than the one that runs the tests, from npm as packages that hold a `node` binary: versions and digests locked. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../../src/host/index.ts';

export interface NodeRelease {
  readonly major: number;
  /** Undefined with an obstacle. */
  readonly binary: string | undefined;
  readonly obstacle: string;
}

const LOCKED = fileURLToPath(new URL('./nodes', import.meta.url));
const CHECKOUT = fileURLToPath(new URL('../../..', import.meta.url));
/** 170 MB each; a folder of its own, so that `npm ci` of the checkout does not know them. */
const PREFIX = path.join(CHECKOUT, 'node_modules', '.cache', 'vmgate', 'nodes');
const LOCK = 'package-lock.json';
const FETCH_MS = 600_000;

/** The oldest that package.json allows, and the two that most people have. */
export function nodeReleases(): readonly NodeRelease[] {
  const trouble = fetchOnce();
  return [20, 22, 24].map((major) => {
    const name = `${process.platform}-${process.arch}-${major}`;
    const binary = path.join(PREFIX, 'node_modules', name, 'bin', 'node');
    if (trouble !== undefined) return { major, binary: undefined, obstacle: trouble };
    if (!existsSync(binary)) return { major, binary: undefined, obstacle: `there is no package ${name}` };
    return { major, binary, obstacle: '' };
  });
}

function fetchOnce(): string | undefined {
  const here = path.join(PREFIX, LOCK);
  const installed = path.join(PREFIX, 'node_modules', '.package-lock.json');
  const wanted = readFileSync(path.join(LOCKED, LOCK));
  if (existsSync(installed) && existsSync(here) && readFileSync(here).equals(wanted)) return undefined;
  mkdirSync(PREFIX, { recursive: true });
  for (const name of ['package.json', LOCK]) copyFileSync(path.join(LOCKED, name), path.join(PREFIX, name));
  copyFileSync(path.join(CHECKOUT, '.npmrc'), path.join(PREFIX, '.npmrc'));
  try {
    const argv = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];
    execFileSync('npm', argv, { cwd: PREFIX, stdio: ['ignore', 'ignore', 'pipe'], timeout: FETCH_MS });
    return undefined;
  } catch (cause) {
    return `npm did not bring it: ${messageOf(cause).split('\n')[0] ?? ''}`;
  }
}
