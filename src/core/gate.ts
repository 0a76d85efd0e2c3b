/**
 * The gate as a pure function: `step(state, event) -> [state, effects]`. Everything that opens or closes anything is
 * decided here; the supervisor is an event queue and a table effect -> runner.
 */

import type { SerializedFault } from './coded.ts';
import { close, closeStepDone, type Step } from './gate/closing.ts';
import type { Effect, RefusalCause } from './gate/effects.ts';
import { finishDown, gatewayKilled } from './gate/ending.ts';
import type { GateEvent } from './gate/events.ts';
import { forgetMissed, fromTheFirst, profilesRead } from './gate/failover.ts';
import { failed, partLost, violation } from './gate/failures.ts';
import { addressed, boot, connect, enter, judged, PULSE_MS, pulsed, timer, whenOpen } from './gate/opening.ts';
import { portalAdmitted, portalLooked, signIn, signInOver } from './gate/portal.ts';
import { recheck, shaken, tick } from './gate/sensing.ts';
import { type GateState, initialState, type OnLoss, STOPPED } from './gate/state.ts';
import { defined, ended, leased, lose, raised, ready, reply, start, stop } from './gate/work.ts';

export function step(state: GateState, event: GateEvent): Step {
  switch (event.type) {
    case 'up':
      return up(state, event.request, event.configChanged);
    case 'down':
      return down(state, event.request);
    case 'start':
      return start(state, event);
    case 'stop':
      return stop(state, event);
    case 'signIn':
      return signIn(state, event.request);
    case 'signInOver':
      return signInOver(state, event.generation, event.fault);
    case 'portalLooked':
      return portalLooked(state, event.generation, event.found, event.tookMs);
    case 'portalAdmitted':
      return portalAdmitted(state, event.generation);
    case 'tick':
      return tick(state, event.nowMs);
    case 'shaken':
      return shaken(state, event.fault);
    case 'recheck':
      return recheck(state);
    case 'configured':
      return [configured(state, event), []];
    case 'adopted':
      return lose({ ...state, work: { ...state.work, [event.name]: { ...STOPPED, status: 'running' } } }, [event.name]);
    case 'booted':
      if (event.generation !== state.generation || state.phase !== 'booting') return [state, []];
      return connect({ ...state, gatewayAlive: true, dhcp: event.dhcp });
    case 'dhcpAdmitted':
      if (event.generation !== state.generation || state.phase !== 'addressing') return [state, []];
      return [
        { ...state, pinned: true },
        [
          { do: 'armGuard', generation: state.generation },
          { do: 'askAddress', generation: state.generation },
        ],
      ];
    case 'addressed':
      if (event.generation !== state.generation || state.phase !== 'addressing') return [state, []];
      return addressed(state);
    case 'pinned':
      if (event.generation !== state.generation || state.phase !== 'connecting') return [state, []];
      return [
        { ...state, pinned: true },
        [
          { do: 'armGuard', generation: state.generation },
          { do: 'startTunnel', generation: state.generation },
        ],
      ];
    case 'connected':
      if (event.generation !== state.generation || state.phase !== 'connecting') return [state, []];
      return enter({ ...state, phase: 'verifying' }, [{ do: 'verify', generation: state.generation, admitted: [] }]);
    case 'judged':
      return judged(state, event);
    case 'pulsed':
      return pulsed(state, event);
    case 'closeStep':
      if (event.generation !== state.generation || state.closing?.step !== event.step) return [state, []];
      return closeStepDone(state, state.closing, false);
    case 'gatewayKilled':
      return gatewayKilled(state, event.generation);
    case 'defined':
      return defined(state, event.name, event.generation, event.verdict);
    case 'leased':
      if (event.raise !== undefined) return leased(state, event.raise, event.generation);
      return whenOpen(state, event.generation, {
        do: 'timer',
        name: 'pulse',
        ms: PULSE_MS,
        generation: state.generation,
      });
    case 'raised':
      return raised(state, event.name, event.generation);
    case 'ready':
      return ready(state, event.name, event.generation);
    case 'workEnded':
      return finishDown(ended(state, event.name, causeOf(event.fault)));
    case 'timer':
      return timer(state, event);
    case 'failed':
      return failed(state, event);
    case 'violation':
      return violation(state, { kind: 'fault', fault: event.fault });
    case 'partLost':
      return partLost(state, event);
  }
}

function configured(state: GateState, event: Extract<GateEvent, { type: 'configured' }>): GateState {
  const { workVms, profiles } = event;
  const running = withProcess(state.work);
  const before = Object.entries(state.onLoss).filter(([name]) => running[name] !== undefined);
  const now = workVms.flatMap(({ name, onLoss }): [string, OnLoss][] => (onLoss === 'block' ? [] : [[name, onLoss]]));
  const known = new Set(workVms.map(({ name }) => name));
  return {
    ...state,
    profiles: profilesRead(state.profiles, profiles),
    work: { ...initialState([...known]).work, ...running },
    onLoss: Object.fromEntries([...before.filter(([name]) => !known.has(name)), ...now]),
  };
}

/** A VM that left the configuration is known for as long as it has a process. */
function withProcess(work: GateState['work']): GateState['work'] {
  return Object.fromEntries(Object.entries(work).filter(([, vm]) => vm.status !== 'stopped'));
}

function causeOf(fault: SerializedFault | undefined): RefusalCause {
  return fault === undefined ? { kind: 'cancelled' } : { kind: 'fault', fault };
}

function up(state: GateState, request: number, configChanged: boolean): Step {
  const cancelled: Step = [state, [reply([request], { ok: false, because: { kind: 'cancelled' } })]];
  const wanted: GateState = { ...state, wanted: true, upWaiters: [...state.upWaiters, request] };
  // What failed under the old configuration holds back no boot under the new one, and is no answer to who waits for it.
  const anew: GateState =
    state.closing?.target === 'violated' ? wanted : fromTheFirst({ ...wanted, reason: undefined });
  switch (state.phase) {
    case 'down':
      return boot(fromTheFirst({ ...wanted, everOpen: false }));
    case 'open':
      if (configChanged) return close(anew, 'booting', undefined);
      return [{ ...state, wanted: true }, [reply([request], { ok: true, already: true })]];
    case 'closed':
    case 'portal':
      if (configChanged) return close(anew, 'booting', undefined);
      // Soon answered, and by what is found.
      if (state.look === 'asked') return [wanted, []];
      return state.gatewayAlive ? connect(forgetMissed(wanted)) : boot(wanted);
    case 'violated':
      return boot(fromTheFirst({ ...wanted, reason: undefined, everOpen: false }));
    case 'stopping':
      return cancelled;
    case 'closing':
      if (state.closing?.target === 'stopping') return cancelled;
      return configChanged ? close(anew, 'booting', undefined) : [wanted, []];
    case 'booting':
    case 'addressing':
    case 'connecting':
    case 'verifying':
    case 'sign-in':
      return configChanged ? close(anew, 'booting', undefined) : [wanted, []];
  }
}

function down(state: GateState, request: number): Step {
  const waiting: GateState = { ...state, wanted: false, downWaiters: [...state.downWaiters, request], upWaiters: [] };
  const cancelled: readonly Effect[] =
    state.upWaiters.length > 0 ? [reply(state.upWaiters, { ok: false, because: { kind: 'cancelled' } })] : [];
  if (state.phase === 'stopping') return [waiting, cancelled];
  const [closing, effects] = close(waiting, 'stopping', undefined);
  return [closing, [...cancelled, ...effects]];
}
