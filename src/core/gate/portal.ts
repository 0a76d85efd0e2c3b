/**
 * A portal of the local network: looked for once a tunnel has failed, never while the gate is open, and let through to
 * only when somebody asks. Nothing that a portal says opens the gate: at most it ends a wait, and then every check runs.
 */
import type { SerializedFault } from '../coded.ts';
import { backoffMs, close, refuse, type Step, waitToRetry } from './closing.ts';
import { forgetMissed, noteMissed } from './failover.ts';
import { connect, enter } from './opening.ts';
import type { CloseReason, GateState } from './state.ts';
import { answer, reply } from './work.ts';

/** Between two looks whether the portal is gone; with a look of 1 s it is noticed within 3 s. */
const LOOK_MS = 1_500;
/** A portal may go on answering for the probe's host after it let everything else through: so the tunnel is tried too. */
const TRY_MS = 30_000;
const SOON_MS = 1_000;

/** Waits for a timer, with nothing under way that a request could disturb. */
export function isWaiting({ phase }: GateState): boolean {
  return phase === 'closed' || phase === 'portal';
}

/** Closed because a tunnel had no answer: a portal may be why. */
export function closeUnanswered(state: GateState, reason: CloseReason): Step {
  const isMissed = state.phase === 'connecting' || state.phase === 'verifying';
  const [closing, effects] = close(isMissed ? noteMissed(state) : state, 'closed', reason);
  return [closing.closing?.target === 'closed' ? { ...closing, look: 'due' } : closing, effects];
}

/** `found`: the portal, as the error that names it. `tookMs`: of the time until the next attempt. */
export function portalLooked(
  state: GateState,
  generation: number,
  found: SerializedFault | undefined,
  tookMs: number,
): Step {
  if (generation !== state.generation || !isWaiting(state)) return [state, []];
  if (state.phase === 'portal')
    return found === undefined ? connect({ ...state, retries: 0 }) : [state, [again(state)]];
  if (state.look !== 'asked') return [state, []];
  if (found === undefined) return waitToRetry(state, Math.max(SOON_MS, backoffMs(state.retries) - tookMs));
  // No profile passes a portal: none is at fault.
  const portal: GateState = {
    ...forgetMissed(state),
    phase: 'portal',
    look: 'no',
    reason: { kind: 'fault', fault: found },
  };
  return enter({ ...portal, upWaiters: [] }, [
    ...refuse(portal, portal.upWaiters),
    again(portal),
    { do: 'timer', name: 'retry', ms: TRY_MS, generation },
  ]);
}

function again({ generation }: GateState) {
  return { do: 'timer', name: 'portal', ms: LOOK_MS, generation } as const;
}

/** Only from a gate that waits: the VPN is stopped, leases are gone and wires down already. */
export function signIn(state: GateState, request: number): Step {
  if (!isWaiting(state) || !state.gatewayAlive || !state.wanted) {
    const { phase, reason } = state;
    return [state, [reply([request], { ok: false, because: { kind: 'noSignIn', phase, reason } })]];
  }
  const next: GateState = {
    ...forgetMissed(state),
    phase: 'sign-in',
    pinned: false,
    look: 'no',
    generation: state.generation + 1,
    signInWaiters: [request],
  };
  return enter(next, [{ do: 'admitPortal', generation: next.generation }]);
}

export function portalAdmitted(state: GateState, generation: number): Step {
  // Once: the guard has its time from here on, and who waited is through.
  if (generation !== state.generation || state.phase !== 'sign-in' || state.pinned) return [state, []];
  return [
    { ...state, pinned: true, signInWaiters: [] },
    [{ do: 'armGuard', generation }, ...answer(state.signInWaiters, { ok: true, already: false })],
  ];
}

/** Done, given up, or the guard's time is over: what was let through ends by the closing order like anything else. */
export function signInOver(state: GateState, generation: number, fault: SerializedFault | undefined): Step {
  if (generation !== state.generation || state.phase !== 'sign-in') return [state, []];
  const reason = fault && ({ kind: 'fault', fault } as const);
  return close({ ...state, retries: 0, reason }, 'closed', undefined);
}
