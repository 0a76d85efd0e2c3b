/** A folder of a git repository at one revision, for as long as it is read. */
import { lstat, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { VmgateError } from '../../core/coded.ts';
import { run } from '../../host/index.ts';
import { errors } from '../codes.ts';
import type { Context } from '../command.ts';

const CLONE_MS = 300_000;

/** What may be named as git+URL. `ext::` runs a command, and `git:` is in clear. */
const SOURCE =
  /^git\+((?:https|ssh|file):\/\/[^\s#]{1,1000})(?:#([A-Za-z0-9_][\w./-]{0,200})(?::([\w][\w./-]{0,200}))?)?$/;

/** Nothing of the repository runs, and none of its links is made. */
const QUIET = [
  ...['-c', 'core.hooksPath=/dev/null', '-c', 'core.symlinks=false', '-c', 'core.fsmonitor=false'],
  ...['-c', 'protocol.allow=never', '-c', 'protocol.https.allow=always', '-c', 'protocol.ssh.allow=always'],
  ...['-c', 'protocol.file.allow=always', '-c', 'submodule.recurse=false', '-c', 'filter.lfs.smudge='],
];

export function isGit(from: string): boolean {
  return from.startsWith('git+');
}

/** @throws CLI_USAGE for what is no such source, HOST_TOOL_MISSING, CLI_GIT_FAILED */
export async function withCheckout<T>(context: Context, from: string, use: (folder: string) => Promise<T>): Promise<T> {
  const [, url, revision, inside = '.'] = SOURCE.exec(from) ?? [];
  if (url === undefined || inside.split('/').includes('..')) {
    const message = `${JSON.stringify(from.slice(0, 200))} names no folder of a git repository`;
    const hint = 'git+https://HOST/PATH[#REVISION[:FOLDER]]; ssh and file work too';
    throw VmgateError.of(errors.CLI_USAGE, { message, hint, command: 'template import' });
  }
  const folder = await mkdtemp(path.join(tmpdir(), 'vmgate-git-'));
  try {
    await clone(context, url, revision, folder);
    const target = path.join(folder, inside);
    await requireFolder(folder, target, from);
    return await use(target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function clone(context: Context, url: string, revision: string | undefined, folder: string): Promise<void> {
  const { SSH_AUTH_SOCK: agent } = context.outside.sshEnvironment;
  const at = revision === undefined ? [] : ['--branch', revision];
  const said = await run({
    tool: 'git',
    argv: [...QUIET, 'clone', '--quiet', '--depth', '1', '--no-tags', '--template=', ...at, '--', url, folder],
    timeoutMs: CLONE_MS,
    env: {
      ...{ GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_NOSYSTEM: '1', GIT_LFS_SKIP_SMUDGE: '1' },
      ...(agent === undefined ? {} : { SSH_AUTH_SOCK: agent }),
    },
    signal: context.interrupted,
  });
  if (said.code === 0) return;
  const evidence = said.stderr.trim().split('\n');
  const why = said.timedOut ? `nothing after ${CLONE_MS / 1_000} s` : `git ended with status ${said.code ?? 'unknown'}`;
  throw VmgateError.of(errors.CLI_GIT_FAILED, { url, why }, { evidence });
}

/** Through no link: it would lead where the repository's owner wants. */
async function requireFolder(root: string, target: string, from: string): Promise<void> {
  for (let each = target; each.startsWith(root); each = path.dirname(each)) {
    const info = await lstat(each).catch(() => undefined);
    if (info?.isDirectory() === true) continue;
    throw VmgateError.of(errors.CLI_GIT_FAILED, { url: from, why: 'it has no such folder' });
  }
}
