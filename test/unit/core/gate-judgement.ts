/** The promises, as questions to each order and to each state. */
import type { Effect } from '../../../src/core/gate/effects.ts';
import type { GateEvent } from '../../../src/core/gate/events.ts';
import { CLOSE_STEPS, type GateState, type Phase } from '../../../src/core/gate/state.ts';
import { VM } from './gate-events.ts';
import type { History, Turn } from './gate-history.ts';
import type { OnBroken, Promised } from './gate-promises.ts';

/** Asked for by every turn of millions: jest looks a global up through its sandbox each time. */
const { entries, values } = Object;

export const ARMED: readonly Phase[] = ['addressing', 'connecting', 'verifying', 'open', 'sign-in'];

/** Where no tunnel is, nor an attempt at one. */
const LOOKING: readonly Phase[] = ['closed', 'portal'];

export function policyOf(phase: Phase): History['policy'] {
  if (phase === 'sign-in') return 'portal';
  return phase === 'addressing' ? 'DHCP' : 'endpoint';
}

/** Whether an order may be given, as things stand. */
export function judgeOrder(
  now: History,
  { before, event, after, effects }: Turn,
  effect: Effect,
  broken: OnBroken,
): void {
  const isOpen = after.phase === 'open';
  const must = (promise: Promised, holds: boolean, how: string) => {
    if (!holds) broken(promise, `${effect.do} ${how}`);
  };
  if ('generation' in effect) must('stale', effect.generation === after.generation, 'of another generation');
  switch (effect.do) {
    case 'lease':
      must('proven', isOpen && now.isProven, 'without fresh verdicts');
      must('defined', !effect.admitted.includes(VM) || now.isDefined, 'for a VM that was not judged');
      return;
    case 'judgeWork':
      must('receipt', !isLate(before, event), 'for a receipt past its time');
      return;
    case 'defineWork':
      must('receipt', !isLate(before, event), 'for a receipt past its time');
      must('proven', isOpen && now.isProven, 'without fresh verdicts');
      return;
    case 'resumeWork':
      must('proven', isOpen && now.isProven, 'without fresh verdicts');
      must('defined', now.isDefined, 'for a VM that was not judged');
      return;
    case 'raiseWork':
      must('proven', isOpen && now.isProven, 'without fresh verdicts');
      must('defined', now.isDefined, 'for a VM that was not judged');
      must('leased', now.isLeased, 'before its lease');
      return;
    case 'armGuard':
      must('armed', ARMED.includes(after.phase), `while ${after.phase}`);
      must('armed', now.policy === policyOf(after.phase), `for policy ${now.policy}`);
      must('obeyed', !now.isSpent, 'in a generation that it was disarmed in');
      return;
    case 'pauseWork':
      must('loss', now.link !== 'up', 'on a live wire');
      return;
    case 'writeReceipt':
      must('receipt', isOpen && now.isProven, `while ${after.phase}`);
      return;
    case 'bootGateway':
    case 'pin':
    case 'admitDhcp':
    case 'admitPortal':
      must('violated', !now.isViolated, 'without anybody asking');
      must('switched', effect.do === 'bootGateway' || now.profile === after.profiles.at, 'for another VPN profile');
      must(
        'order',
        before.phase !== 'closing' || now.closing?.done === CLOSE_STEPS.length,
        'before the close is through',
      );
      must('asked', effect.do !== 'admitPortal' || event.type === 'signIn', 'that nobody asked for');
      must('leftovers', effect.do !== 'bootGateway' || !now.hasGateway, 'beside another gateway');
      return;
    case 'dropLeases':
    case 'lowerLinks':
    case 'flushConntrack':
      if (before.closing === undefined) {
        must('order', beginsInOrder(effects), 'begins out of order');
        return;
      }
      must('order', now.closing !== undefined && CLOSE_STEPS[now.closing.done] === effect.do, 'out of order');
      return;
    case 'killGateway':
      must('order', now.closing?.done === CLOSE_STEPS.length, 'before the close is through');
      return;
    case 'lookForPortal':
      must('looks', LOOKING.includes(after.phase), `while ${after.phase}`);
      return;
    case 'exit':
      must('leftovers', !now.hasGateway, 'before the gateway is gone');
      must('leftovers', !now.hasProcess, 'before the work VM is gone');
      must('leftovers', after.phase === 'down', `while ${after.phase}`);
      return;
    default:
      return;
  }
}

