/** The way up: boot, connect, verify, open, and the pulse that keeps it open. */
import { failing, mayOpen, mayRenew } from '../opening.ts';
import type { CheckName, Verdict } from '../verdict.ts';
import { close, type Step } from './closing.ts';
import type { Effect } from './effects.ts';
import type { GateEvent } from './events.ts';
import { forgetMissed, isRoundOver, tryNext } from './failover.ts';
import { closeUnanswered, isWaiting } from './portal.ts';
import { admittedVms, type GateState } from './state.ts';
import { judgeRunning, reply } from './work.ts';

/**
 * Refuted, these tell of a gateway that is not what was booted and set up. No network brings that about and no reconnect
 * undoes it: what a reconnect does not set (the links' routes, another table's rules) would stay wrong for ever.
 */
const OF_THE_GATEWAY: readonly CheckName[] = ['image', 'ruleset', 'routes', 'canary'];

/**
 * Verifications in a row that fail on a tunnel that connects, after which the gateway is replaced: what hangs in it (its
 * resolver, for one) looks like a network that does not answer, and no reconnect mends it.
 */
const WORN_AFTER = 3;

/** Pulse interval of an open gate. The kernel lease is 15 s, the guard's deadline 5 s. */
export const PULSE_MS = 2_000;

export function boot(state: GateState): Step {
  const next: GateState = { ...state, phase: 'booting', look: 'no', generation: state.generation + 1 };
  return enter(next, [{ do: 'bootGateway', profile: next.profiles.at, generation: next.generation }]);
}

/** Where the local network gives the address, it is asked anew for each connect: it may have changed its mind. */
export function connect(state: GateState): Step {
  if (!state.dhcp) return pin(state);
  const next: GateState = {
    ...state,
    phase: 'addressing',
    pinned: false,
    look: 'no',
    generation: state.generation + 1,
  };
  return enter(next, [{ do: 'admitDhcp', generation: next.generation }]);
}

/** The guard, armed for DHCP, is told to stop: its deadline must not pass while the endpoint's name is looked up. */
export function addressed(state: GateState): Step {
  const [next, effects] = pin(state);
  return [next, [{ do: 'disarmGuard' }, ...effects]];
}

/** A generation of its own: the guard obeys no order to arm that is older than its policy. */
function pin(state: GateState): Step {
  const next: GateState = {
    ...state,
    phase: 'connecting',
    pinned: false,
    look: 'no',
    generation: state.generation + 1,
  };
  return enter(next, [{ do: 'pin', generation: next.generation }]);
}

export function enter(state: GateState, effects: readonly Effect[]): Step {
  return [
    state,
    [{ do: 'announce', phase: state.phase, reason: state.reason, claim: state.receipt?.claim }, ...effects],
  ];
}

export function judged(state: GateState, event: Extract<GateEvent, { type: 'judged' }>): Step {
  if (event.generation !== state.generation) return [state, []];
  const again = state.phase === 'open';
  if (!again && state.phase !== 'verifying') return [state, []];
  const known: GateState = { ...state, verdicts: event.verdicts };
  if (!mayOpen(event.verdicts, event.claim)) {
    return closeFor(known, event.verdicts);
  }
  const receipt = { claim: event.claim, expiresMs: event.nowMs + event.maxAgeMs };
  const open: GateState = {
    ...forgetMissed(known),
    phase: 'open',
    retries: 0,
    everOpen: true,
    reason: undefined,
    // Half of the receipt's time is left for a verification that has to wait or takes long.
    reverifyAtMs: event.nowMs + Math.min(event.everyMs, event.maxAgeMs / 2),
    receipt,
    upWaiters: [],
  };
  const { generation } = state;
  const written: Effect = { do: 'writeReceipt', verdicts: event.verdicts, ...receipt, generation };
  const renewal: Effect = { do: 'lease', admitted: admittedVms(open), raise: undefined, generation };
  if (again) return [open, [written, renewal]];
  const [judging, judgements] = judgeRunning(open);
  return enter(judging, [
    written,
    renewal,
    ...judgements,
    ...(state.upWaiters.length > 0 ? [reply(state.upWaiters, { ok: true, already: false })] : []),
  ]);
}

export function pulsed(state: GateState, event: Extract<GateEvent, { type: 'pulsed' }>): Step {
  if (event.generation !== state.generation || state.phase !== 'open') return [state, []];
  if (!mayRenew(event.verdicts)) {
    return closeFor(state, event.verdicts);
  }
  return [state, [{ do: 'lease', admitted: admittedVms(state), raise: undefined, generation: state.generation }]];
}

/** Closed, to be connected again; or a fresh gateway, where this one is at fault. */
function closeFor(state: GateState, verdicts: readonly Verdict[]): Step {
  const failed = failing(verdicts);
  const isSick = failed.some(({ check, outcome }) => outcome === 'refuted' && OF_THE_GATEWAY.includes(check));
  const isSilent = failed.some(({ check, outcome }) => outcome === 'unknown' && check !== 'exit');
  const isWorn = isSilent && state.phase === 'verifying' && (state.retries + 1) % WORN_AFTER === 0;
  const reason = { kind: 'verdicts', failed } as const;
  return isSick || isWorn ? close(state, 'booting', reason) : closeUnanswered(state, reason);
}

export function timer(state: GateState, event: Extract<GateEvent, { type: 'timer' }>): Step {
  if (event.generation !== state.generation) return [state, []];
  const { generation } = state;
  switch (event.name) {
    case 'retry':
      if (!isWaiting(state) || !state.wanted) return [state, []];
      if (isRoundOver(state)) return tryNext(forgetMissed(state));
      return state.gatewayAlive ? connect(state) : boot(state);
    case 'portal':
      return [state, state.phase === 'portal' ? [{ do: 'lookForPortal', generation }] : []];
    case 'pulse':
      // A full verification takes the pulse's turn: the canaries need the probe link's lease for themselves.
      if (state.reverifyDue)
        // Due no more from its beginning on: what is noticed while it looks is looked at once more.
        return whenOpen({ ...state, reverifyDue: false, reverifyAtMs: undefined }, generation, {
          do: 'verify',
          generation,
          admitted: admittedVms(state),
        });
      return whenOpen(state, generation, { do: 'pulse', generation, admitted: admittedVms(state) });
  }
}

export function whenOpen(state: GateState, generation: number, effect: Effect): Step {
  return [state, state.phase === 'open' && generation === state.generation ? [effect] : []];
}
