/**
 * Gates with one thing wrong each, made by wrapping the right one, and the promise that each breaks. One that breaks
 * several names first the one it is about.
 */
import type { Effect } from '../../../src/core/gate/effects.ts';
import type { GateEvent } from '../../../src/core/gate/events.ts';
import type { CloseStep, GateState } from '../../../src/core/gate/state.ts';
import { step } from '../../../src/core/gate.ts';
import { GATE_CHECKS, type Verdict } from '../../../src/core/verdict.ts';
import type { Promised } from './gate-promises.ts';

export type StepFunction = typeof step;
type Effects = ReturnType<StepFunction>[1];

export interface Mutant {
  /** The gate, in words that follow "a gate that". */
  readonly defect: string;
  readonly breaks: readonly [Promised, ...Promised[]];
  readonly machine: StepFunction;
  /** Why the world of random faults cannot come upon it. */
  readonly onlyWalked?: string;
  /** VPN profiles of its configuration; one unless said. */
  readonly profiles?: readonly string[];
}

/** The step as it is, and its effects changed. */
function effects(
  change: (effects: Effects, after: GateState, before: GateState, event: GateEvent) => Effects,
): StepFunction {
  return (state, event) => {
    const [after, done] = step(state, event);
    return [after, change(done, after, state, event)];
  };
}

function without(name: Effect['do'], when: (event: GateEvent) => boolean = () => true): StepFunction {
  return effects((done, _after, _before, event) => (when(event) ? done.filter((effect) => effect.do !== name) : done));
}

/** The event as the machine is told of it, changed. */
function told(change: (event: GateEvent, state: GateState) => GateEvent): StepFunction {
  return (state, event) => step(state, change(event, state));
}

/** One step of the closing order is taken as done without being done. */
function skipped(name: CloseStep): StepFunction {
  return (state, event) => {
    const [after, done] = step(state, event);
    if (!done.some((effect) => effect.do === name) || after.closing?.step !== name) return [after, done];
    const [next, more] = step(after, { type: 'closeStep', step: name, generation: after.generation });
    return [next, [...done.filter((effect) => effect.do !== name), ...more]];
  };
}

function verifiedAll(verdicts: readonly Verdict[]): readonly Verdict[] {
  return verdicts.map((verdict) => ({ ...verdict, outcome: 'verified' as const }));
}

/** Takes an answer of the older generation for one of this. */
function believesOld(...types: readonly GateEvent['type'][]): StepFunction {
  return told((event, { generation }) =>
    types.includes(event.type) && 'generation' in event ? { ...event, generation } : event,
  );
}

/** Opens although one check said nothing good. */
function skipsCheck(check: Verdict['check']): StepFunction {
  return told((event) => {
    if (event.type !== 'judged') return event;
    const verdicts = event.verdicts.map((found) =>
      found.check === check ? { ...found, outcome: 'verified' as const } : found,
    );
    return { ...event, verdicts };
  });
}

/** The next event is answered by the machine to itself. */
function presumes(order: Effect['do'], answer: (effect: Effect, after: GateState) => GateEvent): StepFunction {
  return (state, event) => {
    const [after, done] = step(state, event);
    const found = done.find((effect) => effect.do === order);
    if (found === undefined) return [after, done];
    const [next, more] = step(after, answer(found, after));
    return [next, [...done.filter((effect) => effect !== found), ...more]];
  };
}

/** A heartbeat of a gate that nothing is due for. */
const NOTHING: GateEvent = { type: 'tick', nowMs: 0 };

