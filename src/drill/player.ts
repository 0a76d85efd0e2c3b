/**
 * Plays cases on one ground. Once more where a busy machine spoiled a trial: where it did not come to an end, or where the
 * defences were away and nothing showed. A leak is never tried away.
 */
import { type CodedEvent, occur, VmgateError } from '../core/coded.ts';
import type { Attempt } from './attempts.ts';
import type { DrillCase } from './catalogue.ts';
import { events } from './codes.ts';
import type { Fault, InsideLine } from './faults.ts';
import type { Ground, Mode } from './ground.ts';
import type { Observation } from './judge.ts';
import { attemptsOf, brokenOff, inClearBothWays, observedCycle, observedVolley, saw } from './observed.ts';
import type { Cycle } from './statistics.ts';
import type { Tried } from './tried.ts';

const TRIES = 3;

/** A whole gate, or an undefended one. */
export interface Arena {
  readonly attempts: Ground['attempts'];
  volley(attempts: readonly Attempt[], after?: InsideLine): Promise<Tried>;
  cycle(fault: Fault): Promise<Cycle>;
  /** On a fresh gate from now on. */
  again(): Promise<void>;
  /** Undefended: where there is no gateway at all. */
  outside?(attempts: readonly Attempt[]): Promise<Tried>;
}

export interface PlayerOptions {
  readonly mode: Mode;
  readonly cases: readonly DrillCase[];
  readonly tell: (event: CodedEvent) => void;
  /** Aborted: what was seen so far is the result. */
  readonly signal: AbortSignal;
}

export type Found = Map<string, Observation>;

type Seen = readonly (readonly [DrillCase, Observation])[];

/** Cases by frames. Adds to `found` what was seen, by name of the case. */
export async function playFrames(arena: Arena, options: PlayerOptions, found: Found): Promise<void> {
  const { cases, mode } = options;
  const outside = await withoutGateway(arena, cases);
  for (const group of groupsOf(cases, mode)) {
    await repeatedly(() => volley(arena, group, outside, options), options, found);
  }
}

/** Cases by faults, as long as there are any: other arenas may take from the same `cases`. */
export async function playFaults(
  arena: Arena,
  options: Omit<PlayerOptions, 'cases'> & { readonly cases: DrillCase[] },
  found: Found,
): Promise<void> {
  const { cases, signal } = options;
  for (let each = cases.shift(); each !== undefined && !signal.aborted; each = cases.shift()) {
    const { trial } = each;
    const next = each;
    if (trial.by !== 'fault') continue;
    await repeatedly(async () => [[next, observedCycle(await arena.cycle(trial.fault))]], options, found);
  }
}

async function withoutGateway(arena: Arena, cases: readonly DrillCase[]): Promise<ReadonlyMap<string, Observation>> {
  const own = cases.map((each) => [each, attemptsOf(each, arena.attempts)] as const);
  const attempts = distinct(own.flatMap(([, tried]) => tried));
  if (arena.outside === undefined || attempts.length === 0) return new Map();
  const tried = await arena.outside(attempts);
  return new Map(own.map(([{ name }, mine]) => [name, observedVolley(tried, namesOf(mine))]));
}

/** What shares a volley: all that is tried at a whole gate, and all that is at an undefended one. */
function groupsOf(cases: readonly DrillCase[], mode: Mode): readonly (readonly DrillCase[])[] {
  const frames = cases.filter(({ trial }) => trial.by === 'frames');
  const alone = mode === 'bare' ? [] : frames.filter((each) => afterOf(each) !== undefined);
  const together = frames.filter((each) => !alone.includes(each));
  return [together, ...alone.map((each) => [each])].filter((group) => group.length > 0);
}

async function volley(
  arena: Arena,
  group: readonly DrillCase[],
  outside: ReadonlyMap<string, Observation>,
  { mode, signal }: PlayerOptions,
): Promise<Seen> {
  const own = group.map((each) => [each, attemptsOf(each, arena.attempts)] as const);
  const all = distinct(own.flatMap(([, attempts]) => attempts));
  // What a gateway does not forward, an undefended one does not either.
  const attempts = mode === 'bare' ? all.filter(({ ends }) => ends === 'tunnel') : all;
  try {
    const tried = attempts.length === 0 ? undefined : await arena.volley(attempts, afterOf(group[0]));
    return own.map(([each, mine]) => {
      const seen = tried === undefined ? brokenOff('nothing to try') : observedVolley(tried, namesOf(mine));
      const before = outside.get(each.name);
      return [each, before === undefined ? seen : inClearBothWays(before, tried === undefined ? undefined : seen)];
    });
  } catch (cause) {
    if (signal.aborted || !VmgateError.is(cause)) throw cause;
    await arena.again();
    return group.map((each) => [each, brokenOff(cause.what)]);
  }
}

async function repeatedly(
  trial: () => Promise<Seen>,
  { mode, tell, signal }: Omit<PlayerOptions, 'cases'>,
  found: Found,
): Promise<void> {
  for (let left = TRIES; !signal.aborted; left -= 1) {
    const seen = await trial();
    const spoiled = seen.filter(([, observation]) => isSpoiled(mode, observation));
    if (spoiled.length === 0 || left <= 1) {
      for (const [{ numbers, name }, observation] of seen) {
        found.set(name, observation);
        tell(occur(events.DRILL_TRIED, { number: numbers[0], name, mode, saw: saw(observation) }));
      }
      return;
    }
    for (const [{ numbers, name }, observation] of spoiled) {
      const why = observation.stuck ?? saw(observation);
      tell(occur(events.DRILL_AGAIN, { number: numbers[0], name, mode, why }));
    }
  }
}

function isSpoiled(mode: Mode, { leaked, clear, attempts, opened, stuck }: Observation): boolean {
  if (mode === 'bare') return attempts.length > 0 ? clear.length < attempts.length : leaked === 0;
  return stuck !== null && leaked === 0 && clear.length === 0 && !opened;
}

function afterOf(each: DrillCase | undefined): InsideLine | undefined {
  return each?.trial.by === 'frames' ? each.trial.after : undefined;
}

function distinct(attempts: readonly Attempt[]): readonly Attempt[] {
  return [...new Map(attempts.map((attempt) => [attempt.name, attempt])).values()];
}

function namesOf(attempts: readonly Attempt[]): readonly string[] {
  return attempts.map(({ name }) => name);
}
