/** Plays cycles on one ground, one after the other. */
import { setTimeout as delay } from 'node:timers/promises';
import { VmgateError } from '../core/coded.ts';
import { monotonicMs } from '../host/index.ts';
import { errors } from './codes.ts';
import { ACCEPT_ALL, type Fault } from './faults.ts';
import { type Counts, Ground, type GroundOptions, type Mode } from './ground.ts';
import { type Cycle, timeToBlock } from './statistics.ts';

/** Frames each cycle tries at least. */
export const AT_LEAST = 200;
/** Frames a look: 250 a second until there are enough, then the work VM goes on at 25. */
const MANY = 5;
const FEW = 0.5;
const LOOK_MS = 20;
/** Traffic flows before the fault strikes. */
const RUN_UP_MS = 100;
const PATIENCE_MS = 90_000;
/** The work VM pings every 200 ms. */
const FRESH_MS = 700;
const TAKEOVER_MS = 4_000;
/** Twice what a flushed ruleset takes to be noticed; less than a gate that never notices has until it counts as stuck. */
const ASK_AGAIN_MS = 15_000;

export class Lane {
  readonly #ground: Ground;
  readonly #signal: AbortSignal;
  #before: Counts = { lab: 0, uplink: 0, heldBytes: 0 };
  /** Frames due, fractions included. */
  #due = 0;
  #askedAgain = 0;

  private constructor(ground: Ground, signal: AbortSignal) {
    this.#ground = ground;
    this.#signal = signal;
  }

  /** Boots a lab, opens a gate on it and starts its work VM. Nothing is left when it fails. */
  static async open(options: GroundOptions): Promise<Lane> {
    const ground = await Ground.open(options);
    try {
      const lane = new Lane(ground, options.signal);
      await lane.play('guarded');
      return lane;
    } catch (cause) {
      await ground.close();
      throw cause;
    }
  }

  /** From now on in this mode, on a fresh gate. */
  async play(mode: Mode): Promise<void> {
    await this.#ground.openGate(mode);
    await this.#until('the gate is open and the work VM gets answers', () => this.#flows(), 'start');
    this.#before = await this.#ground.counts();
  }

