/**
 * A work VM's life inside the gate: defined, judged, leased, raised, ready; each link of the chain needs an open gate of
 * one generation. A close cuts every chain at once, so an answer of an older generation concerns nobody any more.
 */
import type { Verdict } from '../verdict.ts';
import type { Step } from './closing.ts';
import type { Effect, Outcome, RefusalCause } from './effects.ts';
import type { GateEvent } from './events.ts';
import { admittedVms, type GateState, isProven, STOPPED, type WorkState } from './state.ts';

const CANCELLED: Outcome = { ok: false, because: { kind: 'cancelled' } };

/** `start`: judged against the gate as it is now; a receipt past its time serves nobody. */
export function start(state: GateState, { request, name, nowMs }: Extract<GateEvent, { type: 'start' }>): Step {
  const vm = state.work[name];
  if (vm === undefined || !isProven(state, nowMs)) {
    return [state, [reply([request], { ok: false, because: notOpen(state) })]];
  }
  const waiting = withVm(state, name, { waiters: [...vm.waiters, request] });
  switch (vm.status) {
    case 'stopping':
      return [state, [reply([request], CANCELLED)]];
    case 'defining':
      return [waiting, []];
    case 'stopped':
      return [
        withVm(waiting, name, { status: 'defining', judging: true }),
        [{ do: 'defineWork', name, generation: state.generation }],
      ];
    case 'running':
      // Refuted when the gate opened: what was wrong may have been put right since.
      if (!vm.admitted && !vm.judging) return judge(waiting, name);
      if (vm.admitted && vm.waiters.length === 0) return [state, [reply([request], { ok: true, already: true })]];
      return [waiting, []];
  }
}

export function stop(state: GateState, { request, name, force }: Extract<GateEvent, { type: 'stop' }>): Step {
  const vm = state.work[name];
  if (vm === undefined || vm.status === 'stopped') return [state, [reply([request], { ok: true, already: true })]];
  const order: readonly Effect[] = [{ do: 'stopWork', name, force }];
  if (vm.status === 'stopping') {
    return [withVm(state, name, { waiters: [...vm.waiters, request] }), force ? order : []];
  }
  const stopping = withVm(state, name, { ...STOPPED, status: 'stopping', waiters: [request] });
  return [stopping, [...answer(vm.waiters, CANCELLED), ...order]];
}

/** Asks anew for the definition of every VM that runs: a fresh generation trusts nothing it was told before. */
export function judgeRunning(state: GateState): Step {
  const running = Object.keys(state.work).filter((name) => state.work[name]?.status === 'running');
  return running.reduce<Step>(
    ([sofar, effects], name) => {
      const [next, more] = judge(sofar, name);
      return [next, [...effects, ...more]];
    },
    [state, []],
  );
}

function judge(state: GateState, name: string): Step {
  return [withVm(state, name, { judging: true }), [{ do: 'judgeWork', name, generation: state.generation }]];
}

export function defined(state: GateState, name: string, generation: number, verdict: Verdict): Step {
  const vm = inChain(state, name, generation);
  if (vm?.judging !== true) return [state, []];
  if (verdict.outcome !== 'verified') {
    return abandon(state, name, { ok: false, because: { kind: 'definition', verdict } });
  }
  const admitting = withVm(state, name, { admitted: true, judging: false });
  const lease = { do: 'lease', admitted: admittedVms(admitting), raise: name, generation } as const;
  return [admitting, vm.status === 'defining' ? [{ do: 'resumeWork', name, generation }, lease] : [lease]];
}

export function leased(state: GateState, name: string, generation: number): Step {
  const vm = inChain(state, name, generation);
  return [state, vm?.admitted === true ? [{ do: 'raiseWork', name, generation }] : []];
}

export function raised(state: GateState, name: string, generation: number): Step {
  const vm = inChain(state, name, generation);
  if (vm?.admitted === true) {
    const running = withVm(state, name, { status: 'running' });
    return [running, vm.waiters.length > 0 ? [{ do: 'awaitReady', name, generation }] : []];
  }
  // The gate closed while the order to raise was under way: its lowering may have come first.
  const stray = state.work[name]?.status === 'running' && state.work[name]?.admitted === false;
  return [state, stray ? [{ do: 'lowerLink', name }] : []];
}

export function ready(state: GateState, name: string, generation: number): Step {
  const vm = inChain(state, name, generation);
  if (vm?.status !== 'running' || !vm.admitted) return [state, []];
  return [withVm(state, name, { waiters: [] }), answer(vm.waiters, { ok: true, already: false })];
}

