/**
 * The last whole run in which every leak case was held, and the table that says so. Nothing is claimed that this run did
 * not show: a row that is newer than it says so.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { type LeakCase, UPLINKS } from './declared.ts';
import type { CaseResult } from './results.ts';

const FILE = path.join(import.meta.dirname, 'recorded.json');

const record = z.strictObject({
  /** When, which sources, with what. */
  run: z.strictObject({ date: z.string(), commit: z.string(), node: z.string(), qemu: z.string() }),
  cases: z.array(
    z.strictObject({
      number: z.number().int(),
      file: z.string(),
      tests: z.number().int().positive(),
      antiTests: z.number().int().positive(),
    }),
  ),
});
export type Record = z.infer<typeof record>;

/** Undefined before the first such run. */
export function readRecord(): Record | undefined {
  return existsSync(FILE) ? record.parse(JSON.parse(readFileSync(FILE, 'utf8'))) : undefined;
}

export function writeRecord(run: Record['run'], held: readonly (readonly [LeakCase, CaseResult])[]): void {
  const cases = held.map(([{ number, file }, { tests, antiTests }]) => ({ number, file, tests, antiTests }));
  writeFileSync(FILE, `${JSON.stringify(record.parse({ run, cases }), null, 2)}\n`);
}

/** The generated part of docs/leak-cases.md. */
export function leakCaseTable(rows: readonly LeakCase[], recorded: Record | undefined): string {
  const lines = rows.map(({ number, proves, uplinks, file }) => {
    const found = recorded?.cases.find((each) => each.number === number && each.file === file);
    const [test, antiTest] =
      found === undefined
        ? ['not recorded yet', 'not recorded yet']
        : [`${found.tests} passed`, `${found.antiTests} passed`];
    return `| ${number} | ${proves} | ${UPLINKS[uplinks]} | ${test} | ${antiTest} | \`${file}\` |`;
  });
  return [sourceOf(recorded), '', ...HEAD, ...lines, ''].join('\n');
}

const HEAD = ['| case | what is proven | uplink | tests | anti-tests | where |', '|---|---|---|---|---|---|'];

function sourceOf(recorded: Record | undefined): string {
  if (recorded === undefined) return 'No whole run has been recorded yet.';
  const { date, commit, node, qemu } = recorded.run;
  return `Recorded by \`npm run test:all\` on ${date}, commit \`${commit}\`, Node ${node}, QEMU ${qemu}.`;
}
