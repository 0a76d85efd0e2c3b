/**
 * The dead man's switch: until when frames may pass. Pure; both clocks are handed in with every question.
 *
 * Two clocks because each lies alone: CLOCK_MONOTONIC stands still while a Linux machine sleeps, and anybody may set
 * the wall clock. An order counts only if both say it is still in force; a change of 5 s of one against the other
 * (sleep, a set clock) ends it. Orders carry absolute times, so one that waited in the pipe is late, not long.
 */
import { MAX_ARM_MS } from './protocol.ts';

/** Milliseconds; `monotonic` of CLOCK_MONOTONIC, `wall` since the epoch. */
export interface Clocks {
  readonly monotonic: number;
  readonly wall: number;
}

export type DisarmCause = 'deadline' | 'clock-jump' | 'order' | 'policy' | 'portal';

export class Deadline {
  readonly #disarmed: (why: DisarmCause) => void;
  /** Stop at these; undefined while not armed. */
  #until: Clocks | undefined;
  /** Wall minus monotonic when the clocks were last trusted. */
  #offset: number;
  #generation = -1;
  /** Lowest generation that may arm. */
  #floor = 0;

  /** Beyond which no order arms; undefined where there is no such end. */
  #ceiling: Clocks | undefined;

  /** `disarmed` is told once each time passing ends. */
  constructor(now: Clocks, disarmed: (why: DisarmCause) => void) {
    this.#offset = now.wall - now.monotonic;
    this.#disarmed = disarmed;
  }

  get armed(): boolean {
    return this.#until !== undefined;
  }

  /** Obeys an order if it is of this or a newer generation and, on both clocks, still ahead. Never beyond MAX_ARM_MS from now. */
  arm(generation: number, until: Clocks, now: Clocks): void {
    if (this.#jumped(now) || generation < this.#floor) return;
    // The sender's clocks against ours: an order from before a jump that nobody had noticed yet.
    if (Math.abs(until.wall - until.monotonic - this.#offset) >= MAX_ARM_MS) return;
    if (until.monotonic <= now.monotonic || until.wall <= now.wall) return;
    // Taken anew, so that weeks of clock slewing do not add up to a jump.
    this.#offset = now.wall - now.monotonic;
    this.#floor = generation;
    this.#generation = generation;
    if (this.#isPastCeiling(now)) return;
    const { monotonic, wall } = this.#ceiling ?? { monotonic: Infinity, wall: Infinity };
    this.#until = {
      monotonic: Math.min(until.monotonic, now.monotonic + MAX_ARM_MS, monotonic),
      wall: Math.min(until.wall, now.wall + MAX_ARM_MS, wall),
    };
  }

  /**
   * From `now` on, nothing passes after `ms`, whoever asks: for a policy that is not to last. One that has such an end
   * already keeps it; undefined lifts it.
   */
  limit(ms: number | undefined, now: Clocks): void {
    if (ms === undefined) this.#ceiling = undefined;
    else this.#ceiling ??= { monotonic: now.monotonic + ms, wall: now.wall + ms };
  }

  /** Passes nothing more before an order of a higher generation than any so far. */
  disarm(why: DisarmCause): void {
    this.#floor = this.#generation + 1;
    this.#end(why);
  }

  /** The one question on the path of frames: may they pass now? */
  mayPass(now: Clocks): boolean {
    if (this.#jumped(now) || this.#until === undefined) return false;
    if (now.monotonic < this.#until.monotonic && now.wall < this.#until.wall) return true;
    this.#end(this.#isPastCeiling(now) ? 'portal' : 'deadline');
    return false;
  }

  /** Milliseconds until the deadline; 0 when not armed or past it. */
  remainingMs(now: Clocks): number {
    if (this.#until === undefined) return 0;
    return Math.max(0, Math.min(this.#until.monotonic - now.monotonic, this.#until.wall - now.wall));
  }

  #isPastCeiling(now: Clocks): boolean {
    const ceiling = this.#ceiling;
    return ceiling !== undefined && (now.monotonic >= ceiling.monotonic || now.wall >= ceiling.wall);
  }

  #jumped(now: Clocks): boolean {
    const offset = now.wall - now.monotonic;
    if (Math.abs(offset - this.#offset) < MAX_ARM_MS) return false;
    this.#offset = offset;
    this.disarm('clock-jump');
    return true;
  }

  #end(why: DisarmCause): void {
    if (this.#until === undefined) return;
    this.#until = undefined;
    this.#disarmed(why);
  }
}