const CLOSING: readonly Mutant[] = [
  { defect: 'does not disarm the guard', breaks: ['armed', 'order'], machine: without('disarmGuard') },
  { defect: 'keeps the receipt over a close', breaks: ['receipt', 'order'], machine: without('revokeReceipt') },
  { defect: 'keeps the leases over a close', breaks: ['order', 'shut'], machine: skipped('dropLeases') },
  { defect: 'keeps the links up over a close', breaks: ['order', 'shut'], machine: skipped('lowerLinks') },
  { defect: 'keeps open connections over a close', breaks: ['order'], machine: skipped('flushConntrack') },
  {
    defect: 'lets a gateway live that did not do a step of the close',
    breaks: ['order', 'shut'],
    machine: told((event) =>
      event.type === 'failed' && event.effect.do === 'lowerLinks'
        ? { type: 'closeStep', step: event.effect.do, generation: event.effect.generation }
        : event,
    ),
  },
  {
    defect: 'keeps work VMs admitted over a close',
    breaks: ['shut', 'defined'],
    machine: (state, event) => {
      const [after, done] = step(state, event);
      if (state.phase !== 'open' || after.phase !== 'closing') return [after, done];
      const work = Object.entries(after.work).map(([name, vm]) => [name, { ...vm, admitted: vm.status === 'running' }]);
      return [{ ...after, work: Object.fromEntries(work) }, done];
    },
  },
  {
    defect: 'leaves a link up that was raised while it closed',
    breaks: ['shut'],
    machine: without('lowerLink'),
    onlyWalked: 'orders to one hypervisor take turns there',
  },
  {
    defect: 'leaves `violated` by itself',
    breaks: ['violated'],
    machine: told((event, { generation }) =>
      event.type === 'violation' ? { type: 'partLost', generation, fault: event.fault } : event,
    ),
  },
  {
    defect: 'forgets a violation that comes while it closes',
    breaks: ['violated'],
    machine: told((event, { phase }) => (event.type === 'violation' && phase === 'closing' ? NOTHING : event)),
  },
  {
    defect: 'goes down without its gateway',
    breaks: ['leftovers', 'order'],
    machine: presumes('killGateway', (_, { generation }) => ({ type: 'gatewayKilled', generation })),
  },
  { defect: 'leaves half-made work VMs', breaks: ['alive', 'answered', 'leftovers'], machine: without('stopWork') },
  {
    defect: 'goes down without its work VMs',
    breaks: ['leftovers'],
    machine: presumes('stopWork', (effect) => ({
      type: 'workEnded',
      name: 'name' in effect ? String(effect.name) : '',
    })),
  },
];

const OPENING: readonly Mutant[] = [
  ...GATE_CHECKS.map(
    (check): Mutant => ({
      defect: `opens without the check \`${check}\``,
      breaks: ['proven'],
      machine: skipsCheck(check),
    }),
  ),
  {
    defect: 'opens without any claim',
    breaks: ['proven'],
    machine: told((event) => (event.type === 'judged' ? { ...event, claim: { kind: 'round-trip' } } : event)),
  },
  {
    defect: 'renews a lease when a pulse is unknown',
    breaks: ['proven'],
    machine: told((event) => (event.type === 'pulsed' ? { ...event, verdicts: verifiedAll(event.verdicts) } : event)),
  },
  {
    defect: 'gives leases while it still verifies',
    breaks: ['proven'],
    machine: effects((done, { generation }) =>
      done.flatMap(
        (effect): Effects =>
          effect.do === 'verify' ? [effect, { do: 'lease', admitted: [], raise: undefined, generation }] : [effect],
      ),
    ),
  },
  {
    defect: 'believes verdicts of an older generation',
    breaks: ['stale', 'proven'],
    machine: believesOld('judged'),
  },
  {
    defect: 'believes any answer of an older generation',
    breaks: ['stale', 'proven', 'defined', 'order', 'leased', 'armed', 'shut', 'leftovers', 'answered', 'alive'],
    machine: believesOld('booted', 'pinned', 'connected', 'judged', 'pulsed', 'defined', 'leased', 'gatewayKilled'),
  },
  {
    defect: 'arms the guard at every tick',
    breaks: ['armed'],
    machine: (state, event) =>
      event.type === 'tick' ? [state, [{ do: 'armGuard', generation: state.generation }]] : step(state, event),
  },
  {
    defect: 'arms the guard before the policy is loaded',
    breaks: ['armed'],
    machine: effects((done) =>
      done.flatMap(
        (effect): Effects =>
          effect.do === 'pin' ? [effect, { do: 'armGuard', generation: effect.generation }] : [effect],
      ),
    ),
  },
];

const ADDRESS: readonly Mutant[] = [
  {
    defect: 'arms the guard for DHCP before it holds the policy of DHCP alone',
    breaks: ['armed'],
    machine: effects((done) =>
      done.flatMap(
        (effect): Effects =>
          effect.do === 'admitDhcp' ? [effect, { do: 'armGuard', generation: effect.generation }] : [effect],
      ),
    ),
  },
  {
    defect: 'keeps the guard armed for DHCP while it looks up the endpoint',
    breaks: ['armed'],
    machine: without('disarmGuard', (event) => event.type === 'addressed'),
  },
  {
    defect: 'takes the address of an older attempt',
    breaks: ['stale', 'armed', 'obeyed'],
    machine: believesOld('addressed'),
  },
  {
    defect: 'pins the endpoint in the generation that asked for the address',
    breaks: ['obeyed'],
    machine: (state, event) => {
      const [after, done] = step(state, event);
      if (event.type !== 'addressed' || after === state) return [after, done];
      const { generation } = state;
      return [
        { ...after, generation },
        done.map((effect) => ('generation' in effect ? { ...effect, generation } : effect)),
      ];
    },
  },
  {
    defect: 'verifies behind the policy of DHCP',
    breaks: ['armed', 'alive'],
    machine: (state, event) => {
      if (event.type !== 'addressed' || event.generation !== state.generation || state.phase !== 'addressing')
        return step(state, event);
      return step({ ...state, phase: 'connecting' }, { type: 'connected', generation: event.generation });
    },
  },
];

