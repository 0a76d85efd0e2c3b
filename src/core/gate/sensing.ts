/** What sensors and the heartbeat tell: close first, ask later; or look again soon. */
import type { SerializedFault } from '../coded.ts';
import { close, type Step } from './closing.ts';
import { forgetMissed } from './failover.ts';
import { connect } from './opening.ts';
import { type GateState, isArmed, isProven } from './state.ts';

/**
 * Whatever was verified, or is being verified, was true of another network or another moment. The gateway is kept: it is
 * connected and verified anew. A gate that waits for its next attempt makes it now: the network may just have come back.
 */
export function shaken(state: GateState, fault: SerializedFault): Step {
  switch (state.phase) {
    case 'addressing':
    case 'connecting':
    case 'verifying':
    case 'open':
    case 'sign-in':
      // What failed on another network is no reason to wait on this one.
      return close({ ...forgetMissed(state), retries: 0 }, 'closed', { kind: 'fault', fault });
    case 'closed':
    case 'portal':
      // A gateway that does not boot is no matter of the network: it keeps to its backoff.
      return state.wanted && state.gatewayAlive ? connect({ ...forgetMissed(state), retries: 0 }) : [state, []];
    case 'booting':
    case 'closing':
    case 'violated':
    case 'stopping':
    case 'down':
      return [state, []];
  }
}

/** The next pulse is a full verification; one under way has begun too early to count. */
export function recheck(state: GateState): Step {
  return [state.phase === 'open' ? { ...state, reverifyDue: true, reverifyAtMs: undefined } : state, []];
}

/** The guard's deadline is pushed; but no heartbeat keeps a gate open past its receipt. */
export function tick(state: GateState, nowMs: number): Step {
  const { phase, reverifyAtMs, generation } = state;
  if (phase === 'open' && !isProven(state, nowMs)) {
    return close(state, 'closed', { kind: 'expired' });
  }
  const [next] = reverifyAtMs !== undefined && nowMs >= reverifyAtMs ? recheck(state) : [state];
  return [next, isArmed(state) ? [{ do: 'armGuard', generation }] : []];
}
