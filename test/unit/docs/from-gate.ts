/**
 * The life of a gate, walked: from `down` every event that can happen is played against the real `step`, and each change
 * of phase is written down. An effect is answered only if it was ordered in this generation.
 */
import type { SerializedFault } from '../../../src/core/coded.ts';
import type { Effect } from '../../../src/core/gate/effects.ts';
import type { GateEvent } from '../../../src/core/gate/events.ts';
import { type GateState, initialState, type Phase } from '../../../src/core/gate/state.ts';
import { step } from '../../../src/core/gate.ts';
import { PULSE_CHECKS } from '../../../src/core/opening.ts';
import { type CheckName, GATE_CHECKS, type Outcome, type Verdict } from '../../../src/core/verdict.ts';

const VM = 'vm';
const REFUSED: SerializedFault = { code: 'X', exit: 4, what: '', evidence: [], remedy: '', payload: null };
const BROKEN: SerializedFault = { ...REFUSED, exit: 5 };

export interface Transition {
  readonly from: Phase;
  readonly to: Phase;
  /** In words, sorted. */
  readonly on: readonly string[];
}

interface Node {
  readonly state: GateState;
  readonly pending: readonly Effect[];
}

/** One thing that can happen next, in words. */
interface Happening {
  readonly words: string;
  readonly event: GateEvent;
  /** The effect it answers. */
  readonly answers?: Effect;
}

let walked: readonly Transition[] | undefined;

/** Every transition that can be reached. */
export function transitions(): readonly Transition[] {
  walked ??= walk();
  return walked;
}

function walk(): readonly Transition[] {
  const found = new Map<string, Set<string>>();
  const seen = new Set<string>();
  const queue: Node[] = [{ state: initialState([VM]), pending: [] }];
  for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
    for (const { words, event, answers } of happenings(node)) {
      const [state, effects] = step(node.state, event);
      if (state.phase !== node.state.phase) note(found, `${node.state.phase} ${state.phase}`, words);
      const left = node.pending.filter((effect) => effect !== answers);
      const next = { state, pending: distinct([...left, ...effects].filter((effect) => isCurrent(effect, state))) };
      const key = keyOf(next);
      if (!seen.has(key)) queue.push(next);
      seen.add(key);
    }
  }
  return [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([pair, words]) => {
      const [from, to] = pair.split(' ') as [Phase, Phase];
      return { from, to, on: [...words].sort() };
    });
}

export function stateDiagram(): string {
  const lines = transitions().map(({ from, to, on }) => `    ${from} --> ${to}: ${on.join(', ')}`);
  return ['```mermaid', 'stateDiagram-v2', '    [*] --> down', ...lines, '```', ''].join('\n');
}

function note(found: Map<string, Set<string>>, pair: string, words: string): void {
  const reasons = found.get(pair) ?? new Set<string>();
  reasons.add(words);
  found.set(pair, reasons);
}

/** Effects nobody answers, and those of an older generation, lead nowhere. */
function isCurrent(effect: Effect, state: GateState): boolean {
  return answersTo(effect).length > 0 && (!('generation' in effect) || effect.generation === state.generation);
}

/** States that differ only in counters are one. */
function keyOf({ state, pending }: Node): string {
  const { generation: _, retries, upWaiters, downWaiters, reason, receipt, verdicts: __, work, ...rest } = state;
  const { status, admitted } = work[VM] ?? {};
  const waiters = [upWaiters.length > 0, downWaiters.length > 0];
  const orders = pending.map(nameOf).sort();
  return JSON.stringify({
    ...rest,
    retried: retries > 0,
    hasReason: reason !== undefined,
    hasReceipt: receipt !== undefined,
    ...{ waiters, status, admitted, orders },
  });
}

/** A second order of the same kind is answered like the first. */
function distinct(effects: readonly Effect[]): readonly Effect[] {
  return [...new Map(effects.map((effect) => [nameOf(effect), effect])).values()];
}

function nameOf(effect: Effect): string {
  if (effect.do === 'timer') return `timer ${effect.name}`;
  return effect.do === 'lease' && effect.raise !== undefined ? 'lease and raise' : effect.do;
}

