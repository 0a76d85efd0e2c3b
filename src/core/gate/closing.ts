/**
 * Close first, ask later. The guard stops at once (local, cannot block); then leases, work links, conntrack, each with
 * its own deadline in the runner; a step that fails never holds up the next one, but costs the gateway its life.
 */
import type { Effect } from './effects.ts';
import { hasUntried, tryNext } from './failover.ts';
import { CLOSE_STEPS, type CloseReason, type CloseTarget, type Closing, type GateState } from './state.ts';
import { answer, lose, shutWork } from './work.ts';

export type Step = readonly [GateState, readonly Effect[]];

/** How severe a target is: a close under way may only be redirected to a more drastic one. */
const SEVERITY: Readonly<Record<CloseTarget, number>> = { closed: 0, booting: 1, violated: 2, stopping: 3 };

/** Begins the closing order, or makes one under way lead to the more drastic of both targets. */
export function close(state: GateState, target: CloseTarget, reason: CloseReason | undefined): Step {
  const shut: GateState = {
    ...state,
    reason: reason ?? state.reason,
    receipt: undefined,
    pinned: false,
    reverifyDue: false,
    reverifyAtMs: undefined,
    look: 'no',
    signInWaiters: [],
  };
  const unserved = answer(state.signInWaiters, {
    ok: false,
    because: reason?.kind === 'fault' ? reason : { kind: 'cancelled' },
  });
  if (state.closing !== undefined) {
    const worse = SEVERITY[target] > SEVERITY[state.closing.target];
    // What the close itself brings about (the gateway it kills is then gone) must not stand in for why it began.
    const told = worse ? shut.reason : (state.reason ?? shut.reason);
    const drastic = worse ? target : state.closing.target;
    return [{ ...shut, reason: told, closing: { ...state.closing, target: drastic } }, [{ do: 'disarmGuard' }]];
  }
  const generation = state.generation + 1;
  const [step] = CLOSE_STEPS;
  const [closing, ended] = shutWork({
    ...shut,
    phase: 'closing',
    generation,
    closing: { step, failed: false, target },
  });
  return [
    closing,
    [
      { do: 'disarmGuard' },
      { do: 'revokeReceipt' },
      { do: 'announce', phase: 'closing', reason: closing.reason, claim: undefined },
      { do: step, generation },
      ...ended,
      ...unserved,
    ],
  ];
}

/** One step of the order answered (or failed). */
export function closeStepDone(state: GateState, closing: Closing, failed: boolean): Step {
  const next = CLOSE_STEPS[CLOSE_STEPS.indexOf(closing.step) + 1];
  const sofar: Closing = { ...closing, failed: closing.failed || failed };
  if (next !== undefined) {
    const going: GateState = { ...state, closing: { ...sofar, step: next } };
    // Wires down first: a VM that stands still on a live wire makes the gateway's hypervisor spin.
    const [lost, losses]: Step = closing.step === 'lowerLinks' ? loseAll(going, closing.target) : [going, []];
    return [lost, [{ do: next, generation: state.generation }, ...losses]];
  }
  return closed(state, sofar);
}

/** `down` stops every VM by itself, and one that stands still would not hear its power button. */
function loseAll(state: GateState, target: CloseTarget): Step {
  return target === 'stopping' ? [state, []] : lose(state, Object.keys(state.work));
}

function closed(state: GateState, closing: Closing): Step {
  const target = closing.failed && closing.target === 'closed' ? 'booting' : closing.target;
  if (target === 'closed') return settle({ ...state, closing: undefined });
  // Everything more drastic than `closed` ends the gateway process; `gatewayKilled` carries on from there.
  return [{ ...state, closing: { ...closing, target } }, [{ do: 'killGateway', generation: state.generation }]];
}

/** Closed: answer who waits, and try again later. Where a portal may be why, both wait for the look for one. */
export function settle(state: GateState): Step {
  const retries = state.retries + 1;
  const { generation } = state;
  const next: GateState = { ...state, phase: 'closed', retries };
  const told: Effect = { do: 'announce', phase: 'closed', reason: state.reason, claim: undefined };
  if (state.look === 'due' && state.wanted && state.gatewayAlive) {
    return [{ ...next, look: 'asked' }, [told, { do: 'lookForPortal', generation }]];
  }
  const [waiting, effects] = waitToRetry(next, backoffMs(retries));
  return [waiting, [told, ...effects]];
}

/**
 * Who waits for the gate is told that it is closed; the next attempt is `ms` away. Unless there is a profile that was not
 * tried yet: that one has its turn now, and whoever waits goes on waiting.
 */
export function waitToRetry(state: GateState, ms: number): Step {
  if (hasUntried(state)) return tryNext(state);
  return [
    { ...state, look: 'no', upWaiters: [] },
    [...refuse(state, state.upWaiters), { do: 'timer', name: 'retry', ms, generation: state.generation }],
  ];
}

/** Tells every `up` that waited why the gate is not open. */
export function refuse({ phase, reason }: GateState, waiters: readonly number[]): readonly Effect[] {
  if (waiters.length === 0) return [];
  return [{ do: 'reply', to: waiters, outcome: { ok: false, because: { kind: 'notOpen', phase, reason } } }];
}

/** 1 s, 2 s, then every 3 s: a returning network is met within one interval. Jitter is the runner's. */
export function backoffMs(retries: number): number {
  return Math.min(retries, 3) * 1_000;
}
