/**
 * A gate whose defences are taken away, all at once and for good: no firewall in the gateway, no guard, and a supervisor that
 * stands still. What cases leak here they would leak in earnest, were the defences not there.
 */
import { VmgateError } from '../core/coded.ts';
import { monotonicMs } from '../host/index.ts';
import type { Attempt } from './attempts.ts';
import type { Fault, FaultHand } from './faults.ts';
import { Ground, type GroundOptions } from './ground.ts';
import { Lane } from './lane.ts';
import type { Cycle } from './statistics.ts';
import { namesIn, type Tried } from './tried.ts';
import { AT_LEAST, takeOver, Watch } from './watch.ts';

const RUN_UP_MS = 200;
/** Nobody notices anything here; long enough for frames to try. */
const LASTS_MS = 1_500;
const OUT_MS = 700;
const FLOWS_MS = 700;

export class Undefended {
  readonly #ground: Ground;
  readonly #watch: Watch;
  readonly #signal: AbortSignal;
  /** What is left of the hand: nobody hits a supervisor that stands still, or wakes it. */
  readonly #hand: FaultHand;
  #isOpen = false;

  private constructor(ground: Ground, signal: AbortSignal) {
    this.#ground = ground;
    this.#watch = new Watch(ground, signal);
    this.#signal = signal;
    this.#hand = {
      ...ground.hand,
      signal: async (part, signal) => {
        if (part !== 'supervisor') await ground.hand.signal(part, signal);
      },
      up: async () => {},
    };
  }

  /** Boots a lab; the gate on it is down. */
  static async open(options: GroundOptions): Promise<Undefended> {
    return new Undefended(await Ground.open(options), options.signal);
  }

  get attempts(): Ground['attempts'] {
    return this.#ground.attempts;
  }

  /** Where there is no gateway at all: on the untrusted network itself. Before anything else. */
  async outside(attempts: readonly Attempt[]): Promise<Tried> {
    const began = monotonicMs();
    const seen = await this.#ground.tryOutside(attempts);
    const rest = { leaked: seen.foreign, held: false, violated: false, tookMs: monotonicMs() - began };
    return { ...namesIn(attempts, seen), ...rest };
  }

  /** A fresh gate without defences. */
  async again(): Promise<void> {
    this.#isOpen = false;
    await this.#ground.openGate('bare');
    const { phases, traffic } = this.#ground;
    const flows = () => phases.now === 'open' && monotonicMs() - traffic.answered < FLOWS_MS;
    await this.#watch.until('the gate is open and the work VM gets answers', flows, 'start');
    await this.#ground.freeze();
    this.#isOpen = await takeOver(this.#ground, this.#watch);
  }

  async volley(attempts: readonly Attempt[]): Promise<Tried> {
    await this.#laidOpen();
    const began = monotonicMs();
    const before = await this.#ground.counts();
    const look = await this.#ground.try(attempts);
    await this.#watch.last(OUT_MS, undefined);
    const seen = await look();
    const after = await this.#ground.counts();
    const leaked = Math.max(after.lab - before.lab, after.uplink - before.uplink);
    return { ...namesIn(attempts, seen), leaked, held: false, violated: false, tookMs: monotonicMs() - began };
  }

  /** One fault, with what is in clear until it ends. */
  async cycle(fault: Fault): Promise<Cycle> {
    await this.#laidOpen();
    const { traffic } = this.#ground;
    const began = monotonicMs();
    const [before, sentBefore] = [await this.#ground.counts(), traffic.sent];
    await this.#watch.talk(RUN_UP_MS);
    let stuck: string | undefined;
    try {
      await this.#suffer(fault, sentBefore);
    } catch (cause) {
      if (this.#watch.isAborted || !VmgateError.is(cause)) throw cause;
      stuck = cause.what;
    }
    const after = await this.#ground.counts();
    return {
      fault: fault.id,
      tried: traffic.sent - sentBefore,
      leaked: { lab: after.lab - before.lab, uplink: after.uplink - before.uplink },
      heldBytes: 0,
      blockMs: undefined,
      recoverMs: undefined,
      tookMs: monotonicMs() - began,
      askedAgain: 0,
      ...(stuck === undefined ? {} : { stuck }),
    };
  }

  /** The same lab, with a whole gate on it from now on. */
  async defended(): Promise<Lane> {
    await this.#ground.hand.dhcp('plain');
    return Lane.on(this.#ground, this.#signal);
  }

  close(): Promise<void> {
    return this.#ground.close();
  }

  async #suffer({ strike, lasts, stalls, meanwhile, heal }: Fault, sentBefore: number): Promise<void> {
    const { traffic } = this.#ground;
    await strike(this.#hand);
    if (stalls === true) traffic.sendStalled();
    const ms = lasts === 'until noticed' ? LASTS_MS : Math.min(lasts, LASTS_MS);
    await this.#watch.last(ms, stalls === true ? undefined : sentBefore);
    if (meanwhile !== undefined) await this.#watch.during(meanwhile(this.#hand), undefined);
    if (heal !== undefined) await this.#watch.during(heal(this.#hand), undefined);
    // What is frozen for good elsewhere.
    for (const part of ['gateway', 'guard'] as const) await this.#hand.signal(part, 'SIGCONT').catch(ignoreGone);
    while (traffic.sent - sentBefore < AT_LEAST) await this.#watch.look(sentBefore);
  }

  /** In clear right now: still, again, or on a fresh gate. */
  async #laidOpen(): Promise<void> {
    if (this.#isOpen) {
      const { witness } = this.#ground;
      const before = witness.clear;
      await this.#watch.talk(RUN_UP_MS);
      if (witness.clear > before || (await takeOver(this.#ground, this.#watch))) return;
    }
    await this.again();
  }
}

/** A part that was killed. */
function ignoreGone(cause: unknown): void {
  if (!VmgateError.is(cause) && (cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause;
}
