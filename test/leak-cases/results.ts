/** What became of the declared leak cases in a run, by the results that jest wrote. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { type LeakCase, PARTS, type Part } from './declared.ts';

const repository = path.resolve(import.meta.dirname, '../..');

const jestResults = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
});

export interface TestResult {
  /** Relative to the repository. */
  readonly file: string;
  readonly fullName: string;
  readonly status: string;
}

export interface CaseResult {
  /** How many passed. */
  readonly tests: number;
  readonly antiTests: number;
  /** How many were skipped, for a reason that the test printed. */
  readonly skipped: number;
  /** What keeps the case from being held; empty when it is. */
  readonly lacks: readonly string[];
}

/** Of the files `*.json` in `folder`. */
export function readResults(folder: string): readonly TestResult[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => jestResults.parse(JSON.parse(readFileSync(path.join(folder, name), 'utf8'))).testResults)
    .flatMap(({ name, assertionResults }) => {
      const file = path.relative(repository, name);
      return assertionResults.map(({ fullName, status }) => ({ file, fullName, status }));
    });
}

/** Which parts have results. */
export function partsOf(results: readonly TestResult[]): readonly Part[] {
  return PARTS.filter((part) => results.some(({ file }) => file.startsWith(`test/${part}/`)));
}

/** Held: a test and an anti-test ran, on every uplink that is claimed, and each of them passed. */
export function judge(row: LeakCase, results: readonly TestResult[]): CaseResult {
  const own = results.filter(({ file, fullName }) => file === row.file && casesOf(fullName).includes(row.number));
  const passed = own.filter(({ status }) => status === 'passed');
  const [antiTests, tests] = [passed.filter(isAntiTest), passed.filter((result) => !isAntiTest(result))];
  const missing = row.uplinks === 'both' ? ['wire', 'user'].filter((uplink) => !tests.some(on(uplink))) : [];
  return {
    tests: tests.length,
    antiTests: antiTests.length,
    skipped: own.filter(({ status }) => status === 'pending').length,
    lacks: [
      ...own.filter(({ status }) => status !== 'passed').map(({ fullName, status }) => `${status}: ${fullName}`),
      ...(tests.length === 0 ? ['no test passed'] : []),
      ...(antiTests.length === 0 ? ['no anti-test passed'] : []),
      ...missing.map((uplink) => `no test passed on ${uplink}`),
    ],
  };
}

/** The numbers of the cases that a test belongs to, by its full name. */
export function casesOf(fullName: string): readonly number[] {
  return [...fullName.matchAll(/\bcase (\d+)\b/g)].map(([, number]) => Number(number));
}

function isAntiTest({ fullName }: TestResult): boolean {
  return /\banti-test\b/.test(fullName);
}

function on(uplink: string): (result: TestResult) => boolean {
  return ({ fullName }) => new RegExp(`\\b${uplink}\\b`).test(fullName);
}
