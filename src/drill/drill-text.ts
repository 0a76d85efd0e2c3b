/** A drill's report for a terminal, and the list of what there is to play. Pure. */
import { CASES, NOT_HERE } from './catalogue.ts';
import type { Observation, Outcome } from './judge.ts';
import { saw } from './observed.ts';
import type { CaseReport, DrillReport } from './report.ts';

const WORDS: Readonly<Record<Outcome, string>> = {
  held: 'held',
  leaked: 'LEAKED',
  blind: 'BLIND',
  stuck: 'STUCK',
  untried: 'not tried',
};

export function drillText(report: DrillReport): string {
  const { cases, notHere, setup, seconds } = report;
  const rows = cases.map((each) => [
    String(each.numbers[0]),
    each.name,
    WORDS[each.outcome],
    shown(each.guarded),
    shown(each.bare),
  ]);
  return [
    ...setup,
    '',
    ...table([['case', 'name', '', 'with vmgate', 'defences taken away'], ...rows]),
    ...cases.filter(({ outcome }) => outcome !== 'held' && outcome !== 'untried').flatMap(reasons),
    '',
    'not here:',
    ...absent(notHere),
    '',
    `${summaryOf(report)}, in ${seconds} s`,
  ].join('\n');
}

/** `vmgate drill --list`. */
export function listText(): string {
  const rows = CASES.map(({ numbers, name, about }) => [numbers.join(', '), name, about]);
  return [...table([['case', 'name', 'what is tried'], ...rows]), '', 'not here:', ...absent(NOT_HERE)].join('\n');
}

/** One sentence: how many cases are what. */
export function summaryOf({ counts, cases }: Pick<DrillReport, 'counts' | 'cases'>): string {
  const { held, leaked, blind, stuck, untried } = counts;
  const parts = [
    `${held} of ${cases.length} leak cases held`,
    ...(leaked > 0 ? [`${leaked} LEAKED`] : []),
    ...(blind > 0 ? [`${blind} ${blind === 1 ? 'proves' : 'prove'} nothing`] : []),
    ...(stuck > 0 ? [`${stuck} did not come to an end`] : []),
    ...(untried > 0 ? [`${untried} not tried`] : []),
  ];
  return parts.join(', ');
}

function reasons({ name, outcome, why }: CaseReport): string[] {
  return ['', `${name} is ${WORDS[outcome]}:`, ...why.map((line) => `  ${line}`)];
}

function absent(notHere: DrillReport['notHere']): string[] {
  return notHere.map(({ numbers, what, why }) => `  ${numbers.join(', ')}: ${what}: ${why}`);
}

function shown(observation: Observation | null): string {
  return observation === null ? '-' : saw(observation);
}

/** The last column is as long as it is. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
