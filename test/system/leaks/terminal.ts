/** Runs a command on a terminal of its own, and keeps every byte that the terminal got. */
import { run } from '../../../src/host/index.ts';
import { missing } from '../../obstacle.ts';

/** Why there is none here. */
export function noTerminal(): string | undefined {
  return process.platform === 'linux' ? missing('script') : 'needs script(1) of util-linux';
}

export async function onTerminal(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd: string,
): Promise<string> {
  const command = argv.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  const { stdout } = await run({
    tool: 'script',
    argv: ['-q', '-e', '-c', command, '/dev/null'],
    timeoutMs: 60_000,
    cwd,
    env: { ...env, TERM: 'xterm', SHELL: '/bin/sh' },
  });
  return stdout;
}
