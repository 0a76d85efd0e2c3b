/** A work VM's life inside the gate: defined, judged, leased, raised, ready; each link of the chain needs an open gate. */
import type { Verdict } from '../verdict.ts';
import type { Step } from './closing.ts';
import type { Effect, Outcome, RefusalCause } from './effects.ts';
import type { GateEvent } from './events.ts';
import { admittedVms, type GateState, type WorkState } from './state.ts';

/** `start`: judged against the gate as it is now; a receipt past its time serves nobody. */
export function start(state: GateState, event: Extract<GateEvent, { type: 'start' }>): Step {
  const vm = state.work[event.name];
  const fresh = state.receipt !== undefined && event.nowMs < state.receipt.expiresMs;
  if (vm === undefined || state.phase !== 'open' || !fresh) {
    return [state, [reply([event.request], { ok: false, because: notOpen(state) })]];
  }
  if (vm.status === 'running' && vm.admitted) return [state, [reply([event.request], { ok: true, already: true })]];
  const waiting = withVm(state, event.name, { waiters: [...vm.waiters, event.request] });
  if (vm.status !== 'stopped') return [waiting, []];
  return [
    withVm(waiting, event.name, { status: 'defining' }),
    [{ do: 'defineWork', name: event.name, generation: state.generation }],
  ];
}

export function stop(state: GateState, event: Extract<GateEvent, { type: 'stop' }>): Step {
  const vm = state.work[event.name];
  if (vm === undefined || vm.status === 'stopped') {
    return [state, [reply([event.request], { ok: true, already: true })]];
  }
  const cancelled = fail(vm.waiters, { kind: 'cancelled' });
  const stopping = withVm(state, event.name, { status: 'stopping', admitted: false, waiters: [event.request] });
  if (vm.status === 'stopping' && !event.force) {
    return [withVm(state, event.name, { waiters: [...vm.waiters, event.request] }), []];
  }
  return [stopping, [...cancelled, { do: 'stopWork', name: event.name, force: event.force }]];
}

/** Asks anew for the definition of every VM that runs: a fresh generation trusts nothing it was told before. */
export function judgeRunning(state: GateState): readonly Effect[] {
  return Object.entries(state.work)
    .filter(([, vm]) => vm.status === 'running')
    .map(([name]) => ({ do: 'judgeWork', name, generation: state.generation }) as const);
}

export function defined(state: GateState, name: string, generation: number, verdict: Verdict): Step {
  const vm = state.work[name];
  if (vm === undefined || (vm.status !== 'defining' && vm.status !== 'running')) return [state, []];
  const current = state.phase === 'open' && generation === state.generation;
  if (current && verdict.outcome === 'verified') {
    const admitting = withVm(state, name, { admitted: true });
    return [admitting, [{ do: 'lease', admitted: admittedVms(admitting), raise: name, generation }]];
  }
  // Too late for a VM that runs: asked again when the gate next opens. Refuted: its link stays down.
  const because = current ? ({ kind: 'definition', verdict } as const) : notOpen(state);
  return abandon(state, name, { ok: false, because });
}

export function leased(state: GateState, name: string, generation: number): Step {
  const vm = state.work[name];
  if (vm === undefined) return [state, []];
  if (vm.admitted && state.phase === 'open' && generation === state.generation) {
    return [state, [{ do: 'raiseWork', name, generation }]];
  }
  return vm.status === 'defining' ? abandon(state, name, { ok: false, because: notOpen(state) }) : [state, []];
}

export function raised(state: GateState, name: string, generation: number): Step {
  const vm = state.work[name];
  if (vm === undefined) return [state, []];
  const running = vm.status === 'defining' ? withVm(state, name, { status: 'running' }) : state;
  // The gate closed while the order to raise was under way: its lowering may have come first.
  if (!vm.admitted) return [running, [{ do: 'lowerLinks', generation: state.generation }]];
  return [running, vm.waiters.length > 0 ? [{ do: 'awaitReady', name, generation }] : []];
}

export function ready(state: GateState, name: string): Step {
  const vm = state.work[name];
  if (vm === undefined) return [state, []];
  return [withVm(state, name, { waiters: [] }), [reply(vm.waiters, { ok: true, already: false })]];
}

export function ended(state: GateState, name: string): Step {
  const vm = state.work[name];
  if (vm === undefined) return [state, []];
  const outcome: Outcome =
    vm.status === 'stopping' ? { ok: true, already: false } : { ok: false, because: { kind: 'cancelled' } };
  return [withVm(state, name, { status: 'stopped', admitted: false, waiters: [] }), [reply(vm.waiters, outcome)]];
}

/** A step of one VM's start failed: whoever waits learns why, and a half-made process goes. */
export function abandon(state: GateState, name: string, outcome: Outcome): Step {
  const vm = state.work[name];
  if (vm === undefined) return [state, []];
  const answer = reply(vm.waiters, outcome);
  if (vm.status === 'running') return [withVm(state, name, { waiters: [] }), [answer]];
  return [
    withVm(state, name, { status: 'stopping', admitted: false, waiters: [] }),
    [{ do: 'stopWork', name, force: true }, answer],
  ];
}

function notOpen(state: GateState): RefusalCause {
  return { kind: 'notOpen', phase: state.phase, reason: state.reason };
}

export function reply(to: readonly number[], outcome: Outcome): Effect {
  return { do: 'reply', to, outcome };
}

function fail(to: readonly number[], because: RefusalCause): readonly Effect[] {
  return to.length === 0 ? [] : [reply(to, { ok: false, because })];
}

function withVm(state: GateState, name: string, change: Partial<WorkState>): GateState {
  const vm = state.work[name];
  return vm === undefined ? state : { ...state, work: { ...state.work, [name]: { ...vm, ...change } } };
}
