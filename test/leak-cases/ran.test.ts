/**
 * Judges a run of `test/run.sh` that is over: every leak case of the parts that ran was held, but for what this machine
 * cannot run. With UPDATE_GOLDEN=1, which `npm run test:all` sets when nothing failed, the results of a run in which all
 * were held become those of docs/leak-cases.md.
 */
import { execFileSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { Installation } from '../../src/drivers/index.ts';
import { hostPlatform } from '../../src/host/index.ts';
import { generatedPart } from '../unit/docs/documents.ts';
import { declaredCases, PARTS } from './declared.ts';
import { leakCaseTable, readRecord, writeRecord } from './record.ts';
import { judge, partsOf, readResults } from './results.ts';

const folder = process.env['VMGATE_TEST_RESULTS'];
if (folder === undefined) throw new Error('run by test/run.sh, which says where the results are');
const results = readResults(folder);
const ran = partsOf(results);
const judged = declaredCases()
  .filter(({ part }) => ran.includes(part))
  .map((row) => [row, judge(row, results)] as const);
const lacking = judged.filter(([, { lacks }]) => lacks.length > 0);

test('every leak case of what ran was held, and shown able to fail', () => {
  const numbers = new Set(judged.map(([{ number }]) => number));
  const skipped = lacking.filter(([, result]) => result.skipped > 0);
  const words = [
    `${numbers.size} in ${judged.length} rows`,
    `${judged.length - lacking.length} held`,
    ...(skipped.length > 0 ? [`${skipped.length} not wholly tried on this machine`] : []),
  ];
  process.stderr.write(`Leak cases:  ${words.join(', ')} (of the parts ${ran.join(', ')})\n`);
  const broken = lacking.filter((each) => !skipped.includes(each));
  expect(broken.map(([{ number, file }, { lacks }]) => ({ number, file, lacks }))).toEqual([]);
});

if (process.env['UPDATE_GOLDEN'] === '1' && lacking.length === 0 && ran.length === PARTS.length) {
  test('a whole run is recorded in docs/leak-cases.md', async () => {
    const { version } = await new Installation().find(hostPlatform().arch);
    const [date = ''] = new Date().toISOString().split('T');
    writeRecord({ date, commit: commit(), node: process.versions.node, qemu: version }, judged);
    const table = leakCaseTable(declaredCases(), readRecord());
    expect(generatedPart('docs/leak-cases.md', 'leak cases', table)).toBe(table);
  });
}

function commit(): string {
  const git = (...argv: readonly string[]) => execFileSync('git', argv, { encoding: 'utf8' }).trim();
  return git('rev-parse', '--short=12', 'HEAD') + (git('status', '--porcelain', '-uno') === '' ? '' : ' with changes');
}