/** Its process is gone, wanted or not. */
export function ended(state: GateState, name: string, why: RefusalCause = { kind: 'cancelled' }): Step {
  const vm = state.work[name];
  if (vm === undefined) return [state, []];
  const outcome: Outcome = vm.status === 'stopping' ? { ok: true, already: false } : { ok: false, because: why };
  return [withVm(state, name, STOPPED), answer(vm.waiters, outcome)];
}

/** It could not be ended; whoever asked is told so, and the next start finds what is left of it. */
export function notStopped(state: GateState, name: string, because: RefusalCause): Step {
  const vm = state.work[name];
  if (vm?.status !== 'stopping') return [state, []];
  return [withVm(state, name, STOPPED), answer(vm.waiters, { ok: false, because })];
}

/** A link of a VM's chain broke: whoever waits learns why, a half-made process goes, a running VM keeps its link down. */
export function abandon(state: GateState, name: string, outcome: Outcome): Step {
  const vm = state.work[name];
  if (vm === undefined || vm.status === 'stopped' || vm.status === 'stopping') return [state, []];
  const over = withVm(state, name, { admitted: false, judging: false, waiters: [] });
  if (vm.status === 'running') return [over, answer(vm.waiters, outcome)];
  return [
    withVm(over, name, { status: 'stopping' }),
    [{ do: 'stopWork', name, force: true }, ...answer(vm.waiters, outcome)],
  ];
}

/**
 * A step of a VM's chain failed: of this start, or of an earlier one in the same generation whose process is gone. What the
 * VM does not wait for concerns it no more; and a link that may be up does not stay so without a lease.
 */
export function chainBroke(
  state: GateState,
  step: 'defineWork' | 'judgeWork' | 'raiseWork',
  name: string,
  outcome: Outcome,
): Step {
  const vm = state.work[name];
  const awaited = { defineWork: vm?.status === 'defining', judgeWork: vm?.status === 'running' && vm.judging };
  if (step !== 'raiseWork' && !awaited[step]) return [state, []];
  const [over, effects] = abandon(state, name, outcome);
  return [over, vm?.status === 'running' ? [{ do: 'lowerLink', name }, ...effects] : effects];
}

/** Running, but silent on its link: it goes on booting, whoever waits is told. */
export function notReady(state: GateState, name: string, generation: number, outcome: Outcome): Step {
  const vm = inChain(state, name, generation);
  if (vm?.status !== 'running') return [state, []];
  return [withVm(state, name, { waiters: [] }), answer(vm.waiters, outcome)];
}

/** The gate closes: nothing is admitted, nobody waits for a start, and a VM that never ran has no process (P2). */
export function shutWork(state: GateState): Step {
  const outcome: Outcome = { ok: false, because: notOpen(state) };
  return Object.keys(state.work).reduce<Step>(
    ([sofar, effects], name) => {
      const [next, more] = abandon(sofar, name, outcome);
      return [next, [...effects, ...more]];
    },
    [state, []],
  );
}

/** What running VMs do beside losing their wires, as the configuration wants it. */
export function lose(state: GateState, names: readonly string[]): Step {
  return names.reduce<Step>(
    ([sofar, effects], name) => {
      const onLoss = sofar.onLoss[name];
      if (onLoss === undefined || sofar.work[name]?.status !== 'running') return [sofar, effects];
      if (onLoss === 'pause') return [sofar, [...effects, { do: 'pauseWork', name }]];
      return [
        withVm(sofar, name, { ...STOPPED, status: 'stopping' }),
        [...effects, { do: 'stopWork', name, force: false }],
      ];
    },
    [state, []],
  );
}

/** The VM, where an answer of `generation` still concerns it. */
function inChain(state: GateState, name: string, generation: number): WorkState | undefined {
  const vm = state.work[name];
  const alive = vm?.status === 'defining' || vm?.status === 'running';
  return alive && state.phase === 'open' && generation === state.generation ? vm : undefined;
}

function notOpen(state: GateState): RefusalCause {
  return { kind: 'notOpen', phase: state.phase, reason: state.reason };
}

export function reply(to: readonly number[], outcome: Outcome): Effect {
  return { do: 'reply', to, outcome };
}

/** {@link reply}, where anybody waits. */
export function answer(to: readonly number[], outcome: Outcome): readonly Effect[] {
  return to.length === 0 ? [] : [reply(to, outcome)];
}

function withVm(state: GateState, name: string, change: Partial<WorkState>): GateState {
  const vm = state.work[name];
  return vm === undefined ? state : { ...state, work: { ...state.work, [name]: { ...vm, ...change } } };
}
