/** Parts of the documentation that are made of the code: stale is wrong. UPDATE_GOLDEN=1 rewrites them. */
import { expect, test } from '@jest/globals';
import { errorEntries } from '../../../src/codes.ts';
import { declaredCases } from '../../leak-cases/declared.ts';
import { leakCaseTable, readRecord } from '../../leak-cases/record.ts';
import { generatedPart } from './documents.ts';
import { EXITS, events, exitCodes, troubleshooting } from './from-codes.ts';
import { gatePromises } from './from-gate.ts';

test.each([
  { document: 'docs/events.md', name: 'events', make: events },
  { document: 'docs/troubleshooting.md', name: 'errors', make: troubleshooting },
  { document: 'docs/exit-codes.md', name: 'exit codes', make: exitCodes },
  { document: 'docs/architecture.md', name: 'promises of a gate', make: gatePromises },
  { document: 'docs/leak-cases.md', name: 'leak cases', make: () => leakCaseTable(declaredCases(), readRecord()) },
])('$document: $name', ({ document, name, make }) => {
  const fresh = make();
  expect(fresh.length).toBeGreaterThan(500);
  expect(generatedPart(document, name, fresh)).toBe(fresh);
});

test('every exit code of an error is explained', () => {
  const explained = Object.keys(EXITS);
  expect(errorEntries().filter(({ exit }) => !explained.includes(String(exit)))).toEqual([]);
});
