/** The system's ssh client on the user's own terminal. */
import { spawn } from 'node:child_process';
import os from 'node:os';
import { childEnvironment, requireTool } from '../host/index.ts';
import type { Outside } from './outside.ts';
import type { SshOptions } from './ssh-options.ts';

export interface SshCall {
  readonly host: string;
  readonly options: SshOptions;
  /** Empty: a login shell. */
  readonly command: readonly string[];
}

/**
 * Runs ssh to its end and gives its status: the remote command's, or ssh's own 255. `-F none`: a `Host *` of the user's
 * (agent forwarding, multiplexing) must not reach into a work VM.
 *
 * @throws HOST_TOOL_MISSING
 */
export async function openSsh({ host, options, command }: SshCall, outside: Outside): Promise<number> {
  const argv = ['-F', 'none', ...options.flatMap(([keyword, value]) => ['-o', `${keyword}=${value}`]), '--', host];
  const child = spawn(requireTool('ssh'), [...argv, ...command], {
    stdio: 'inherit',
    env: childEnvironment(outside.sshEnvironment),
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : os.constants.signals[signal])));
  });
}
