/** Verdicts as a table: the word carries the meaning, evidence below what is not verified. */
import { escapeLine } from '../host/index.ts';
import type { VerifyResult } from '../supervisor/index.ts';

export function verdictTable({ verdicts, claim }: VerifyResult): string {
  const lines = verdicts.flatMap(({ check, outcome, summary, evidence, remedy }) => {
    const line = `${check.padEnd(9)} ${outcome.padEnd(9)} ${escapeLine(summary)}`;
    if (outcome === 'verified' || outcome === 'not asked') return [line];
    return [
      line,
      ...evidence.map((seen) => `${' '.repeat(20)}saw: ${escapeLine(seen)}`),
      `${' '.repeat(20)}next: ${escapeLine(remedy)}`,
    ];
  });
  const claimed =
    claim === null
      ? 'claim: none'
      : claim.kind === 'address'
        ? `claim: exit address ${claim.address}`
        : 'claim: round trip through the tunnel';
  return [...lines, claimed].join('\n');
}
