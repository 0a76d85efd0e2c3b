/** The table of leak cases claims no more than tests declare and a run showed. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { declaredCases, declaredIn, type LeakCase } from '../../leak-cases/declared.ts';
import { leakCaseTable } from '../../leak-cases/record.ts';
import { casesOf, judge, type TestResult } from '../../leak-cases/results.ts';
import { inRepository } from '../docs/documents.ts';

const FILE = 'test/system/leaks/some.test.ts';

/** A file's text and that of the scenes it plays, and these: tests that several files share. */
function withScenes(file: string): string {
  const text = readFileSync(inRepository(file), 'utf8');
  const scenes = [...text.matchAll(/from '(\.[^']*-scene\.ts)'/g)].map(([, scene = '']) =>
    withScenes(path.join(path.dirname(file), scene)),
  );
  return [text, ...scenes].join('\n');
}

describe('declared', () => {
  test('over several lines, among other words', () => {
    const text =
      '/**\n * What it is.\n *\n * @leakCase 7 wire: IPv6 is\n *   refused.\n * @leakCase 9 none: else\n */\n';
    expect(declaredIn(FILE, text)).toEqual([
      { number: 7, uplinks: 'wire', proves: 'IPv6 is refused.', file: FILE, part: 'system' },
      { number: 9, uplinks: 'none', proves: 'else', file: FILE, part: 'system' },
    ]);
  });

  test.each(['x wire: y', '7 air: y', '7 wire:', '7 wire y'])('not: %s', (said) => {
    expect(() => declaredIn(FILE, `/**\n * @leakCase ${said}\n */`)).toThrow(said);
  });

  const rows = declaredCases();
  const described = rows.map((row) => [row.number, row.file, row] as const);

  test('none twice in one file, and no mark that a table would break at', () => {
    expect(new Set(rows.map(({ number, file }) => `${number} ${file}`)).size).toBe(rows.length);
    expect(rows.filter(({ proves }) => /[|\n`<]/.test(proves))).toEqual([]);
  });

  test.each(described)('case %i in %s: it names a test and an anti-test', (number, file) => {
    const text = withScenes(file).replace(/^ \* @leakCase .*$/gm, '');
    expect(casesOf(text).includes(number) || /case \$leakCase/.test(text)).toBe(true);
    expect(text).toMatch(/anti-test/);
  });
});

describe('judged by what ran', () => {
  const row: LeakCase = { number: 7, uplinks: 'both', proves: 'it', file: FILE, part: 'system' };
  const passed = (fullName: string, file = FILE): TestResult => ({ file, fullName, status: 'passed' });
  const held = [passed('on wire case 7: closed'), passed('on user case 7: closed'), passed('anti-test case 7: opens')];

  test('held', () => {
    const others = [passed('case 70: not'), passed('case 7: elsewhere', 'test/unit/x.test.ts')];
    expect(judge(row, [...held, ...others])).toEqual({ tests: 2, antiTests: 1, skipped: 0, lacks: [] });
  });

  test.each<[string, readonly TestResult[], string]>([
    ['nothing', [], 'no test passed'],
    ['no anti-test', held.slice(0, 2), 'no anti-test passed'],
    ['one uplink only', [...held.slice(0, 1), ...held.slice(2)], 'no test passed on user'],
    ['one that failed', [...held, { file: FILE, fullName: 'case 7: more', status: 'failed' }], 'failed: case 7: more'],
    ['one that was skipped', [...held, { file: FILE, fullName: 'case 7: m', status: 'pending' }], 'pending: case 7: m'],
  ])('not held: %s', (_name, results, why) => {
    expect(judge(row, results).lacks).toContain(why);
    expect(judge(row, results).skipped).toBe(why.startsWith('pending') ? 1 : 0);
  });

  test('the table has results of recorded rows only', () => {
    const run = { date: '2026-01-02', commit: 'abc', node: '20.0.0', qemu: '7.2.0' };
    const newer = { ...row, number: 8 };
    const text = leakCaseTable([row, newer], { run, cases: [{ number: 7, file: FILE, tests: 2, antiTests: 1 }] });
    expect(text).toContain('commit `abc`');
    expect(text).toContain(`| 7 | it | both | 2 passed | 1 passed | \`${FILE}\` |`);
    expect(text).toContain('| 8 | it | both | not recorded yet | not recorded yet |');
    expect(leakCaseTable([row], undefined)).toMatch(/^No whole run/);
  });
});
