/**
 * The one way vmgate runs a tool: absolute path from a fixed list (a `wg` in the current folder or in a user's PATH
 * is never run), no shell, an environment of our choosing, a deadline that a deaf child cannot outlive, bounded output.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { VmgateError } from '../core/coded.ts';
import { monotonicMs } from './clock.ts';
import { errors } from './codes.ts';
import { LineSplitter } from './lines.ts';
import { describe } from './outcome.ts';
import { childEnvironment, requireTool } from './tools.ts';

/** SIGTERM to SIGKILL, and how long a daemonised grandchild may hold the pipes after the tool itself ended. */
const GRACE_MS = 2_000;
const DEFAULT_MAX_BYTES = 1_048_576;
const MAX_STDERR_BYTES = 65_536;

export interface RunRequest {
  /** A tool's name, or an absolute path (Node itself, a tool vmgate ships). */
  readonly tool: string;
  readonly argv: readonly string[];
  /** Secrets go here, never into argv: every user of the machine can read argv. */
  readonly stdin?: string | Uint8Array;
  readonly timeoutMs: number;
  /** Most bytes of stdout accepted, 1 MiB unless said; past it the tool is killed and `overflowed` is true. */
  readonly maxBytes?: number;
  readonly cwd?: string;
  /** Added to the inherited few. */
  readonly env?: Readonly<Record<string, string>>;
  /** Ends the tool like a timeout does; the result says `aborted`. */
  readonly signal?: AbortSignal;
  /** Called for each line as it comes (progress); lines are hostile text, cut at 8 KiB. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Takes stdout as raw chunks, which are then neither kept nor cut into lines; `maxBytes` counts them. */
  readonly onStdout?: (chunk: Buffer) => void;
}

export interface RunResult {
  /** Exit status; undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly stdout: string;
  /** The last 64 KiB. */
  readonly stderr: string;
  readonly timedOut: boolean;
  readonly aborted: boolean;
  readonly overflowed: boolean;
  readonly durationMs: number;
  /** Absolute path of the tool, then its arguments. */
  readonly argv: readonly string[];
}

export type Run = (request: RunRequest) => Promise<RunResult>;

/**
 * Runs a tool to its end. An exit status is a result, not an error: judge it with expectOk.
 *
 * @throws HOST_TOOL_MISSING no such tool
 * @throws HOST_TOOL_FAILED the kernel would not start it
 */
export async function run(request: RunRequest): Promise<RunResult> {
  const argv = [requireTool(request.tool), ...request.argv];
  const startedAt = monotonicMs();
  const child = await start(argv, request);
  const output = collect(child, request, () => end('overflowed'));
  let why: 'timedOut' | 'aborted' | 'overflowed' | undefined;
  let escalation: NodeJS.Timeout | undefined;
  const end = (cause: typeof why) => {
    if (why !== undefined) return;
    why = cause;
    killGroup(child, 'SIGTERM');
    escalation = setTimeout(() => killGroup(child, 'SIGKILL'), GRACE_MS);
  };
  const deadline = setTimeout(() => end('timedOut'), request.timeoutMs);
  const onAbort = () => end('aborted');
  request.signal?.addEventListener('abort', onAbort, { once: true });
  if (request.signal?.aborted) onAbort();
  feed(child, request.stdin);
  const { code, signal } = await ended(child);
  clearTimeout(deadline);
  clearTimeout(escalation);
  request.signal?.removeEventListener('abort', onAbort);
  if (why !== undefined) killGroup(child, 'SIGKILL');
  const { stdout, stderr } = output();
  return {
    code,
    signal,
    stdout,
    stderr,
    timedOut: why === 'timedOut',
    aborted: why === 'aborted',
    overflowed: why === 'overflowed',
    durationMs: monotonicMs() - startedAt,
    argv,
  };
}

/** Own process group, so that what the tool started ends with it; Ctrl-C reaches us and comes through `signal`. */
async function start(argv: readonly string[], request: RunRequest): Promise<ChildProcess> {
  const [file = '', ...rest] = argv;
  const child = spawn(file, rest, {
    cwd: request.cwd,
    env: childEnvironment(request.env),
    shell: false,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) => {
      const payload = { ...describe(argv, request.tool), doing: 'starting', outcome: 'could not be started' };
      reject(VmgateError.of(errors.HOST_TOOL_FAILED, payload, { cause, evidence: [cause.message] }));
    });
  });
  child.on('error', () => {});
  return child;
}

function feed(child: ChildProcess, stdin: string | Uint8Array | undefined): void {
  child.stdin?.on('error', () => {}); // EPIPE: the tool did not read its input to the end; its status tells.
  child.stdin?.end(stdin);
}

/** `close` waits for whoever holds the pipes; a tool that left a daemon behind must not hang us. */
function ended(child: ChildProcess): Promise<Pick<RunResult, 'code' | 'signal'>> {
  return new Promise((resolve) => {
    let letGo: NodeJS.Timeout | undefined;
    child.once('exit', () => {
      letGo = setTimeout(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, GRACE_MS);
    });
    child.once('close', (code, signal) => {
      clearTimeout(letGo);
      resolve({ code: code ?? undefined, signal: signal ?? undefined });
    });
  });
}

function collect(
  child: ChildProcess,
  request: RunRequest,
  overflow: () => void,
): () => Record<'stdout' | 'stderr', string> {
  const maxBytes = request.maxBytes ?? DEFAULT_MAX_BYTES;
  const { onLine, onStdout } = request;
  const kept: Buffer[] = [];
  let taken = 0;
  let tail: Buffer = Buffer.alloc(0);
  const lines = {
    stdout: new LineSplitter((line) => onLine?.(line, 'stdout')),
    stderr: new LineSplitter((line) => onLine?.(line, 'stderr')),
  };
  child.stdout?.on('data', (chunk: Buffer) => {
    if (taken + chunk.length > maxBytes) return overflow();
    taken += chunk.length;
    if (onStdout === undefined) kept.push(chunk);
    else onStdout(chunk);
    if (onLine !== undefined && onStdout === undefined) lines.stdout.push(chunk);
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk]).subarray(-MAX_STDERR_BYTES);
    if (onLine !== undefined) lines.stderr.push(chunk);
  });
  return () => {
    lines.stdout.end();
    lines.stderr.end();
    return { stdout: Buffer.concat(kept).toString('utf8'), stderr: tail.toString('utf8') };
  };
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // ESRCH: the whole group is gone, which is what was wanted.
  }
}
