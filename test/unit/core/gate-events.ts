/** What can happen to a gate next, in words and as events: answers to its orders, late answers, and what nobody ordered. */
import type { SerializedFault } from '../../../src/core/coded.ts';
import type { Effect } from '../../../src/core/gate/effects.ts';
import type { GateEvent } from '../../../src/core/gate/events.ts';
import { CLOSE_STEPS, type GateState } from '../../../src/core/gate/state.ts';
import { PULSE_CHECKS } from '../../../src/core/opening.ts';
import { type Claim, GATE_CHECKS, type Outcome, type Verdict } from '../../../src/core/verdict.ts';
import { verdict } from './gate-answers.ts';
import type { History } from './gate-history.ts';

export const VM = 'vm';
const REFUSED: SerializedFault = { code: 'X', exit: 4, what: '', evidence: [], remedy: '', payload: null };
const BROKEN: SerializedFault = { ...REFUSED, exit: 5 };
const CLAIM: Claim = { kind: 'round-trip' };
/** When a verification is due and when a receipt is past its time, in a world whose answers all come at 0. */
export const VERIFICATION_DUE_MS = 1;
export const RECEIPT_MS = 2;
/** Of an effect or answer that a later generation has overtaken. */
const STALE = 0;

export interface Happening {
  readonly words: string;
  readonly event: GateEvent;
  /** By a user: what a gate does without any is told apart. */
  readonly asked?: true;
}

/** Kinds of orders that are answered. */
export const KINDS = [
  ...(['bootGateway', 'killGateway', 'admitDhcp', 'askAddress', 'pin', 'startTunnel', 'verify', 'pulse'] as const),
  ...(['lookForPortal', 'admitPortal', 'timer portal'] as const),
  ...(['lease', 'lease and raise', 'dropLeases', 'lowerLinks', 'flushConntrack', 'defineWork', 'judgeWork'] as const),
  ...(['raiseWork', 'awaitReady', 'stopWork', 'writeReceipt', 'timer retry', 'timer pulse'] as const),
] as const;
export type Kind = (typeof KINDS)[number];

/**
 * What may be answered now, as state and history tell: every order of this generation that was given, whether it was
 * answered before or not, so that an answer may come again.
 */
export function openOrders(state: GateState, { closing, isLeased, isEnding }: History): readonly Kind[] {
  const vm = state.work[VM];
  return [
    ...ofPhase(state, closing?.done === CLOSE_STEPS.length),
    ...(isEnding ? (['stopWork'] as const) : []),
    ...(vm?.judging === true ? ([vm.status === 'defining' ? 'defineWork' : 'judgeWork'] as const) : []),
    ...(vm?.admitted === true ? (['lease and raise'] as const) : []),
    ...(vm?.admitted === true && isLeased ? (['raiseWork', 'awaitReady'] as const) : []),
  ];
}

function ofPhase({ phase, pinned, closing, look }: GateState, isThrough: boolean): readonly Kind[] {
  switch (phase) {
    case 'booting':
      return ['bootGateway'];
    case 'addressing':
      return pinned ? ['admitDhcp', 'askAddress'] : ['admitDhcp'];
    case 'connecting':
      return pinned ? ['pin', 'startTunnel'] : ['pin'];
    case 'verifying':
      return ['verify'];
    case 'open':
      return ['verify', 'pulse', 'lease', 'writeReceipt', 'timer pulse'];
    case 'closing':
      return [...(closing === undefined ? [] : [closing.step]), ...(isThrough ? (['killGateway'] as const) : [])];
    case 'closed':
      return look === 'asked' ? ['lookForPortal'] : ['timer retry'];
    case 'portal':
      return ['timer portal', 'timer retry', 'lookForPortal'];
    case 'sign-in':
      return ['admitPortal'];
    case 'down':
    case 'violated':
    case 'stopping':
      return [];
  }
}

/** An order of that kind; what it lists beside is nothing that `step` reads again. */
export function orderOf(kind: Kind, generation: number): Effect {
  switch (kind) {
    case 'lease':
      return { do: 'lease', admitted: [], raise: undefined, generation };
    case 'lease and raise':
      return { do: 'lease', admitted: [VM], raise: VM, generation };
    case 'verify':
    case 'pulse':
      return { do: kind, generation, admitted: [] };
    case 'defineWork':
    case 'judgeWork':
    case 'raiseWork':
    case 'awaitReady':
      return { do: kind, name: VM, generation };
    case 'stopWork':
      return { do: kind, name: VM, force: true };
    case 'writeReceipt':
      return { do: kind, verdicts: [], claim: CLAIM, expiresMs: 1, generation };
    case 'timer retry':
      return { do: 'timer', name: 'retry', ms: 1, generation };
    case 'timer pulse':
      return { do: 'timer', name: 'pulse', ms: 1, generation };
    case 'timer portal':
      return { do: 'timer', name: 'portal', ms: 1, generation };
    case 'bootGateway':
      return { do: kind, profile: 0, generation };
    default:
      return { do: kind, generation };
  }
}

