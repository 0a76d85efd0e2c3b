/** A report of cycles for people: one table for the run, one line for the anti-run, one for what it cost. */
import type { CyclesReport, Quantiles, Run, Summary } from './statistics.ts';

export function reportText(report: CyclesReport): string {
  const { guarded, bare, interrupted, seconds, lanes, seed, atLeast } = report;
  const { total } = guarded;
  const lines = [
    ...(interrupted ? ['interrupted: this is what was measured until then', ''] : []),
    ...table(guarded),
    '',
    `leaked frames            ${total.leaked} in ${total.cycles} cycles (${total.tried.sum} frames tried, at least ${leastOf(total)} in each; asked for: ${atLeast})`,
    `held back by the guard   ${total.heldBytes} bytes of foreign frames`,
    `time to block            ${spread(total.block)}`,
    `time to recover          ${spread(total.recover)}`,
    `did not come back        ${total.stuck}`,
    ...(total.askedAgain === 0
      ? []
      : [`asked again              ${total.askedAgain} times: a gateway had not heard its fault`]),
    `a cycle                  ${guarded.secondsPerCycle.toFixed(2)} s on ${lanes} lanes; the whole run ${seconds.toFixed(0)} s; seed ${seed}`,
    bare === undefined
      ? 'anti-run                 not run: nothing says that leaks would have been seen'
      : `anti-run                 ${bare.total.leakingCycles} of ${bare.total.cycles} cycles leaked without guard and firewall (${bare.total.leaked} frames), a cycle ${bare.secondsPerCycle.toFixed(2)} s`,
  ];
  return `${lines.join('\n')}\n`;
}

function table({ byFault }: Run): string[] {
  const head = ['fault', 'cycles', 'leaked', 'block p50/p95 ms', 'recover p50/p95 ms', 'mean ms'];
  const rows = byFault.map((each) => [
    each.fault,
    String(each.cycles),
    String(each.leaked),
    pair(each.block),
    pair(each.recover),
    each.meanMs.toFixed(0),
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)));
  return [head, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function leastOf({ cycles, tried }: Summary): number {
  return cycles === 0 ? 0 : tried.least;
}

function pair(quantiles: Quantiles | undefined): string {
  return quantiles === undefined ? '-' : `${quantiles.p50.toFixed(0)} / ${quantiles.p95.toFixed(0)}`;
}

function spread(quantiles: Quantiles | undefined): string {
  if (quantiles === undefined) return 'not measured';
  const { p50, p95, max } = quantiles;
  return `p50 ${p50.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms, longest ${max.toFixed(0)} ms`;
}