function happenings({ state, pending }: Node): readonly Happening[] {
  const { generation } = state;
  const unasked: readonly Happening[] = [
    { words: 'up', event: { type: 'up', request: 1, configChanged: false } },
    { words: 'up with a changed file', event: { type: 'up', request: 1, configChanged: true } },
    { words: 'down', event: { type: 'down', request: 1 } },
    { words: 'start', event: { type: 'start', request: 1, name: VM, nowMs: 0 } },
    { words: 'stop', event: { type: 'stop', request: 1, name: VM, force: false } },
    { words: 'violation', event: { type: 'violation', fault: REFUSED } },
    { words: 'a part was lost', event: { type: 'partLost', generation, fault: BROKEN } },
  ];
  return [
    ...unasked,
    ...pending.flatMap((effect) => answersTo(effect).map((answer) => ({ ...answer, answers: effect }))),
  ];
}

function answersTo(effect: Effect): readonly Happening[] {
  const fails = (words: string, fault: SerializedFault): Happening => ({
    words,
    event: { type: 'failed', effect, fault },
  });
  const lost = fails('a part failed', BROKEN);
  switch (effect.do) {
    case 'bootGateway':
      return [
        { words: 'booted', event: { type: 'booted', generation: effect.generation, dhcp: false } },
        { words: 'booted, no address yet', event: { type: 'booted', generation: effect.generation, dhcp: true } },
        lost,
      ];
    case 'admitDhcp':
      return [{ words: 'DHCP admitted', event: { type: 'dhcpAdmitted', generation: effect.generation } }, lost];
    case 'askAddress':
      return [
        { words: 'address given', event: { type: 'addressed', generation: effect.generation } },
        fails('no answer', REFUSED),
        lost,
      ];
    case 'killGateway':
      return [{ words: 'gateway ended', event: { type: 'gatewayKilled', generation: effect.generation } }];
    case 'pin':
      return [
        { words: 'pinned', event: { type: 'pinned', generation: effect.generation } },
        fails('no answer', REFUSED),
        lost,
      ];
    case 'startTunnel':
      return [
        { words: 'connected', event: { type: 'connected', generation: effect.generation } },
        fails('no answer', REFUSED),
        lost,
      ];
    case 'verify':
      return [
        judged('all verified', effect.generation, 'verified'),
        judged('not verified', effect.generation, 'unknown'),
        lost,
      ];
    case 'pulse':
      return [pulsed(effect.generation, 'verified'), pulsed(effect.generation, 'refuted'), lost];
    case 'lease':
      return [{ words: 'leased', event: { type: 'leased', raise: effect.raise, generation: effect.generation } }, lost];
    case 'dropLeases':
    case 'lowerLinks':
    case 'flushConntrack':
      return [
        { words: 'closed', event: { type: 'closeStep', step: effect.do, generation: effect.generation } },
        fails('a part failed', BROKEN),
      ];
    case 'defineWork':
    case 'judgeWork':
      return [
        {
          words: 'definition judged',
          event: {
            type: 'defined',
            name: effect.name,
            generation: effect.generation,
            verdict: verdict('definition', 'verified'),
          },
        },
        lost,
      ];
    case 'resumeWork':
      return [];
    case 'raiseWork':
      return [{ words: 'raised', event: { type: 'raised', name: effect.name, generation: effect.generation } }, lost];
    case 'stopWork':
      return [{ words: 'last work VM ended', event: { type: 'workEnded', name: effect.name } }];
    case 'timer':
      return [{ words: effect.name, event: { type: 'timer', name: effect.name, generation: effect.generation } }];
    case 'writeReceipt':
      return [lost];
    case 'armGuard':
    case 'disarmGuard':
    case 'revokeReceipt':
    case 'awaitReady':
    case 'reply':
    case 'announce':
    case 'exit':
      return [];
  }
}

function judged(words: string, generation: number, outcome: Outcome): Happening {
  const verdicts = GATE_CHECKS.map((check) => verdict(check, outcome));
  const claim = { kind: 'round-trip' } as const;
  return { words, event: { type: 'judged', generation, verdicts, claim, nowMs: 0, maxAgeMs: 1, everyMs: 1 } };
}

function pulsed(generation: number, outcome: Outcome): Happening {
  const words = outcome === 'verified' ? 'still verified' : 'not verified';
  return {
    words,
    event: { type: 'pulsed', generation, verdicts: PULSE_CHECKS.map((check) => verdict(check, outcome)) },
  };
}

function verdict(check: CheckName, outcome: Outcome): Verdict {
  const trust = { gatewayCouldFake: '', hostWitness: '' };
  return { check, outcome, summary: '', evidence: [], remedy: '', trust, durationMs: 0 };
}