/** Every way an order can end, good ones first. */
export function answersTo(kind: Kind, generation: number): readonly Happening[] {
  const effect = orderOf(kind, generation);
  const fails = (words: string, fault: SerializedFault): Happening => ({
    words,
    event: { type: 'failed', effect, fault },
  });
  const lost = fails('a part failed', BROKEN);
  const network = [fails('no answer', REFUSED), lost];
  switch (kind) {
    case 'bootGateway':
      return [
        { words: 'booted', event: { type: 'booted', generation, dhcp: false } },
        { words: 'booted without an address', event: { type: 'booted', generation, dhcp: true } },
        fails('a part failed', REFUSED),
        lost,
      ];
    case 'killGateway':
      return [{ words: 'gateway ended', event: { type: 'gatewayKilled', generation } }, fails('gateway ended', BROKEN)];
    case 'admitDhcp':
      return [{ words: 'DHCP admitted', event: { type: 'dhcpAdmitted', generation } }, ...network];
    case 'askAddress':
      return [{ words: 'address given', event: { type: 'addressed', generation } }, ...network];
    case 'lookForPortal':
      return [
        { words: 'no portal', event: { type: 'portalLooked', generation, found: undefined, tookMs: 0 } },
        { words: 'a portal', event: { type: 'portalLooked', generation, found: REFUSED, tookMs: 0 } },
        fails('no portal', BROKEN),
      ];
    case 'admitPortal':
      return [{ words: 'let through to the portal', event: { type: 'portalAdmitted', generation } }, ...network];
    case 'pin':
      return [{ words: 'pinned', event: { type: 'pinned', generation } }, ...network];
    case 'startTunnel':
      return [{ words: 'connected', event: { type: 'connected', generation } }, ...network];
    case 'verify':
      return [...judgements(generation), ...network];
    case 'pulse':
      return [...pulses(generation), ...network];
    case 'lease':
      return [{ words: 'leased', event: { type: 'leased', raise: undefined, generation } }, lost];
    case 'lease and raise':
      return [{ words: 'leased', event: { type: 'leased', raise: VM, generation } }, lost];
    case 'dropLeases':
    case 'lowerLinks':
    case 'flushConntrack':
      return [{ words: 'closed', event: { type: 'closeStep', step: kind, generation } }, lost];
    case 'defineWork':
    case 'judgeWork':
      return [
        definition('verified', generation),
        definition('refuted', generation),
        definition('unknown', generation),
        lost,
      ];
    case 'raiseWork':
      return [{ words: 'raised', event: { type: 'raised', name: VM, generation } }, lost];
    case 'awaitReady':
      return [{ words: 'ready', event: { type: 'ready', name: VM, generation } }, lost];
    case 'stopWork':
      return [{ words: 'last work VM ended', event: { type: 'workEnded', name: VM } }, fails('not stopped', BROKEN)];
    case 'writeReceipt':
      return [lost];
    case 'timer retry':
      return [{ words: 'retry', event: { type: 'timer', name: 'retry', generation } }, lost];
    case 'timer portal':
      return [{ words: 'time to look', event: { type: 'timer', name: 'portal', generation } }, lost];
    case 'timer pulse':
      return [{ words: 'pulse', event: { type: 'timer', name: 'pulse', generation } }, lost];
  }
}

/** Answers to what an older generation ordered: two good ones and the last bad one of each kind. `stopWork` has none. */
export const STALE_ANSWERS: readonly Happening[] = KINDS.filter((kind) => kind !== 'stopWork').flatMap((kind) => [
  ...answersTo(kind, STALE).slice(0, 2),
  ...answersTo(kind, STALE).slice(-1),
]);

/** The number of the request that is being made. */
export const REQUEST = 9;