function isLate({ receipt }: GateState, event: GateEvent): boolean {
  return event.type === 'start' && !(receipt !== undefined && event.nowMs < receipt.expiresMs);
}

const ASIDE: readonly Effect['do'][] = ['reply', 'announce', 'stopWork'];

function beginsInOrder(effects: readonly Effect[]): boolean {
  const steps = effects.map((effect) => effect.do).filter((name) => !ASIDE.includes(name));
  return steps.join() === 'disarmGuard,revokeReceipt,dropLeases';
}

/** Whether things may stand as they do after a turn. */
export function judgeState(now: History, turn: Turn, broken: OnBroken): void {
  const { before, after } = turn;
  const { phase } = after;
  const must = (promise: Promised, holds: boolean, how: string) => {
    if (!holds) broken(promise, `${how} while ${phase}`);
  };
  const isOpen = phase === 'open';
  const vms = values(after.work);
  must('proven', !isOpen || now.isProven, 'no fresh verdicts');
  must('proven', isOpen || vms.every((vm) => vm.status !== 'defining'), 'a frozen work VM');
  must(
    'armed',
    now.armed === 'no' || (ARMED.includes(phase) && now.policy === policyOf(phase)),
    `armed for ${now.policy}`,
  );
  must('shaken', !now.isShaken || (!isOpen && now.armed === 'no'), 'a sensor was not heard');
  must('loss', lossesFollow(turn), 'a work VM runs on');
  must('rechecked', isRechecked(turn), `${turn.event.type}: no verification`);
  must('receipt', !isOpen || !isPast(turn), 'a receipt past its time');
  must('receipt', isOpen || (!now.hasReceipt && after.receipt === undefined), 'a receipt');
  must('shut', isOpen || vms.every((vm) => !vm.admitted), 'an admitted work VM');
  must('shut', now.link !== 'up' || isOpen || phase === 'closing', 'a raised link');
  must(
    'shut',
    now.link !== 'up' || !isOpen || vms.some((vm) => vm.admitted || vm.status === 'stopping'),
    'a stray link',
  );
  must('leftovers', !now.hasProcess || vms.some((vm) => vm.status !== 'stopped'), 'a process that nobody knows');
  must('violated', !now.isViolated || ['closing', 'violated', 'stopping', 'down'].includes(phase), 'a violation');
  if (before.phase === 'closing' && phase !== 'closing') {
    must('order', now.closing?.done === CLOSE_STEPS.length, 'the close was cut short');
    const mayLive = phase === 'closed' && now.closing?.failed === false;
    must('order', mayLive || !now.hasGateway || phase === 'booting', 'the gateway lives');
  }
  must('alive', now.isEnding || vms.every((vm) => vm.status !== 'stopping'), 'nobody ends a work VM');
  must('alive', goesOn(turn), `nothing follows ${turn.event.type}`);
  must('answered', answersAdd(turn), 'a request was dropped or answered twice');
}

/** Wires are down, or could not be lowered: what the configuration wants of each work VM is ordered now. */
export function lossesFollow({ before, event, effects }: Turn): boolean {
  const { closing, onLoss, work } = before;
  const isAnswer =
    (event.type === 'closeStep' && event.step === 'lowerLinks' && event.generation === before.generation) ||
    (event.type === 'failed' && event.effect.do === 'lowerLinks' && event.effect.generation === before.generation);
  if (!isAnswer || closing?.step !== 'lowerLinks' || closing.target === 'stopping') return true;
  return entries(onLoss).every(([name, wanted]) => {
    const order = wanted === 'pause' ? 'pauseWork' : 'stopWork';
    const isOrdered = effects.some((effect) => effect.do === order && effect.name === name);
    return work[name]?.status !== 'running' || isOrdered;
  });
}

