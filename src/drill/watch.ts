/** Looks at a ground again and again while something lasts, and lets its work VM talk meanwhile. */
import { setTimeout as delay } from 'node:timers/promises';
import { VmgateError } from '../core/coded.ts';
import { monotonicMs } from '../host/index.ts';
import { errors } from './codes.ts';
import { ACCEPT_ALL } from './faults.ts';
import type { Ground } from './ground.ts';

/** Frames each fault tries at least. */
export const AT_LEAST = 200;
/** Frames a look: 250 a second until there are enough, then the work VM goes on at 25. */
const MANY = 5;
const FEW = 0.5;
const LOOK_MS = 20;
const PATIENCE_MS = 90_000;

export class Watch {
  readonly #ground: Ground;
  readonly #signal: AbortSignal;
  /** Frames due, fractions included. */
  #due = 0;

  constructor(ground: Ground, signal: AbortSignal) {
    this.#ground = ground;
    this.#signal = signal;
  }

  get isAborted(): boolean {
    return this.#signal.aborted;
  }

  /**
   * `sentBefore`: the work VM talks meanwhile, faster until it has tried often enough since; undefined: it is silent.
   *
   * @throws DRILL_STUCK
   */
  async until(what: string, condition: () => boolean, fault: string, sentBefore?: number): Promise<void> {
    const deadline = monotonicMs() + PATIENCE_MS;
    while (!condition()) {
      if (monotonicMs() > deadline) {
        throw VmgateError.of(errors.DRILL_STUCK, { fault, waitedFor: what, seconds: PATIENCE_MS / 1_000 });
      }
      await this.look(sentBefore);
    }
  }

  /** Until `act` is over. */
  async during(act: Promise<unknown>, sentBefore: number | undefined): Promise<void> {
    let isOver = false;
    const over = act.finally(() => {
      isOver = true;
    });
    // Its failure is thrown below.
    over.catch(() => undefined);
    while (!isOver) await this.look(sentBefore);
    await over;
  }

  /** At full speed. */
  async talk(ms: number): Promise<void> {
    const end = monotonicMs() + ms;
    while (monotonicMs() < end) await this.look(this.#ground.traffic.sent);
  }

  async last(ms: number, sentBefore: number | undefined): Promise<void> {
    const end = monotonicMs() + ms;
    while (monotonicMs() < end) await this.look(sentBefore);
  }

  async look(sentBefore: number | undefined): Promise<void> {
    await delay(LOOK_MS, undefined, { signal: this.#signal });
    const { phases, witness, traffic } = this.#ground;
    phases.read();
    witness.read();
    if (sentBefore === undefined) return;
    this.#due += traffic.sent - sentBefore < AT_LEAST ? MANY : FEW;
    const frames = Math.floor(this.#due);
    this.#due -= frames;
    traffic.send(frames);
  }
}

const TAKEOVER_MS = 4_000;

/** The gateway accepts everything from now on; false where nothing of it is to be seen. */
export async function takeOver({ witness, hand }: Ground, watch: Watch): Promise<boolean> {
  const before = witness.clear;
  hand.inside(ACCEPT_ALL);
  const deadline = monotonicMs() + TAKEOVER_MS;
  while (witness.clear === before && monotonicMs() < deadline) await watch.talk(LOOK_MS);
  return witness.clear > before;
}
