/** From what a lane brings home to what the judge looks at, and to one line of words. Pure. */
import type { Attempt } from './attempts.ts';
import type { DrillCase } from './catalogue.ts';
import type { Observation } from './judge.ts';
import { type Cycle, leakedIn } from './statistics.ts';
import type { Tried } from './tried.ts';

/** A datagram of that shape from an owned gateway is let out, towards the endpoint and nowhere else: docs/threat-model.md. */
const SHAPED = 'tunnel-shaped to the endpoint and its port';

/** The attempts of a case, of all there are. */
export function attemptsOf(
  { trial }: DrillCase,
  all: { readonly leased: readonly Attempt[]; readonly late: readonly Attempt[] },
): readonly Attempt[] {
  if (trial.by === 'fault') return [];
  if (trial.from === 'late') return all.late;
  if (trial.of !== undefined) return all.leased.filter(({ leakCase }) => leakCase === trial.of);
  return all.leased.filter(({ ends, name }) => ends === 'tunnel' && name !== SHAPED);
}

export function observedCycle(cycle: Cycle): Observation {
  const { tried, heldBytes, blockMs, recoverMs, tookMs, opened, stuck } = cycle;
  return {
    ...NOTHING,
    tried,
    leaked: leakedIn(cycle),
    opened: opened === true,
    held: heldBytes > 0,
    blockMs: blockMs === undefined ? null : Math.round(blockMs),
    recoverMs: recoverMs === undefined ? null : Math.round(recoverMs),
    tookMs: Math.round(tookMs),
    stuck: stuck ?? null,
  };
}

/** The part of a volley that is a case's own. Frames that nobody's mark was in are every case's. */
export function observedVolley(
  { tried, clear, leaked, held, violated, tookMs }: Tried,
  names: readonly string[],
): Observation {
  const attempts = tried.filter((name) => names.includes(name));
  const own = clear.filter((name) => attempts.includes(name));
  return {
    ...NOTHING,
    tried: attempts.length,
    attempts,
    clear: own,
    leaked: clear.length === 0 ? leaked : own.length,
    held,
    violated,
    tookMs: Math.round(tookMs),
  };
}

/** The same attempts by two ways round the defences: no gateway at all, and one that accepts everything. */
export function inClearBothWays(outside: Observation, owned: Observation | undefined): Observation {
  if (owned === undefined) return outside;
  const unseen = owned.attempts.filter((name) => !owned.clear.includes(name));
  const clear = outside.clear.filter((name) => !unseen.includes(name));
  return { ...outside, clear, leaked: clear.length, violated: owned.violated, tookMs: outside.tookMs + owned.tookMs };
}

/** A trial that broke off. */
export function brokenOff(why: string): Observation {
  return { ...NOTHING, stuck: why };
}

const NOTHING: Observation = {
  tried: 0,
  leaked: 0,
  attempts: [],
  clear: [],
  opened: false,
  held: false,
  violated: false,
  blockMs: null,
  recoverMs: null,
  tookMs: 0,
  stuck: null,
};

/** What was seen, in a few words. */
export function saw(observation: Observation): string {
  const { attempts, clear, leaked, tried, held, violated, blockMs, recoverMs, opened, stuck } = observation;
  const what =
    attempts.length > 0
      ? `${clear.length === 0 ? 'none' : clear.length} of ${attempts.length} in clear`
      : `${leaked === 0 ? 'nothing' : frames(leaked)} in clear, ${tried} tried`;
  return [
    what,
    ...(held ? ['the guard held them'] : []),
    ...(violated ? ['violated'] : []),
    ...(opened ? ['the gate OPENED'] : []),
    ...(blockMs === null ? [] : [`last one out after ${seconds(blockMs)}`]),
    ...(recoverMs === null ? [] : [`back after ${seconds(recoverMs)}`]),
    ...(stuck === null ? [] : ['did not come to an end']),
  ].join(', ');
}

function frames(count: number): string {
  return count === 1 ? '1 frame' : `${count} frames`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
