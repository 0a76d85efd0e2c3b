/** What a drill amounts to, as data: the same for terminal, script and page. Pure. */
import { VmgateError } from '../core/coded.ts';
import { type DrillCase, NOT_HERE, type NotHere } from './catalogue.ts';
import { errors } from './codes.ts';
import { judge, type Observation, type Outcome } from './judge.ts';

export interface CaseReport {
  readonly numbers: readonly number[];
  readonly name: string;
  readonly about: string;
  readonly outcome: Outcome;
  readonly why: readonly string[];
  /** At a whole gate, and with the defences taken away; null: not tried. */
  readonly guarded: Observation | null;
  readonly bare: Observation | null;
}

export interface DrillReport {
  readonly outcome: 'held' | 'leaked' | 'blind' | 'stuck' | 'interrupted';
  readonly cases: readonly CaseReport[];
  readonly notHere: readonly NotHere[];
  readonly counts: Readonly<Record<Outcome, number>>;
  /** How the gate was set up. One sentence each. */
  readonly setup: readonly string[];
  readonly seconds: number;
}

/** What both runs brought, by name of the case. */
export interface Findings {
  readonly guarded: ReadonlyMap<string, Observation>;
  readonly bare: ReadonlyMap<string, Observation>;
}

export function reportOf(
  cases: readonly DrillCase[],
  { guarded, bare }: Findings,
  setup: readonly string[],
  seconds: number,
): DrillReport {
  const judged = cases.map((each): CaseReport => {
    const { numbers, name, about } = each;
    const [whole, less] = [guarded.get(name), bare.get(name)];
    return { numbers, name, about, ...judge(each, whole, less), guarded: whole ?? null, bare: less ?? null };
  });
  const count = (outcome: Outcome) => judged.filter((each) => each.outcome === outcome).length;
  const counts = {
    held: count('held'),
    leaked: count('leaked'),
    blind: count('blind'),
    stuck: count('stuck'),
    untried: count('untried'),
  };
  return { outcome: worst(counts), cases: judged, notHere: NOT_HERE, counts, setup, seconds: Math.round(seconds) };
}

function worst({ leaked, blind, stuck, untried }: DrillReport['counts']): DrillReport['outcome'] {
  if (leaked > 0) return 'leaked';
  // What was cut off could not be seen twice: that is no defect.
  if (untried > 0) return 'interrupted';
  if (blind > 0) return 'blind';
  return stuck > 0 ? 'stuck' : 'held';
}

/** The error that the drill ends with; undefined where every case is held, or it was interrupted before. */
export function faultOf({ outcome, cases }: Pick<DrillReport, 'outcome' | 'cases'>): VmgateError | undefined {
  if (outcome === 'held' || outcome === 'interrupted') return undefined;
  const found = cases.filter((each) => each.outcome === outcome);
  const payload = { cases: found.map(({ name }) => name), of: cases.length };
  const evidence = found.flatMap(({ name, why }) => why.map((line) => `${name}: ${line}`));
  const code = { leaked: errors.DRILL_CASE_LEAKED, blind: errors.DRILL_CASE_BLIND, stuck: errors.DRILL_CASE_STUCK };
  return VmgateError.of(code[outcome], payload, { evidence });
}
