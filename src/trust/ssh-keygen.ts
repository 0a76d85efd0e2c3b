/** Signing by stock `ssh-keygen -Y sign`: keys in files, in an agent and in hardware, without vmgate ever reading one. */
import { VmgateError } from '../core/coded.ts';
import type { Run } from '../host/index.ts';
import { errors } from './codes.ts';

/** A finger may have to be put on a key. */
const TIMEOUT_MS = 120_000;

export interface KeygenOptions {
  readonly run: Run;
  /** SSH_AUTH_SOCK, where there is an agent. */
  readonly environment: Readonly<Record<string, string>>;
  /** What ssh-keygen says meanwhile, "Confirm user presence" above all. Hostile text like any tool's. */
  readonly onLine: (line: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * An armored signature of `text`. `key`: a private key's file, or the public one whose private half an agent holds.
 *
 * @throws TRUST_SIGNING_FAILED, HOST_TOOL_MISSING
 */
export async function signWithKeygen(
  text: string,
  namespace: string,
  key: string,
  { run, environment, onLine, signal }: KeygenOptions,
): Promise<string> {
  const argv = ['-Y', 'sign', '-n', namespace, '-f', key];
  const said = await run({
    tool: 'ssh-keygen',
    argv,
    stdin: text,
    timeoutMs: TIMEOUT_MS,
    env: environment,
    onLine: (line, stream) => (stream === 'stderr' ? onLine(line) : undefined),
    ...(signal === undefined ? {} : { signal }),
  });
  if (said.code === 0 && !said.overflowed) return said.stdout;
  const why = said.timedOut
    ? 'nobody touched the key in time'
    : `ssh-keygen ended with status ${said.code ?? 'unknown'}`;
  throw VmgateError.of(errors.TRUST_SIGNING_FAILED, { key, why }, { evidence: said.stderr.trim().split('\n') });
}
