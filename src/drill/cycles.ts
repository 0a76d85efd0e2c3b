/**
 * Fault cycles on real machines: open gate, fault, recovery, with the work VM talking all the time, on several lanes at
 * once (most of a recovery is waiting). Then the anti-run: the same faults without guard and firewall, which must leak,
 * or else what counts the leaks is blind.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { monotonicMs } from '../host/index.ts';
import { imagesWithBackdoor } from '../lab/index.ts';
import { FAULTS, type Fault, INSIDE } from './faults.ts';
import { type Mode, PROGRAM } from './ground.ts';
import { Lane } from './lane.ts';
import { schedule } from './schedule.ts';
import { type Cycle, type CyclesReport, runOf } from './statistics.ts';
import { AT_LEAST } from './watch.ts';

export interface CyclesOptions {
  /** The user's own images/ folder with gateway, tiny and lab; only looked at. */
  readonly images: string;
  readonly cycles: number;
  /** Cycles of the anti-run; one of each fault at least, and a tenth of `cycles`, unless said. */
  readonly antiCycles?: number;
  readonly lanes?: number;
  readonly seed: number;
  /** The compiled command line, for tests that run the sources. */
  readonly program?: string;
  readonly onCycle: (progress: Progress) => void;
  readonly say: (line: string) => void;
  /** Aborted: what was measured so far is the result, and everything is torn down. */
  readonly signal: AbortSignal;
}

export interface Progress {
  readonly mode: Mode;
  readonly done: number;
  readonly of: number;
  readonly cycle: Cycle;
  readonly secondsPerCycle: number;
}

/** Two cores under emulation are kept busy by three recoveries; more only wait for each other. */
const LANES = 3;

/** @throws what a lab or a gate throws that never came up; the report tells everything later */
export async function runCycles(options: CyclesOptions): Promise<CyclesReport> {
  const { images, cycles, seed, signal, say, program = PROGRAM } = options;
  const began = monotonicMs();
  const lanes = Math.max(1, Math.min(options.lanes ?? LANES, cycles));
  const antiCycles = options.antiCycles ?? Math.max(FAULTS.length, Math.ceil(cycles / 10));
  const folder = await mkdtemp(path.join(os.tmpdir(), 'vmg-drill-'));
  const open: Lane[] = [];
  try {
    const store = await imagesWithBackdoor(images, folder, INSIDE);
    say(`booting ${lanes} labs, gateways and work VMs`);
    const opening = Array.from({ length: lanes }, async () => {
      open.push(await Lane.open({ images: store, program, signal }));
    });
    // All of them, before one that failed ends the others.
    await Promise.allSettled(opening);
    await unlessAborted(signal, Promise.all(opening));
    const guarded = await playAll(open, 'guarded', schedule(FAULTS, cycles, seed), options);
    const equally = FAULTS.map((fault) => ({ ...fault, weight: 1 }));
    let bare: Run | undefined;
    if (antiCycles > 0 && !signal.aborted) {
      say('the same faults without guard and firewall, to see that leaks are seen');
      await Promise.all(open.map((lane) => unlessAborted(signal, lane.play('bare'))));
      bare = await playAll(open, 'bare', schedule(equally, antiCycles, seed), options);
    }
    return {
      seed,
      lanes,
      atLeast: AT_LEAST,
      guarded: runOf(guarded.cycles, guarded.seconds),
      bare: bare === undefined ? undefined : runOf(bare.cycles, bare.seconds),
      interrupted: signal.aborted,
      seconds: (monotonicMs() - began) / 1_000,
    };
  } finally {
    await Promise.all(open.map((lane) => lane.close().catch((cause: unknown) => say(String(cause)))));
    await rm(folder, { recursive: true, force: true });
  }
}

/** Interrupted, nothing that breaks off is an error any more. */
async function unlessAborted<T>(signal: AbortSignal, act: Promise<T>): Promise<T | undefined> {
  try {
    return await act;
  } catch (cause) {
    if (signal.aborted) return undefined;
    throw cause;
  }
}

interface Run {
  readonly cycles: readonly Cycle[];
  readonly seconds: number;
}

/** Each lane takes the next fault as soon as it is through with its last. */
async function playAll(
  lanes: readonly Lane[],
  mode: Mode,
  faults: readonly Fault[],
  { onCycle, signal }: CyclesOptions,
): Promise<Run> {
  const began = monotonicMs();
  const cycles: Cycle[] = [];
  const queue = [...faults];
  const work = async (lane: Lane) => {
    for (let fault = queue.shift(); fault !== undefined && !signal.aborted; fault = queue.shift()) {
      const cycle = await lane.cycle(fault);
      cycles.push(cycle);
      const secondsPerCycle = (monotonicMs() - began) / 1_000 / cycles.length;
      onCycle({ mode, done: cycles.length, of: faults.length, cycle, secondsPerCycle });
    }
  };
  const ended = await Promise.allSettled(lanes.map(work));
  const broken = ended.find((each) => each.status === 'rejected');
  if (broken !== undefined && !signal.aborted) throw broken.reason;
  return { cycles, seconds: (monotonicMs() - began) / 1_000 };
}
