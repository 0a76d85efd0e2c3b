/**
 * Notices that time passed without this process: a machine that slept, a process that was stopped, a clock that was set.
 * It is asked before every event of a gate, so that nothing which waited through the gap is heard first.
 */
import os from 'node:os';
import { VmgateError } from '../core/coded.ts';
import { monotonicMs, wallMs } from '../host/index.ts';
import { errors, type LostTime } from './codes.ts';

/** Milliseconds of three clocks of one moment. */
export interface Moment {
  /** Stands still while a Linux machine sleeps. */
  readonly monotonicMs: number;
  /** Anybody may set it. */
  readonly wallMs: number;
  /** Since the machine was started, its sleep included: what tells a sleep from a clock that was set. */
  readonly upMs: number;
}

export interface ClockLimits {
  /** A gap between two looks from which on the process did not run. */
  readonly stillMs: number;
  /** By how much wall and monotonic clock may part from each other between two looks. */
  readonly jumpMs: number;
}

/** Jumps told as sleep may be shorter by this: the time since the start is known to a second only on some systems. */
const ROUNDING_MS = 1_000;

export function hostClocks(): Moment {
  return { monotonicMs: monotonicMs(), wallMs: wallMs(), upMs: os.uptime() * 1_000 };
}

export class ClockSensor {
  readonly #limits: ClockLimits;
  readonly #clocks: () => Moment;
  #last: Moment;

  constructor(limits: ClockLimits, clocks: () => Moment = hostClocks) {
    this.#limits = limits;
    this.#clocks = clocks;
    this.#last = clocks();
  }

  /** What happened since the last look; undefined when nothing did. Small steps of a clock that is slewed never add up. */
  look(): VmgateError | undefined {
    const now = this.#clocks();
    const lost = lostBetween(this.#last, now, this.#limits);
    this.#last = now;
    return lost && VmgateError.of(errors.SENSOR_TIME_LOST, lost);
  }
}

function lostBetween(before: Moment, now: Moment, { stillMs, jumpMs }: ClockLimits): LostTime | undefined {
  const elapsed = now.monotonicMs - before.monotonicMs;
  const drift = now.wallMs - before.wallMs - elapsed;
  const asleep = now.upMs - before.upMs - elapsed;
  const told = (how: LostTime['how'], ms: number): LostTime => ({ how, seconds: Math.round(ms / 1_000) });
  if (asleep >= jumpMs || (drift >= jumpMs && asleep >= jumpMs - ROUNDING_MS)) return told('slept', asleep);
  if (drift >= jumpMs) return told('set ahead', drift);
  if (drift <= -jumpMs) return told('set back', -drift);
  return elapsed >= stillMs ? told('stood still', elapsed) : undefined;
}
