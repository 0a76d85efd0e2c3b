/** Verdicts as a table: the word carries the meaning, evidence below what is not verified. */
import { escapeLine } from '../host/index.ts';
import type { StatusReport } from '../supervisor/index.ts';

type Shown = Pick<StatusReport['verdicts'][number], 'check' | 'outcome' | 'summary' | 'evidence' | 'remedy'>;

const INDENT = ' '.repeat(20);

export function verdictTable(
  verdicts: readonly (Omit<Shown, 'evidence'> & { readonly evidence: readonly string[] })[],
) {
  return verdicts
    .flatMap(({ check, outcome, summary, evidence, remedy }) => {
      const line = `${check.padEnd(9)} ${outcome.padEnd(9)} ${escapeLine(summary)}`;
      if (outcome === 'verified' || outcome === 'not asked') return [line];
      return [
        line,
        ...evidence.map((seen) => `${INDENT}saw: ${escapeLine(seen)}`),
        ...(remedy === '' ? [] : [`${INDENT}next: ${escapeLine(remedy)}`]),
      ];
    })
    .join('\n');
}

/** What the gate is entitled to say about where traffic comes out. */
export function claimText(claim: StatusReport['claim']): string {
  if (claim === null) return 'nothing is proven';
  return claim.kind === 'address'
    ? `exit address ${escapeLine(claim.address)}`
    : 'a round trip through the tunnel (no exit address was expected)';
}