  /** One fault, from open to open again. What does not come back by itself is brought back, and told. */
  async cycle(fault: Fault): Promise<Cycle> {
    const { traffic, phases, witness, hand } = this.#ground;
    const began = monotonicMs();
    await this.#until('the gate is open and the work VM gets answers', () => this.#flows(), fault.id);
    phases.forget();
    witness.forget();
    if (this.#ground.mode === 'bare') await this.#takeOver();
    await this.#talk(RUN_UP_MS);
    const sentBefore = traffic.sent;
    this.#ground.acts = [];
    this.#askedAgain = 0;
    let stuck: string | undefined;
    try {
      await fault.strike(hand);
      await this.#last(fault, sentBefore);
      if (fault.heal !== undefined) await this.#during(fault.heal(hand), sentBefore);
      const healed = monotonicMs();
      const isBack = () => this.#isBack(fault, healed) && traffic.sent - sentBefore >= AT_LEAST;
      if (this.#ground.mode === 'bare') await this.#confirm(isBack, fault.id, sentBefore);
      await this.#until('the gate is open again and the work VM gets answers', isBack, fault.id, sentBefore);
    } catch (cause) {
      if (this.#signal.aborted || !VmgateError.is(cause)) throw cause;
      const status = await this.status().catch(String);
      stuck = `${cause.what}; phases: ${phases.seen.map(({ phase }) => phase).join(' ')}; ${JSON.stringify(status)}`;
    }
    const recovered = traffic.answered;
    const [tried, before] = [traffic.sent - sentBefore, this.#before];
    const [struck = began, healing = struck] = this.#ground.acts;
    const seen = { phases: phases.seen, departures: witness.departures };
    const blockMs = fault.stops ? timeToBlock(seen, struck, healing) : undefined;
    const after = await this.#ground.counts();
    this.#before = after;
    if (stuck !== undefined) await this.play(this.#ground.mode);
    return {
      fault: fault.id,
      tried,
      leaked: { lab: after.lab - before.lab, uplink: after.uplink - before.uplink },
      heldBytes: after.heldBytes - before.heldBytes,
      blockMs,
      recoverMs: stuck === undefined ? recovered - struck : undefined,
      tookMs: monotonicMs() - began,
      askedAgain: this.#askedAgain,
      ...(stuck === undefined ? {} : { stuck }),
    };
  }

  status(): Promise<unknown> {
    return this.#ground.status();
  }

  close(): Promise<void> {
    return this.#ground.close();
  }

  /** The gateway accepts everything from now on; the gate finds out by its next pulse. */
  async #takeOver(): Promise<void> {
    const { witness, hand } = this.#ground;
    const before = witness.clear;
    hand.inside(ACCEPT_ALL);
    const deadline = monotonicMs() + TAKEOVER_MS;
    while (witness.clear === before && monotonicMs() < deadline) await this.#talk(LOOK_MS);
  }

  /** Without a guard a canary got out: a violation, and that waits for a human. */
  async #confirm(isBack: () => boolean, fault: string, sentBefore: number): Promise<void> {
    const isViolated = () => this.#ground.phases.now === 'violated';
    const settled = () => isViolated() || isBack();
    await this.#until('the gate is open again, or violated', settled, fault, sentBefore);
    if (isViolated()) await this.#during(this.#ground.up(), sentBefore);
  }

  /** The fault lasts; the work VM talks. */
  async #last(fault: Fault, sentBefore: number): Promise<void> {
    const { id, lasts, stalls, asksAgain } = fault;
    if (stalls === true) this.#ground.traffic.sendStalled();
    const heard = stalls === true ? undefined : sentBefore;
    if (lasts === 'until noticed') {
      const askAgain = asksAgain === true ? this.#askingAgain(fault) : () => {};
      const closes = () => {
        askAgain();
        return this.#hasClosed();
      };
      return this.#until('the gate closes', closes, id, heard);
    }
    const end = monotonicMs() + lasts;
    while (monotonicMs() < end) await this.#look(heard);
  }

  async #during(act: Promise<unknown>, sentBefore: number): Promise<void> {
    let isOver = false;
    const over = act.finally(() => {
      isOver = true;
    });
    // Its failure is thrown below.
    over.catch(() => undefined);
    while (!isOver) await this.#look(sentBefore);
    await over;
  }

  /** The time to block counts from the telling that was heard; how often it took another is told. */
  #askingAgain({ strike }: Fault): () => void {
    let due = monotonicMs() + ASK_AGAIN_MS;
    return () => {
      if (monotonicMs() < due) return;
      due += ASK_AGAIN_MS;
      this.#ground.acts = [];
      this.#askedAgain += 1;
      void strike(this.#ground.hand);
    };
  }

  #hasClosed(): boolean {
    return this.#ground.phases.seen.some(({ phase }) => phase !== 'open');
  }

  #flows(): boolean {
    const { phases, traffic } = this.#ground;
    return phases.now === 'open' && monotonicMs() - traffic.answered < FRESH_MS;
  }

  #isBack({ closes }: Fault, healed: number): boolean {
    const { phases, traffic, mode } = this.#ground;
    const must = closes || mode === 'bare';
    if ((must && !this.#hasClosed()) || phases.now !== 'open') return false;
    return traffic.answered > Math.max(phases.seen.at(-1)?.at ?? healed, healed);
  }

  /** `sentBefore`: the work VM talks meanwhile, faster until it has tried often enough since. */
  async #until(what: string, condition: () => boolean, fault: string, sentBefore?: number): Promise<void> {
    const deadline = monotonicMs() + PATIENCE_MS;
    while (!condition()) {
      if (monotonicMs() > deadline) {
        throw VmgateError.of(errors.DRILL_STUCK, { fault, waitedFor: what, seconds: PATIENCE_MS / 1_000 });
      }
      await this.#look(sentBefore);
    }
  }

  async #talk(ms: number): Promise<void> {
    const end = monotonicMs() + ms;
    while (monotonicMs() < end) await this.#look(this.#ground.traffic.sent);
  }

  async #look(sentBefore: number | undefined): Promise<void> {
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
