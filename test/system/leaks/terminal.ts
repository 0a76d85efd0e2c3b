/** Runs a command on a terminal of its own, and keeps every byte that the terminal got. */
import { findTool, run } from '../../../src/host/index.ts';

/** Undefined where script(1) of util-linux is missing: the caller says so. */
export async function onTerminal(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd: string,
): Promise<string | undefined> {
  if (process.platform !== 'linux' || findTool('script') === undefined) return undefined;
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
