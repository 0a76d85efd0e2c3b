/** Plays cycles on one ground, one after the other. */
import { VmgateError } from '../core/coded.ts';
import { monotonicMs } from '../host/index.ts';
import type { Attempt } from './attempts.ts';
import type { Fault, InsideLine } from './faults.ts';
import { type Counts, Ground, type GroundOptions, type Mode } from './ground.ts';
import { type Cycle, timeToBlock } from './statistics.ts';
import { namesIn, type Tried } from './tried.ts';
import { AT_LEAST, takeOver, Watch } from './watch.ts';

/** Traffic flows before the fault strikes. */
const RUN_UP_MS = 100;
/** The work VM pings every 200 ms. */
const FRESH_MS = 700;
/** A knock is obeyed within a second. */
const OBEYED_MS = 1_000;
/** What an owned gateway forwards is out by then. */
const OUT_MS = 700;
/** Twice what a flushed ruleset takes to be noticed; less than a gate that never notices has until it counts as stuck. */
const ASK_AGAIN_MS = 15_000;

export class Lane {
  readonly #ground: Ground;
  readonly #watch: Watch;
  #before: Counts = { lab: 0, uplink: 0, heldBytes: 0 };
  #askedAgain = 0;

  private constructor(ground: Ground, signal: AbortSignal) {
    this.#ground = ground;
    this.#watch = new Watch(ground, signal);
  }

  /** Boots a lab, opens a gate on it and starts its work VM. Nothing is left when it fails. */
  static async open(options: GroundOptions): Promise<Lane> {
    const ground = await Ground.open(options);
    try {
      return await Lane.on(ground, options.signal);
    } catch (cause) {
      await ground.close();
      throw cause;
    }
  }

  /** On a lab that is there. */
  static async on(ground: Ground, signal: AbortSignal): Promise<Lane> {
    const lane = new Lane(ground, signal);
    await lane.play('guarded');
    return lane;
  }

  /** From now on in this mode, on a fresh gate. */
  async play(mode: Mode): Promise<void> {
    await this.#ground.openGate(mode);
    await this.#watch.until('the gate is open and the work VM gets answers', () => this.#flows(), 'start');
    this.#before = await this.#ground.counts();
  }

  again(): Promise<void> {
    return this.play(this.#ground.mode);
  }

  get attempts(): Ground['attempts'] {
    return this.#ground.attempts;
  }

  /** One fault, from open to open again. What does not come back by itself is brought back, and told. */
  async cycle(fault: Fault): Promise<Cycle> {
    const { traffic, phases, witness, hand } = this.#ground;
    const began = monotonicMs();
    await this.#watch.until('the gate is open and the work VM gets answers', () => this.#flows(), fault.id);
    phases.forget();
    witness.forget();
    if (this.#ground.mode === 'bare') await takeOver(this.#ground, this.#watch);
    await this.#watch.talk(RUN_UP_MS);
    const sentBefore = traffic.sent;
    this.#ground.acts = [];
    this.#askedAgain = 0;
    let stuck: string | undefined;
    let opened = false;
    try {
      await fault.strike(hand);
      await this.#last(fault, sentBefore);
      if (fault.meanwhile !== undefined) await this.#watch.during(fault.meanwhile(hand), sentBefore);
      if (fault.shutMs !== undefined) opened = await this.#opensWithin(fault.shutMs, sentBefore);
      if (fault.heal !== undefined) await this.#watch.during(fault.heal(hand), sentBefore);
      const healed = monotonicMs();
      const isBack = () => this.#isBack(fault, healed) && traffic.sent - sentBefore >= AT_LEAST;
      if (this.#ground.mode === 'bare') await this.#confirm(isBack, fault.id, sentBefore);
      await this.#watch.until('the gate is open again and the work VM gets answers', isBack, fault.id, sentBefore);
    } catch (cause) {
      if (this.#watch.isAborted || !VmgateError.is(cause)) throw cause;
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
      ...(opened ? { opened } : {}),
      ...(stuck === undefined ? {} : { stuck }),
    };
  }

  /**
   * Each attempt once, on the work VM's wire, under its lease. `after`: what the gateway is told to do to itself first.
   */
  async volley(attempts: readonly Attempt[], after?: InsideLine): Promise<Tried> {
    const { phases, witness, traffic, hand } = this.#ground;
    const began = monotonicMs();
    await this.#watch.until('the gate is open and the work VM gets answers', () => this.#flows(), 'attempts');
    phases.forget();
    witness.forget();
    const before = await this.#ground.counts();
    if (after !== undefined) {
      hand.inside(after);
      await this.#watch.talk(OBEYED_MS);
    }
    const look = await this.#ground.try(attempts);
    if (after !== undefined) await this.#watch.last(OUT_MS, undefined);
    else {
      // The wire keeps the order: once this one has left, the gateway has looked at all before it.
      traffic.send(1);
      await this.#watch.until('a frame leaves through the tunnel', () => witness.departures.length > 0, 'attempts');
    }
    const seen = await look();
    const afterwards = await this.#ground.counts();
    const violated = after !== undefined ? await this.#comesBack(traffic.sent) : phases.now === 'violated';
    this.#before = await this.#ground.counts();
    return {
      ...namesIn(attempts, seen),
      leaked: Math.max(afterwards.lab - before.lab, afterwards.uplink - before.uplink),
      held: this.#before.heldBytes > before.heldBytes,
      violated,
      tookMs: monotonicMs() - began,
    };
  }

  status(): Promise<unknown> {
    return this.#ground.status();
  }

  close(): Promise<void> {
    return this.#ground.close();
  }

  /** Without a guard a canary got out: a violation, and that waits for a human. */
  async #confirm(isBack: () => boolean, fault: string, sentBefore: number): Promise<void> {
    const isViolated = () => this.#ground.phases.now === 'violated';
    const settled = () => isViolated() || isBack();
    await this.#watch.until('the gate is open again, or violated', settled, fault, sentBefore);
    if (isViolated()) await this.#watch.during(this.#ground.up(), sentBefore);
  }

  /** Open again after it was tampered with; whether a violation had to be confirmed. */
  async #comesBack(sentBefore: number): Promise<boolean> {
    const tampered = monotonicMs();
    const { phases } = this.#ground;
    const isBack = () => this.#isBack({ closes: true }, tampered);
    await this.#confirm(isBack, 'attempts', sentBefore);
    await this.#watch.until('the gate is open again and the work VM gets answers', isBack, 'attempts', sentBefore);
    return phases.seen.some(({ phase }) => phase === 'violated');
  }

  /** Whether the gate opens although it must not. */
  async #opensWithin(ms: number, sentBefore: number): Promise<boolean> {
    const { phases } = this.#ground;
    const known = phases.seen.length;
    await this.#watch.last(ms, sentBefore);
    return phases.seen.slice(known).some(({ phase }) => phase === 'open');
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
      return this.#watch.until('the gate closes', closes, id, heard);
    }
    await this.#watch.last(lasts, heard);
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

  #isBack({ closes }: Pick<Fault, 'closes'>, healed: number): boolean {
    const { phases, traffic, mode } = this.#ground;
    const must = closes || mode === 'bare';
    if ((must && !this.#hasClosed()) || phases.now !== 'open') return false;
    return traffic.answered > Math.max(phases.seen.at(-1)?.at ?? healed, healed);
  }
}
