/** A command of the user's with the proxy in its environment: nobody copies a password, and none stands on a command line. */
import { spawn } from 'node:child_process';
import os from 'node:os';
import { VmgateError } from '../core/coded.ts';
import { errnoOf, messageOf } from '../host/index.ts';
import { errors } from './codes.ts';

/** A proxy as programs take it; undefined where the protocol has no form for a socket's path. */
export interface Ways {
  readonly socks: string;
  readonly http: string | undefined;
}

/**
 * Runs it to its end and gives its status, as a shell would.
 *
 * @throws CLI_COMMAND_NOT_STARTED
 */
export function runThrough([file = '', ...args]: readonly string[], ways: Ways): Promise<number> {
  const child = spawn(file, args, { stdio: 'inherit', env: { ...process.env, ...proxyVariables(ways) } });
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => {
      const why = errnoOf(cause) === 'ENOENT' ? 'there is no such command' : messageOf(cause);
      reject(VmgateError.of(errors.CLI_COMMAND_NOT_STARTED, { command: file, why }, { cause }));
    });
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : os.constants.signals[signal])));
  });
}

/**
 * Pages in clear go by SOCKS: as an HTTP proxy vmgate serves CONNECT alone. Exceptions (NO_PROXY) are gone from this
 * process's environment already, with whatever proxies it named.
 */
export function proxyVariables({ socks, http = socks }: Ways): Readonly<Record<string, string>> {
  const variables = { ALL_PROXY: socks, HTTP_PROXY: socks, HTTPS_PROXY: http };
  const lower = Object.entries(variables).map(([name, value]) => [name.toLowerCase(), value]);
  return { ...variables, ...Object.fromEntries(lower) };
}