/** A heartbeat that a receipt has not outlived. */
export function isPast({ before: { receipt }, event }: Turn): boolean {
  return event.type === 'tick' && receipt !== undefined && event.nowMs >= receipt.expiresMs;
}

export function isRechecked({ before, event, after, effects }: Turn): boolean {
  if (before.phase !== 'open' || after.phase !== 'open') return true;
  const isDue = event.type === 'tick' && before.reverifyAtMs !== undefined && event.nowMs >= before.reverifyAtMs;
  if (event.type === 'recheck' || isDue) return after.reverifyDue;
  const isTurn = event.type === 'timer' && event.name === 'pulse' && event.generation === before.generation;
  return !isTurn || !before.reverifyDue || effects.some((effect) => effect.do === 'verify');
}

/** Who waited or asked now waits or was answered, once. */
function answersAdd({ before, event, after, effects }: Turn): boolean {
  const asked = 'request' in event ? [event.request] : [];
  const replied = effects.flatMap((effect) => (effect.do === 'reply' ? effect.to : []));
  // Most turns, and this is asked of millions.
  if (asked.length === 0 && replied.length === 0 && isWaitingAlike(before, after)) return true;
  const sum = (numbers: readonly number[]) => [...numbers].sort().join();
  return sum([...waiting(before), ...asked]) === sum([...waiting(after), ...replied]);
}

function waiting({ upWaiters, downWaiters, signInWaiters, work }: GateState): readonly number[] {
  return [...upWaiters, ...signInWaiters, ...downWaiters, ...values(work).flatMap((vm) => vm.waiters)];
}

/** The very same lists, or none: what was touched is looked at more closely. */
function isWaitingAlike(before: GateState, after: GateState): boolean {
  const alike = (one: readonly number[], other: readonly number[]) =>
    one === other || (one.length === 0 && other.length === 0);
  return (
    before.work === after.work &&
    alike(before.upWaiters, after.upWaiters) &&
    alike(before.downWaiters, after.downWaiters) &&
    alike(before.signInWaiters, after.signInWaiters)
  );
}

const PULSE_ORDERS: readonly Effect['do'][] = ['verify', 'pulse', 'lease', 'timer'];

/** Whoever enters a phase, or answers what keeps the gate in it, is followed by the order that leads on. */
function goesOn(turn: Turn): boolean {
  const { before, event, after, effects } = turn;
  const has = (...names: readonly Effect['do'][]) => effects.some((effect) => names.includes(effect.do));
  const { phase } = after;
  if (phase === 'open' && !workGoesOn(turn)) return false;
  if (phase === 'open') return !keepsOpen(event, before) || has(...PULSE_ORDERS);
  if (phase === before.phase && after.generation === before.generation) return true;
  switch (phase) {
    case 'booting':
      return has('bootGateway');
    case 'addressing':
      return has('admitDhcp');
    case 'connecting':
      return has('pin');
    case 'verifying':
      return has('verify');
    case 'closing':
      return has('dropLeases');
    case 'closed':
    case 'portal':
      return has('timer', 'lookForPortal');
    case 'sign-in':
      return has('admitPortal');
    case 'down':
      return has('exit') || before.phase === 'down';
    default:
      return true;
  }
}

/** The chain of a work VM's start: judged, leased, raised. */
function workGoesOn({ before, event, after, effects }: Turn): boolean {
  const has = (...names: readonly Effect['do'][]) => effects.some((effect) => names.includes(effect.do));
  const [was, is] = [before.work[VM], after.work[VM]];
  if (is?.judging === true && was?.judging !== true && !has('defineWork', 'judgeWork')) return false;
  if (is?.admitted === true && was?.admitted !== true && !has('lease')) return false;
  const isLeased = event.type === 'leased' && event.raise !== undefined && event.generation === before.generation;
  return !isLeased || is?.admitted !== true || has('raiseWork');
}

/** An answer that the beat of an open gate waited for. */
function keepsOpen(event: GateEvent, before: GateState): boolean {
  if ('generation' in event && event.generation !== before.generation) return false;
  if (event.type === 'timer') return event.name === 'pulse';
  return ['judged', 'pulsed'].includes(event.type) || (event.type === 'leased' && event.raise === undefined);
}