const WORK: readonly Mutant[] = [
  {
    defect: 'takes every definition for verified',
    breaks: ['defined'],
    machine: told((event) =>
      event.type === 'defined' ? { ...event, verdict: { ...event.verdict, outcome: 'verified' as const } } : event,
    ),
  },
  {
    defect: 'raises a link before its lease',
    breaks: ['leased'],
    machine: effects((done, { generation }) =>
      done.flatMap(
        (effect): Effects =>
          effect.do === 'lease' && effect.raise !== undefined
            ? [effect, { do: 'raiseWork' as const, name: effect.raise, generation }]
            : [effect],
      ),
    ),
  },
  {
    defect: 'lets a work VM run before its definition is judged',
    breaks: ['defined'],
    machine: effects((done) =>
      done.flatMap(
        (effect): Effects => (effect.do === 'defineWork' ? [effect, { ...effect, do: 'resumeWork' }] : [effect]),
      ),
    ),
  },
  {
    defect: 'makes the process of a work VM while it still verifies',
    breaks: ['proven', 'receipt'],
    machine: (state, event) => {
      const [after, done] = step(state, event);
      if (event.type !== 'start' || state.phase !== 'verifying') return [after, done];
      return [after, [...done, { do: 'defineWork', name: event.name, generation: state.generation }]];
    },
  },
  {
    defect: 'serves a start on a receipt past its time',
    breaks: ['receipt'],
    machine: told((event) => (event.type === 'start' ? { ...event, nowMs: 0 } : event)),
  },
];

const SENSES: readonly Mutant[] = [
  {
    defect: 'stays open after a sleep, a jump of a clock or a change of network',
    breaks: ['shaken'],
    machine: told((event) => (event.type === 'shaken' ? { type: 'recheck' } : event)),
  },
  {
    defect: 'opens on a verification that a sleep came into',
    breaks: ['shaken'],
    machine: told((event, { phase }) => (event.type === 'shaken' && phase === 'verifying' ? NOTHING : event)),
  },
  {
    defect: 'stays open past its receipt',
    breaks: ['receipt'],
    machine: told((event, { receipt }) =>
      event.type === 'tick' && receipt !== undefined && event.nowMs >= receipt.expiresMs
        ? { ...event, nowMs: receipt.expiresMs - 0.1 }
        : event,
    ),
  },
  {
    defect: 'does not look again when a sensor asks for it',
    breaks: ['rechecked'],
    machine: told((event) => (event.type === 'recheck' ? NOTHING : event)),
  },
  {
    defect: 'takes a pulse for the full verification that is due',
    breaks: ['rechecked'],
    machine: effects((done, { generation }, { phase }) =>
      done.map((effect) =>
        effect.do === 'verify' && phase === 'open' ? { do: 'pulse', admitted: effect.admitted, generation } : effect,
      ),
    ),
  },
  {
    defect: 'looks the endpoint up again while the guard passes frames',
    breaks: ['armed', 'order', 'obeyed'],
    machine: effects((done, after) =>
      after.phase === 'open' && done.some((effect) => effect.do === 'pulse')
        ? [...done, { do: 'pin', generation: after.generation }]
        : done,
    ),
    onlyWalked: 'its gate takes an endpoint only when it connects',
  },
  {
    defect: 'lets a work VM run on that is to stand still',
    breaks: ['loss'],
    machine: without('pauseWork'),
  },
  {
    defect: 'lets a work VM stand still on a live wire',
    breaks: ['loss', 'order'],
    machine: effects((done, after, before) =>
      before.phase === 'open' && after.phase === 'closing'
        ? [...done, ...Object.keys(after.onLoss).map((name) => ({ do: 'pauseWork', name }) as const)]
        : done,
    ),
  },
];

