/**
 * The event queue of a gate: one event at a time through the pure `step`, then its effects, in order, through the table
 * of runners. It decides nothing; a runner that throws or is late becomes one `failed` event.
 */
import { VmgateError } from '../core/coded.ts';
import type { Effect } from '../core/gate/effects.ts';
import type { GateEvent } from '../core/gate/events.ts';
import type { GateState } from '../core/gate/state.ts';
import { step } from '../core/gate.ts';
import { MAX_HOPS } from '../core/policy/chain.ts';
import { messageOf, whenOverdue } from '../host/index.ts';
import { errors } from './codes.ts';

type Answer = GateEvent | undefined;

/** One runner per effect. Runners of local effects work before they return: the guard is told before anything can wait. */
export type Runners = {
  readonly [K in Effect['do']]: (effect: Extract<Effect, { do: K }>) => Answer | Promise<Answer>;
};

/** Seconds each effect may take; those not named answer at once. Of the closing order each has a second. */
const DEADLINE_S: Partial<Record<Effect['do'], number>> = {
  bootGateway: 90,
  killGateway: 10,
  admitDhcp: 15,
  // The verb's own 20 s and its way there.
  askAddress: 25,
  // A look gives up long before.
  lookForPortal: 10,
  admitPortal: 20,
  pin: 15,
  // Of each hop there may be, besides its own (connect.ts).
  startTunnel: 30 * MAX_HOPS,
  verify: 40,
  pulse: 6,
  // Its turn may come after a full verification.
  lease: 45,
  dropLeases: 1,
  lowerLinks: 1,
  lowerLink: 1,
  pauseWork: 2,
  flushConntrack: 1,
  defineWork: 40,
  judgeWork: 10,
  resumeWork: 5,
  raiseWork: 5,
  awaitReady: 305,
  stopWork: 45,
};

export class GateLoop {
  #state: GateState;
  readonly #runners: Runners;
  readonly #queue: GateEvent[] = [];
  readonly #observe: (effect: Effect, fault: VmgateError) => void;
  readonly #before: (effect: Effect) => void;
  readonly #timeLost: () => VmgateError | undefined;
  #draining = false;

  /**
   * `observe` hears of every effect that failed, before the state machine does; `before` of every effect, before its
   * runner does. `timeLost` is asked before every event: after a sleep the gate hears of the sleep, and then of what
   * waited meanwhile, be it the heartbeat that would arm the guard again.
   */
  constructor(
    state: GateState,
    runners: Runners,
    observe: (effect: Effect, fault: VmgateError) => void = () => {},
    before: (effect: Effect) => void = () => {},
    timeLost: () => VmgateError | undefined = () => undefined,
  ) {
    this.#state = state;
    this.#runners = runners;
    this.#observe = observe;
    this.#before = before;
    this.#timeLost = timeLost;
  }

  get state(): GateState {
    return this.#state;
  }

  post(event: GateEvent): void {
    const lost = this.#timeLost();
    if (lost !== undefined) this.#queue.push({ type: 'shaken', fault: lost.serialize() });
    this.#queue.push(event);
    if (this.#draining) return;
    this.#draining = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        const [state, effects] = step(this.#state, next);
        this.#state = state;
        for (const effect of effects) this.#start(effect);
      }
    } finally {
      this.#draining = false;
    }
  }

  #start(effect: Effect): void {
    this.#before(effect);
    // The table's types tie each runner to its effect; TypeScript cannot follow that through an index.
    const run = this.#runners[effect.do] as (effect: Effect) => Answer | Promise<Answer>;
    const fail = (cause: unknown) => this.#failed(effect, cause);
    try {
      const answer = run(effect);
      if (answer instanceof Promise) within(answer, effect).then((event) => this.#answered(event), fail);
      else this.#answered(answer);
    } catch (cause) {
      fail(cause);
    }
  }

  #answered(event: Answer): void {
    if (event !== undefined) this.post(event);
  }

  #failed(effect: Effect, cause: unknown): void {
    const fault = asFault(cause, `runner ${effect.do}`);
    this.#observe(effect, fault);
    this.post({ type: 'failed', effect, fault: fault.serialize() });
  }
}

/** Whatever was thrown, as the error users see; anything without a code is a defect of vmgate and says so. */
export function asFault(cause: unknown, where: string): VmgateError {
  if (VmgateError.is(cause)) return cause;
  const evidence = cause instanceof Error && cause.stack !== undefined ? cause.stack.split('\n').slice(1, 6) : [];
  return VmgateError.of(errors.GATE_DEFECT, { where, message: messageOf(cause) }, { cause, evidence });
}

async function within(answer: Promise<Answer>, effect: Effect): Promise<Answer> {
  const seconds = DEADLINE_S[effect.do];
  return seconds === undefined ? answer : withinSeconds(seconds, effect.do, () => answer);
}

/** @throws GATE_STEP_LATE for work that takes longer */
export async function withinSeconds<T>(seconds: number, step: Effect['do'], work: () => Promise<T>): Promise<T> {
  let endWait: (() => void) | undefined;
  const late = new Promise<never>((_, reject) => {
    endWait = whenOverdue(seconds * 1_000, () => reject(VmgateError.of(errors.GATE_STEP_LATE, { step, seconds })));
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    endWait?.();
  }
}
