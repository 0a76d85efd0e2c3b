/**
 * What promises ask of the past, and a state does not tell: which policy the guard holds, whether the verdicts are of this
 * generation, how far a close is, what the runners may have done by now. Each order is taken as done when it is given,
 * the earliest it can be.
 */
import type { Effect } from '../../../src/core/gate/effects.ts';
import type { GateEvent } from '../../../src/core/gate/events.ts';
import { CLOSE_STEPS, type GateState, type Phase } from '../../../src/core/gate/state.ts';
import { PULSE_CHECKS } from '../../../src/core/opening.ts';
import { type CheckName, GATE_CHECKS, type Verdict } from '../../../src/core/verdict.ts';
import { VM } from './gate-events.ts';
import { ARMED, judgeOrder, judgeState } from './gate-judgement.ts';
import type { OnBroken } from './gate-promises.ts';

export interface History {
  /** Of this generation, in guard and gateway. */
  readonly policy: 'none' | 'DHCP' | 'endpoint' | 'portal';
  /** In which generation, if it is. */
  readonly armed: 'no' | 'by this' | 'by an older';
  /** Was armed in this generation and stopped since: the guard obeys no second order of it. */
  readonly isSpent: boolean;
  /** Complete verdicts came in this generation, and none that speaks against them since. */
  readonly isProven: boolean;
  readonly hasReceipt: boolean;
  /** A sensor told in this generation that what it stood on is gone. */
  readonly isShaken: boolean;
  /** Steps of the closing order that were answered; undefined while no close is under way. */
  readonly closing: { readonly done: number; readonly failed: boolean } | undefined;
  readonly hasGateway: boolean;
  /** The place of the VPN profile that the gateway was booted for. */
  readonly profile: number;
  readonly isViolated: boolean;
  readonly hasProcess: boolean;
  /** Its end was ordered, and has not come. */
  readonly isEnding: boolean;
  /** In this generation: its hypervisor's answers were judged, its lease was answered. */
  readonly isDefined: boolean;
  readonly isLeased: boolean;
  /** `stuck`: it could not be lowered, so the gateway has to die. */
  readonly link: 'down' | 'up' | 'stuck';
}

export const NOTHING_YET: History = {
  policy: 'none',
  armed: 'no',
  isSpent: false,
  isProven: false,
  hasReceipt: false,
  isShaken: false,
  closing: undefined,
  hasGateway: false,
  profile: 0,
  isViolated: false,
  hasProcess: false,
  isEnding: false,
  isDefined: false,
  isLeased: false,
  link: 'down',
};

const PARTS = Object.keys(NOTHING_YET) as (keyof History)[];

export function isSame(one: History, other: History): boolean {
  return PARTS.every((part) => one[part] === other[part]);
}

export interface Turn {
  readonly before: GateState;
  readonly event: GateEvent;
  readonly after: GateState;
  readonly effects: readonly Effect[];
}

type Changing = { -readonly [K in keyof History]: History[K] };

/** What a new generation starts without. That the guard may still be armed is not among it. */
const OF_NO_GENERATION = {
  policy: 'none',
  isSpent: false,
  isProven: false,
  isShaken: false,
  isDefined: false,
  isLeased: false,
} as const;
/** Where nobody is about to open anything: a foreign frame comes from a gateway that is gone. */
const SHUT: readonly Phase[] = ['down', 'violated', 'stopping'];

/** The history after a turn; tells of every promise that the turn breaks. */
export function remember(history: History, turn: Turn, broken: OnBroken): History {
  const now: Changing = { ...history };
  hear(now, turn);
  if (turn.after.generation !== turn.before.generation) {
    Object.assign(now, OF_NO_GENERATION);
    if (now.armed === 'by this') now.armed = 'by an older';
  }
  for (const effect of turn.effects) {
    judgeOrder(now, turn, effect, broken);
    carryOut(now, effect);
  }
  if (turn.before.phase !== 'closing' && turn.after.phase === 'closing') now.closing = { done: 0, failed: false };
  judgeState(now, turn, broken);
  if (turn.after.phase !== 'closing') now.closing = undefined;
  return now;
}