const LIFE: readonly Mutant[] = [
  {
    defect: 'forgets who waits for a start when it closes',
    breaks: ['answered'],
    machine: effects((done, after, before) =>
      before.phase === 'open' && after.phase === 'closing' ? done.filter((effect) => effect.do !== 'reply') : done,
    ),
  },
  {
    defect: 'answers an `up` twice',
    breaks: ['answered'],
    machine: (state, event) => {
      const [after, done] = step(state, event);
      const opened = state.phase === 'verifying' && after.phase === 'open';
      return [opened ? { ...after, upWaiters: state.upWaiters } : after, done];
    },
  },
  {
    defect: 'does not try again',
    breaks: ['alive'],
    machine: effects((done) => done.filter((effect) => effect.do !== 'timer' || effect.name !== 'retry')),
  },
  {
    defect: 'lets its pulse stop',
    breaks: ['alive'],
    machine: effects((done) => done.filter((effect) => effect.do !== 'timer' || effect.name !== 'pulse')),
  },
];

const PORTAL: readonly Mutant[] = [
  {
    defect: 'looks for a portal while it is open',
    breaks: ['looks'],
    machine: effects((done, { phase, generation }, before, event) =>
      event.type === 'pulsed' && phase === 'open' && before.phase === 'open'
        ? [...done, { do: 'lookForPortal', generation }]
        : done,
    ),
  },
  {
    defect: 'lets somebody through to a portal that nobody asked for',
    breaks: ['asked'],
    machine: (state, event) => {
      const [after, done] = step(state, event);
      if (after.phase !== 'portal' || state.phase === 'portal') return [after, done];
      const [next, more] = step(after, { type: 'signIn', request: 0 });
      return [{ ...next, signInWaiters: [] }, [...done, ...more]];
    },
  },
  {
    defect: 'lets somebody through to a portal behind an open gate',
    breaks: ['armed', 'order', 'obeyed', 'receipt', 'shut', 'proven'],
    machine: (state, event) => {
      if (event.type !== 'signIn' || state.phase !== 'open') return step(state, event);
      return step({ ...state, phase: 'portal' }, event);
    },
  },
  {
    defect: 'arms the guard for a portal before it holds its policy',
    breaks: ['armed'],
    machine: effects((done) =>
      done.flatMap(
        (effect): Effects =>
          effect.do === 'admitPortal' ? [effect, { do: 'armGuard', generation: effect.generation }] : [effect],
      ),
    ),
  },
  {
    defect: 'takes a portal that is gone for a tunnel that works',
    breaks: ['proven', 'armed', 'alive'],
    machine: (state, event) => {
      if (event.type !== 'portalLooked' || state.phase !== 'portal' || event.found !== undefined)
        return step(state, event);
      return [{ ...state, phase: 'open' }, []];
    },
  },
  {
    defect: 'connects behind what a portal was let through by',
    breaks: ['armed', 'order', 'obeyed'],
    machine: (state, event) => {
      if (event.type !== 'signInOver' || state.phase !== 'sign-in') return step(state, event);
      return step({ ...state, phase: 'closed' }, { type: 'timer', name: 'retry', generation: state.generation });
    },
  },
  {
    defect: 'forgets who asked to be let through when it closes',
    breaks: ['answered'],
    machine: effects((done, _after, before) =>
      before.phase === 'sign-in' && before.signInWaiters.length > 0
        ? done.filter((effect) => effect.do !== 'reply' || effect.to !== before.signInWaiters)
        : done,
    ),
  },
  {
    defect: 'looks for a portal once and never again',
    breaks: ['alive'],
    machine: effects((done, { phase }) => (phase === 'portal' ? done.filter((effect) => effect.do !== 'timer') : done)),
  },
];

const ONE_PROFILE = 'the world of random faults has one VPN profile';

const PROFILES: readonly Mutant[] = [
  {
    defect: 'uses the next VPN profile with the gateway of the one before',
    breaks: ['switched'],
    profiles: ['office', 'home'],
    onlyWalked: ONE_PROFILE,
    machine: (state, event) => {
      const [after, done] = step(state, event);
      if (after.profiles.at === state.profiles.at || event.type === 'up') return [after, done];
      const profiles = { ...after.profiles, missed: 0 };
      return step({ ...state, profiles }, { type: 'timer', name: 'retry', generation: state.generation });
    },
  },
  {
    defect: 'takes the next VPN profile for the one that is open',
    breaks: ['switched'],
    profiles: ['office', 'home'],
    onlyWalked: ONE_PROFILE,
    machine: (state, event) => {
      const [after, done] = step(state, event);
      if (state.phase !== 'open' || after.phase !== 'closing') return [after, done];
      return [{ ...after, profiles: { ...after.profiles, at: 1 - after.profiles.at } }, done];
    },
  },
];

export const MUTANTS: readonly Mutant[] = [
  ...PROFILES,
  ...CLOSING,
  ...OPENING,
  ...ADDRESS,
  ...WORK,
  ...SENSES,
  ...PORTAL,
  ...LIFE,
];
