/** What went wrong, and how drastic the answer is: retry, fresh gateway, violated, or undo. */
import { close, closeStepDone, type Step } from './closing.ts';
import type { Effect } from './effects.ts';
import { finishDown, gatewayKilled } from './ending.ts';
import type { GateEvent } from './events.ts';
import { closeUnanswered, portalLooked } from './portal.ts';
import type { CloseReason, GateState } from './state.ts';
import { abandon, chainBroke, notReady, notStopped, reply } from './work.ts';

/** Refused by these, it is the network that refuses: the gateway stays, and is connected again. */
const OF_THE_NETWORK: readonly Effect['do'][] = ['askAddress', 'pin', 'startTunnel'];

export function failed(state: GateState, event: Extract<GateEvent, { type: 'failed' }>): Step {
  const { effect, fault } = event;
  const reason: CloseReason = { kind: 'fault', fault };
  switch (effect.do) {
    case 'bootGateway':
    case 'admitDhcp':
    case 'askAddress':
    case 'pin':
    case 'startTunnel':
    case 'verify':
    case 'pulse':
      if (effect.generation !== state.generation) return [state, []];
      return couldNot(state, OF_THE_NETWORK.includes(effect.do), reason);
    case 'dropLeases':
    case 'lowerLinks':
    case 'flushConntrack':
      if (effect.generation !== state.generation || state.closing?.step !== effect.do) return partSick(state, reason);
      return closeStepDone(state, state.closing, true);
    case 'lease': {
      if (effect.generation !== state.generation) return [state, []];
      const [abandoned, effects] =
        effect.raise === undefined
          ? ([state, []] as const)
          : abandon(state, effect.raise, { ok: false, because: reason });
      const [closing, more] = close(abandoned, 'booting', reason);
      return [closing, [...effects, ...more]];
    }
    case 'resumeWork':
      // Only a head start: raising starts the CPU too, and what it fails with counts.
      return [state, []];
    case 'defineWork':
    case 'judgeWork':
    case 'raiseWork':
      // A close has cut the older chains short.
      if (effect.generation !== state.generation) return [state, []];
      return chainBroke(state, effect.do, effect.name, { ok: false, because: reason });
    case 'awaitReady':
      return notReady(state, effect.name, effect.generation, { ok: false, because: reason });
    case 'killGateway':
      return gatewayKilled(state, effect.generation);
    case 'stopWork':
      return finishDown(notStopped(state, effect.name, reason));
    case 'writeReceipt':
      // One that a close cut short says so when the gate may be open again.
      if (effect.generation !== state.generation || state.phase !== 'open') return [state, []];
      return close(state, 'closed', reason);
    case 'admitPortal':
      if (effect.generation !== state.generation) return [state, []];
      return close(state, fault.exit === 4 ? 'closed' : 'booting', reason);
    case 'lookForPortal':
      // Nothing is known of a portal then.
      return portalLooked(state, effect.generation, undefined, 0);
    case 'pauseWork':
      // Its wire is down: what it goes on to compute reaches nobody.
      return [state, []];
    case 'lowerLink':
    case 'armGuard':
    case 'disarmGuard':
    case 'revokeReceipt':
    case 'timer':
    case 'reply':
    case 'announce':
    case 'exit':
      return partSick(state, reason);
  }
}

/**
 * A network that does not answer is retried (`up` reports it, the supervisor stays); a gateway that does not answer is
 * replaced; a machine or a configuration that cannot do it at all undoes the `up` that asked.
 */
export function couldNot(state: GateState, connecting: boolean, reason: Extract<CloseReason, { kind: 'fault' }>): Step {
  if (reason.fault.exit === 4) return connecting ? closeUnanswered(state, reason) : close(state, 'booting', reason);
  // What ran before this `up` is not undone with it.
  const isUndone = !state.everOpen && Object.values(state.work).every((vm) => vm.status === 'stopped');
  if (!isUndone) return close(state, 'booting', reason);
  const answer = reply(state.upWaiters, { ok: false, because: reason });
  const [closing, effects] = close({ ...state, wanted: false, upWaiters: [] }, 'stopping', reason);
  return [closing, [answer, ...effects]];
}

export function partSick(state: GateState, reason: CloseReason): Step {
  return isShut(state) ? [state, []] : close(state, 'booting', reason);
}

export function violation(state: GateState, reason: CloseReason): Step {
  return isShut(state) ? [state, []] : close(state, 'violated', reason);
}

export function partLost(state: GateState, event: Extract<GateEvent, { type: 'partLost' }>): Step {
  if (isShut(state) || (!state.gatewayAlive && state.phase !== 'booting')) return [state, []];
  return close(state, 'booting', { kind: 'fault', fault: event.fault });
}

/** The gateway is gone and nobody wants another: late news must not bring one back, nor end `violated`. */
function isShut({ phase }: GateState): boolean {
  return phase === 'down' || phase === 'violated' || phase === 'stopping';
}