const REQUESTS: readonly Happening[] = (
  [
    { words: 'up', event: { type: 'up', request: REQUEST, configChanged: false } },
    { words: 'up with a changed file', event: { type: 'up', request: REQUEST, configChanged: true } },
    { words: 'down', event: { type: 'down', request: REQUEST } },
    { words: 'start', event: { type: 'start', request: REQUEST, name: VM, nowMs: 0 } },
    { words: 'start past the receipt', event: { type: 'start', request: REQUEST, name: VM, nowMs: RECEIPT_MS } },
    { words: 'sign-in asked for', event: { type: 'signIn', request: REQUEST } },
    { words: 'stop', event: { type: 'stop', request: REQUEST, name: VM, force: false } },
    { words: 'stop by force', event: { type: 'stop', request: REQUEST, name: VM, force: true } },
  ] as const
).map((happening) => ({ ...happening, asked: true }));

/** Only where there is a process of the work VM. */
export const VM_ENDED: Happening = {
  words: 'last work VM ended',
  event: { type: 'workEnded', name: VM, fault: BROKEN },
};

/** What nobody ordered. */
export function happensUnasked(generation: number, profiles: readonly string[]): readonly Happening[] {
  return [
    ...REQUESTS,
    { words: 'tick', event: { type: 'tick', nowMs: 0 } },
    { words: 'verification due', event: { type: 'tick', nowMs: VERIFICATION_DUE_MS } },
    { words: 'receipt expired', event: { type: 'tick', nowMs: RECEIPT_MS } },
    { words: 'alarm of a sensor', event: { type: 'shaken', fault: REFUSED } },
    { words: 'verification asked for', event: { type: 'recheck' } },
    { words: 'sign-in over', event: { type: 'signInOver', generation } },
    { words: 'violation', event: { type: 'violation', fault: REFUSED } },
    { words: 'a part was lost', event: { type: 'partLost', generation, fault: BROKEN } },
    { words: 'a part failed', event: { type: 'failed', effect: { do: 'disarmGuard' }, fault: BROKEN } },
    {
      words: 'a part failed',
      event: { type: 'failed', effect: { do: 'resumeWork', name: VM, generation }, fault: BROKEN },
    },
    // Of an earlier start in this generation, whose process is gone.
    ...(['defineWork', 'judgeWork', 'raiseWork'] as const).flatMap((kind) => answersTo(kind, generation).slice(-1)),
    ...(['block', 'pause', 'stop'] as const).map(
      (onLoss): Happening => ({
        words: `configured to ${onLoss}`,
        event: { type: 'configured', workVms: [{ name: VM, onLoss }], profiles },
      }),
    ),
    { words: 'configured without it', event: { type: 'configured', workVms: [], profiles } },
  ];
}

/** Each check alone can be refuted, unknown or missing; one can be left out or be there twice; there can be no claim. */
function judgements(generation: number): readonly Happening[] {
  const all = GATE_CHECKS.map((check) => verdict(check, 'verified'));
  const judged = (words: string, verdicts: readonly Verdict[], claim: Claim | undefined): Happening => ({
    words,
    event: {
      type: 'judged',
      generation,
      verdicts,
      claim,
      nowMs: 0,
      maxAgeMs: RECEIPT_MS,
      everyMs: VERIFICATION_DUE_MS,
    },
  });
  return [
    judged('all verified', all, CLAIM),
    ...GATE_CHECKS.flatMap((check, at) => [
      judged('not verified', all.with(at, verdict(check, 'refuted')), CLAIM),
      judged('not verified', all.with(at, verdict(check, 'unknown')), CLAIM),
      judged('not verified', all.toSpliced(at, 1), CLAIM),
    ]),
    // The exit alone need not be asked for.
    judged('not verified', all.with(0, verdict('image', 'not asked')), CLAIM),
    judged('not verified', [...all, verdict('tunnel', 'verified')], CLAIM),
    judged('not verified', all, undefined),
  ];
}

function pulses(generation: number): readonly Happening[] {
  const all = PULSE_CHECKS.map((check) => verdict(check, 'verified'));
  const pulsed = (words: string, verdicts: readonly Verdict[]): Happening => ({
    words,
    event: { type: 'pulsed', generation, verdicts },
  });
  return [
    pulsed('still verified', all),
    ...PULSE_CHECKS.flatMap((check, at) => [
      pulsed('not verified', all.with(at, verdict(check, 'refuted'))),
      pulsed('not verified', all.with(at, verdict(check, 'unknown'))),
      pulsed('not verified', all.toSpliced(at, 1)),
    ]),
  ];
}

function definition(outcome: Outcome, generation: number): Happening {
  return {
    words: `definition ${outcome}`,
    event: { type: 'defined', name: VM, generation, verdict: verdict('definition', outcome) },
  };
}
