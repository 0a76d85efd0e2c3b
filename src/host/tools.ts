/** Where tools are looked for, and the environment they get. */
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { errors } from './codes.ts';
import { installLine } from './platform.ts';

/** System folders before ones that a package manager of the user's owns. */
const TOOL_FOLDERS = [
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
  '/usr/local/sbin',
  '/usr/local/bin',
  '/opt/homebrew/bin',
  '/opt/homebrew/sbin',
  '/opt/local/bin',
  '/run/current-system/sw/bin',
  '/nix/var/nix/profiles/default/bin',
] as const;

/** Passed on as they are; everything else (LD_*, DYLD_*, NODE_*, *_PROXY, ...) stays behind. */
const INHERITED = ['HOME', 'USER', 'LOGNAME', 'TMPDIR', 'XDG_RUNTIME_DIR'] as const;

const found = new Map<string, string>();

/** Absolute path of a tool, remembered for the life of the process; undefined when no folder of the list has it. */
export function findTool(name: string): string | undefined {
  const known = found.get(name);
  if (known !== undefined) return known;
  if (name.includes('/')) return path.isAbsolute(name) && isExecutable(name) ? name : undefined;
  const file = TOOL_FOLDERS.map((folder) => path.join(folder, name)).find(isExecutable);
  if (file !== undefined) found.set(name, file);
  return file;
}

/** @throws HOST_TOOL_MISSING with the line that installs it. */
export function requireTool(name: string): string {
  const file = findTool(name);
  if (file === undefined) throw VmgateError.of(errors.HOST_TOOL_MISSING, { tool: name, install: installLine(name) });
  return file;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** The environment of every process vmgate starts: run() and the rooms that spawn long-lived ones use the same. */
export function childEnvironment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const inherited = INHERITED.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(inherited), PATH: TOOL_FOLDERS.join(':'), LANG: 'C', LC_ALL: 'C', ...extra };
}