/** What the event itself says about the world. */
function hear(now: Changing, { before, event }: Turn): void {
  if ('generation' in event && event.generation !== before.generation && event.type !== 'partLost') {
    // The order to raise may have been under way when the gate closed.
    if (event.type === 'raised' && before.work[VM]?.status === 'running') now.link = 'up';
    return;
  }
  switch (event.type) {
    case 'dhcpAdmitted':
      if (before.phase === 'addressing') now.policy = 'DHCP';
      return;
    case 'portalAdmitted':
      if (before.phase === 'sign-in') now.policy = 'portal';
      return;
    case 'pinned':
      if (before.phase === 'connecting') now.policy = 'endpoint';
      return;
    case 'judged':
      now.isProven = event.claim !== undefined && areVerified(event.verdicts, GATE_CHECKS);
      return;
    case 'pulsed':
      now.isProven &&= areVerified(event.verdicts, PULSE_CHECKS);
      return;
    case 'defined':
      now.isDefined = event.verdict.outcome === 'verified';
      // Its runner lowers the link before it asks.
      now.link = 'down';
      return;
    case 'leased':
      if (event.raise !== undefined) now.isLeased = true;
      return;
    case 'closeStep':
      if (event.step === 'lowerLinks') now.link = 'down';
      stepDone(now, before, event.step, false);
      return;
    case 'gatewayKilled':
      now.hasGateway = false;
      return;
    case 'workEnded':
      now.hasProcess = false;
      now.isEnding = false;
      now.link = 'down';
      return;
    case 'shaken':
      now.isShaken ||= ARMED.includes(before.phase);
      return;
    case 'violation':
      now.isViolated ||= !SHUT.includes(before.phase);
      return;
    case 'up':
      if (before.phase === 'violated') now.isViolated = false;
      return;
    case 'failed':
      hearFailed(now, before, event.effect);
      return;
    default:
      return;
  }
}

function hearFailed(now: Changing, before: GateState, effect: Effect): void {
  if ('generation' in effect && effect.generation !== before.generation) return;
  switch (effect.do) {
    case 'killGateway':
      // Tried to its end: the next boot reaps what is left.
      now.hasGateway = false;
      return;
    case 'stopWork':
      // Nothing is known of what could not be ended.
      Object.assign(now, { link: 'down', hasProcess: false, isEnding: false });
      return;
    case 'lowerLinks':
      if (now.link === 'up') now.link = 'stuck';
      stepDone(now, before, 'lowerLinks', true);
      return;
    case 'dropLeases':
    case 'flushConntrack':
      stepDone(now, before, effect.do, true);
      return;
    default:
      return;
  }
}

function stepDone(now: Changing, before: GateState, step: (typeof CLOSE_STEPS)[number], failed: boolean): void {
  if (now.closing === undefined || before.closing?.step !== step || CLOSE_STEPS[now.closing.done] !== step) return;
  now.closing = { done: now.closing.done + 1, failed: now.closing.failed || failed };
}

function carryOut(now: Changing, effect: Effect): void {
  switch (effect.do) {
    case 'armGuard':
      now.armed = 'by this';
      return;
    case 'disarmGuard':
      now.isSpent ||= now.armed === 'by this';
      now.armed = 'no';
      now.isProven = false;
      return;
    case 'pin':
    case 'admitDhcp':
    case 'admitPortal':
      // Its runner gives the guard another policy, which disarms it, at some moment from now on.
      now.isSpent ||= now.armed === 'by this';
      now.policy = 'none';
      return;
    case 'writeReceipt':
      now.hasReceipt = true;
      return;
    case 'revokeReceipt':
      now.hasReceipt = false;
      return;
    case 'bootGateway':
      now.hasGateway = true;
      now.profile = effect.profile;
      return;
    case 'defineWork':
      now.hasProcess = true;
      return;
    case 'stopWork':
      // Lowered before anything else.
      now.isEnding = true;
      now.link = 'down';
      return;
    case 'raiseWork':
      now.link = 'up';
      return;
    case 'lowerLink':
      now.link = 'down';
      return;
    default:
      return;
  }
}

function areVerified(verdicts: readonly Verdict[], checks: readonly CheckName[]): boolean {
  return checks.every((check) => {
    const found = verdicts.filter((verdict) => verdict.check === check);
    return found.length === 1 && found[0]?.outcome === 'verified';
  });
}
