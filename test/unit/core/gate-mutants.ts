/** Gates with one thing wrong each, made by wrapping the right one. */
import type { GateEvent } from '../../../src/core/gate/events.ts';
import type { GateState } from '../../../src/core/gate/state.ts';
import { step } from '../../../src/core/gate.ts';
import type { StepFunction } from './gate-world.ts';

type Effects = ReturnType<StepFunction>[1];

/** The step as it is, and its effects changed. */
function effects(change: (effects: Effects, after: GateState, before: GateState) => Effects): StepFunction {
  return (state, event) => {
    const [after, done] = step(state, event);
    return [after, change(done, after, state)];
  };
}

function without(name: Effects[number]['do']): StepFunction {
  return effects((done) => done.filter((effect) => effect.do !== name));
}

/** The event as the machine is told of it, changed. */
function told(change: (event: GateEvent, state: GateState) => GateEvent): StepFunction {
  return (state, event) => step(state, change(event, state));
}

/** One step of the closing order is taken as done without being done. */
function skipped(name: 'dropLeases' | 'lowerLinks'): StepFunction {
  return (state, event) => {
    const [after, done] = step(state, event);
    if (!done.some((effect) => effect.do === name) || after.closing?.step !== name) return [after, done];
    const [next, more] = step(after, { type: 'closeStep', step: name, generation: after.generation });
    return [next, [...done.filter((effect) => effect.do !== name), ...more]];
  };
}

export const MUTANTS: readonly (readonly [string, StepFunction])[] = [
  ['does not disarm the guard', without('disarmGuard')],
  ['keeps the receipt', without('revokeReceipt')],
  ['keeps the leases', skipped('dropLeases')],
  ['keeps the links up', skipped('lowerLinks')],
  [
    'renews a lease when a pulse is unknown',
    told((event) =>
      event.type === 'pulsed'
        ? { ...event, verdicts: event.verdicts.map((verdict) => ({ ...verdict, outcome: 'verified' as const })) }
        : event,
    ),
  ],
  [
    'skips one check',
    told((event) =>
      event.type === 'judged'
        ? {
            ...event,
            verdicts: event.verdicts.map((verdict) =>
              verdict.check === 'canary' ? { ...verdict, outcome: 'verified' as const } : verdict,
            ),
          }
        : event,
    ),
  ],
  [
    'takes every definition for verified',
    told((event) =>
      event.type === 'defined' ? { ...event, verdict: { ...event.verdict, outcome: 'verified' as const } } : event,
    ),
  ],
  [
    'believes verdicts of an older generation',
    told((event, state) => (event.type === 'judged' ? { ...event, generation: state.generation } : event)),
  ],
  [
    'arms the guard at every tick',
    (state, event) =>
      event.type === 'tick' ? [state, [{ do: 'armGuard', generation: state.generation }]] : step(state, event),
  ],
  [
    'raises a link before its lease',
    effects((done, { generation }) =>
      done.flatMap((effect) =>
        effect.do === 'lease' && effect.raise !== undefined
          ? [effect, { do: 'raiseWork' as const, name: effect.raise, generation }]
          : [effect],
      ),
    ),
  ],
  [
    'leaves violated by itself',
    told((event, state) =>
      event.type === 'violation' ? { type: 'partLost', generation: state.generation, fault: event.fault } : event,
    ),
  ],
  [
    'forgets who waits for a start when it closes',
    effects((done, after, before) =>
      before.phase === 'open' && after.phase === 'closing' ? done.filter((effect) => effect.do !== 'reply') : done,
    ),
  ],
  [
    'keeps work VMs admitted over a close',
    (state, event) => {
      const [after, done] = step(state, event);
      if (state.phase !== 'open' || after.phase !== 'closing') return [after, done];
      const work = Object.entries(after.work).map(([name, vm]) => [name, { ...vm, admitted: vm.status === 'running' }]);
      return [{ ...after, work: Object.fromEntries(work) }, done];
    },
  ],
  [
    'goes down without its gateway',
    (state, event) => {
      const [after, done] = step(state, event);
      const kill = done.find((effect) => effect.do === 'killGateway');
      if (kill?.do !== 'killGateway') return [after, done];
      const [next, more] = step(after, { type: 'gatewayKilled', generation: kill.generation });
      return [next, [...done.filter((effect) => effect !== kill), ...more]];
    },
  ],
  ['leaves half-made work VMs', without('stopWork')],
];
