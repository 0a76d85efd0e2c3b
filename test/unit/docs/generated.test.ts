/** Parts of the documentation that are made of the code: stale is wrong. UPDATE_GOLDEN=1 rewrites them. */
import { expect, test } from '@jest/globals';
import { errorEntries } from '../../../src/codes.ts';
import { declaredCases } from '../../leak-cases/declared.ts';
import { leakCaseTable, readRecord } from '../../leak-cases/record.ts';
import { generatedPart, textOf } from './documents.ts';
import { EXITS, events, exitCodes, troubleshooting } from './from-codes.ts';
import { gatePromises, stateDiagram, transitions } from './from-gate.ts';

/** The walk takes seconds of one core, which a machine that runs VMs meanwhile may not have. */
const PATIENCE_MS = 120_000;

test.each([
  { document: 'docs/events.md', name: 'events', make: events },
  { document: 'docs/troubleshooting.md', name: 'errors', make: troubleshooting },
  { document: 'docs/exit-codes.md', name: 'exit codes', make: exitCodes },
  { document: 'docs/architecture.md', name: 'life of a gate', make: stateDiagram },
  { document: 'docs/architecture.md', name: 'promises of a gate', make: gatePromises },
  { document: 'docs/leak-cases.md', name: 'leak cases', make: () => leakCaseTable(declaredCases(), readRecord()) },
])(
  '$document: $name',
  ({ document, name, make }) => {
    const fresh = make();
    expect(fresh.length).toBeGreaterThan(500);
    expect(generatedPart(document, name, fresh)).toBe(fresh);
  },
  PATIENCE_MS,
);

test('every exit code of an error is explained', () => {
  const explained = Object.keys(EXITS);
  expect(errorEntries().filter(({ exit }) => !explained.includes(String(exit)))).toEqual([]);
});

test('the documented life of a gate holds: only a judgement opens, and every open gate closes first', () => {
  const all = transitions();
  expect(all.filter(({ to }) => to === 'open')).toEqual([{ from: 'verifying', to: 'open', on: ['all verified'] }]);
  expect(all.filter(({ from }) => from === 'open').map(({ to }) => to)).toEqual(['closing']);
  expect(all.find(({ from }) => from === 'violated')).toMatchObject({
    to: 'booting',
    on: ['up', 'up with a changed file'],
  });
  const phases = new Set(all.flatMap(({ from, to }) => [from, to]));
  for (const phase of phases) expect(textOf('docs/architecture.md')).toContain(`\`${phase}\``);
});
