/**
 * One QEMU process and its QMP connection: started by us, or found running after a supervisor's death. Both are told
 * apart only by where the news of its end comes from: our child's exit, or the pidfile's lock.
 *
 * QEMU runs detached, in its own session, and survives us. Its stderr is a pipe and no file: a guest can make QEMU
 * print a line for each frame. With the reader gone it gets EPIPE, which it ignores.
 */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { VmgateError } from '../../core/coded.ts';
import { childEnvironment, monotonicMs } from '../../host/index.ts';
import { errors } from '../codes.ts';
import type { ProcessEnd } from '../driver.ts';
import { requireShortSocket } from '../limits.ts';
import { PIDFILE, SOCKETS, socketPaths } from './argv.ts';
import { bootFailure } from './failures.ts';
import { lockHolder, unlocked } from './pidfile.ts';
import { QmpClient } from './qmp.ts';
import { TextTail } from './text-tail.ts';
import { yieldOften } from './yielding.ts';

const BOOT_TIMEOUT_MS = 20_000;
const POLL_MS = 10;
/** SIGKILL takes effect at once unless the process hangs in the kernel (a dead disk). */
const KILL_TIMEOUT_MS = 10_000;
export const STDERR_BYTES = 16_384;

export interface Launch {
  /** For texts: `the gateway`, `work VM web`. */
  readonly label: string;
  readonly folder: string;
  readonly binary: string;
  /** Of the binary, for texts. */
  readonly version: string;
  readonly argv: readonly string[];
  /** A work VM's: whatever it computes, gateway and guard get the processor when they want it. */
  readonly yields?: boolean;
  /** Beside what every child of vmgate gets. */
  readonly environment?: Readonly<Record<string, string>>;
}

const runState = z.looseObject({ status: z.string() });
const BROKEN: ProcessEnd = {
  by: 'unknown',
  detail: 'the accelerator gave up (internal error); VMGATE_ACCEL=tcg does without it',
};

interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class Machine {
  readonly label: string;
  readonly pid: number;
  readonly qmp: QmpClient;
  readonly ended: Promise<ProcessEnd>;
  readonly #pidfile: string;
  readonly #letGo: () => void;
  #over: boolean = false;
  #broken = false;

  private constructor(
    label: string,
    folder: string,
    pid: number,
    qmp: QmpClient,
    exited: Promise<Exit | undefined>,
    letGo: () => void,
  ) {
    this.label = label;
    this.pid = pid;
    this.qmp = qmp;
    this.#pidfile = path.join(folder, PIDFILE);
    this.#letGo = letGo;
    let shutdown: { readonly guest: boolean; readonly reason: string } | undefined;
    qmp.onEvent(({ name, data }) => {
      if (name === 'SHUTDOWN') shutdown = { guest: data['guest'] === true, reason: String(data['reason']) };
      if (name === 'STOP') this.#endIfBroken().catch(() => {}); // Gone or silent: its end is told elsewhere.
    });
    this.ended = Promise.all([exited, qmp.closed]).then(([exit]) => {
      this.#over = true;
      return this.#broken ? BROKEN : endOf(shutdown, exit);
    });
  }

  /**
   * Starts QEMU and waits until QMP answers: every socket is bound and every file read by then.
   *
   * @throws DRIVER_ALREADY_RUNNING, DRIVER_SOCKET_PATH_TOO_LONG, and whatever failures.ts makes of QEMU's last words;
   *   no process is left then
   */
  static async launch(launch: Launch): Promise<Machine> {
    const { label, folder, binary, argv, environment } = launch;
    const pidfile = path.join(folder, PIDFILE);
    for (const socket of socketPaths(argv)) requireShortSocket(socket);
    if ((await lockHolder(pidfile)) !== undefined) {
      throw VmgateError.of(errors.DRIVER_ALREADY_RUNNING, { machine: label, pidfile });
    }
    const child = spawn(binary, argv, {
      cwd: '/',
      detached: true,
      env: childEnvironment(environment),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    if (launch.yields === true && child.pid !== undefined) void yieldOften(child.pid);
    const stderr = new TextTail(STDERR_BYTES);
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.stderr.on('error', () => {});
    const exited = new Promise<Exit>((resolve) => {
      child.once('error', (cause) => {
        stderr.push(Buffer.from(`${cause.message}\n`));
        resolve({ code: 127, signal: null });
      });
      child.once('close', (code, signal) => resolve({ code, signal }));
    });
    const death = exited.then((exit) => {
      throw bootFailure({ ...launch, machine: label, outcome: wordsFor(exit), stderr: stderr.text(), pidfile });
    });
    const abandoned = new AbortController();
    try {
      const qmp = await Promise.race([death, firstContact(label, folder, child.pid, abandoned.signal)]);
      death.catch(() => {}); // From here on its end is news, not an error.
      child.unref();
      return new Machine(label, folder, child.pid ?? 0, qmp, exited, () => child.stderr.destroy());
    } catch (cause) {
      abandoned.abort();
      child.kill('SIGKILL');
      await exited;
      throw cause;
    }
  }

  /** The running machine of `folder`, if its pidfile is locked. @throws DRIVER_QMP_BUSY, DRIVER_QMP_UNREACHABLE */
  static async attach(label: string, folder: string): Promise<Machine | undefined> {
    const pidfile = path.join(folder, PIDFILE);
    const pid = await lockHolder(pidfile);
    if (pid === undefined) return undefined;
    const qmp = await QmpClient.connect(label, path.join(folder, SOCKETS.qmp));
    const released = new AbortController();
    const exited = qmp.closed.then(() => lockReleased(pidfile, released.signal)).then(() => undefined);
    return new Machine(label, folder, pid, qmp, exited, () => released.abort());
  }

  /** SIGKILL and wait, at most 10 s: a process stuck in the kernel (a dead disk) runs no guest. Idempotent. */
  async kill(): Promise<void> {
    if (!this.#over && (await lockHolder(this.#pidfile)) === this.pid) signal(this.pid);
    const patience = new AbortController();
    const tooLong = delay(KILL_TIMEOUT_MS, undefined, { signal: patience.signal }).catch(() => {});
    await Promise.race([this.ended, tooLong]);
    patience.abort();
    this.qmp.close();
  }

  /** Where its KVM gives up, QEMU stops the guest for good and stays: to everybody who waits for an answer, a hang. */
  async #endIfBroken(): Promise<void> {
    const { status } = runState.parse(await this.qmp.execute('query-status'));
    if (status !== 'internal-error') return;
    this.#broken = true;
    await this.kill();
  }

  /** Closes our ends; QEMU runs on. `ended` may stay pending for ever. */
  release(): void {
    this.qmp.close();
    this.#letGo();
  }
}

/** Ends whatever holds the lock in `folder`. @throws DRIVER_STUCK when it outlives SIGKILL by 10 s */
export async function killHolder(folder: string, label = 'the machine'): Promise<void> {
  const pidfile = path.join(folder, PIDFILE);
  const pid = await lockHolder(pidfile);
  if (pid === undefined) return;
  signal(pid);
  if (await unlocked(pidfile, KILL_TIMEOUT_MS)) return;
  throw VmgateError.of(errors.DRIVER_STUCK, { machine: label, pid });
}

/** The folder belongs to another QEMU then, and nothing in it is ours to remove. */
export function isAlreadyRunning(cause: unknown): boolean {
  return VmgateError.is(cause) && cause.code === errors.DRIVER_ALREADY_RUNNING.code;
}

/**
 * Connects as soon as somebody listens. The socket may be a dead machine's (refused: try again) or, when two starts
 * race, another QEMU's: only the one that holds the pidfile's lock is ours.
 */
async function firstContact(
  label: string,
  folder: string,
  pid: number | undefined,
  abandoned: AbortSignal,
): Promise<QmpClient> {
  const socket = path.join(folder, SOCKETS.qmp);
  const deadline = monotonicMs() + BOOT_TIMEOUT_MS;
  for (;;) {
    try {
      const qmp = await QmpClient.connect(label, socket, Math.max(1, deadline - monotonicMs()));
      if ((await lockHolder(path.join(folder, PIDFILE))) === pid && !abandoned.aborted) return qmp;
      qmp.close();
    } catch (cause) {
      if (monotonicMs() > deadline || abandoned.aborted) throw cause;
    }
    await delay(POLL_MS);
  }
}

/** Pending for ever once released: nobody is told of an end that is no longer ours to watch. */
async function lockReleased(pidfile: string, released: AbortSignal): Promise<void> {
  while (released.aborted || !(await unlocked(pidfile, 1_000))) {
    if (released.aborted) return new Promise(() => {});
    await delay(500, undefined, { ref: false });
  }
}

function signal(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // ESRCH: it ended by itself in this moment.
  }
}

function endOf(
  shutdown: { readonly guest: boolean; readonly reason: string } | undefined,
  exit: Exit | undefined,
): ProcessEnd {
  if (shutdown !== undefined) return { by: shutdown.guest ? 'guest' : 'host', detail: shutdown.reason };
  if (exit?.signal != null) return { by: 'host', detail: wordsFor(exit) };
  return { by: 'unknown', detail: exit === undefined ? 'the process is gone' : wordsFor(exit) };
}

function wordsFor({ code, signal: by }: Exit): string {
  return by === null ? `ended with status ${code}` : `killed by ${by}`;
}
