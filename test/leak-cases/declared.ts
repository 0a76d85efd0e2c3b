/**
 * Which leak cases the tests say they hold. A test file says so in a comment, one row of docs/leak-cases.md each:
 *
 *     @leakCase NUMBER wire|user|both|none: what it proves
 *
 * `wire`, `user`, `both`: on which uplinks a gate ran; `none`: no uplink takes part. Tests of that file whose full name has
 * `case NUMBER` in it are the row's, those with `anti-test` too its anti-tests; a row of `both` has the word `wire` in some
 * names and `user` in others.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const repository = path.resolve(import.meta.dirname, '../..');
/** Each part is what `test/run.sh` runs by that name. */
export const PARTS = ['unit', 'contract', 'system', 'all'] as const;
export type Part = (typeof PARTS)[number];

export const UPLINKS = {
  wire: 'lab wire',
  user: "QEMU's user network",
  both: 'both',
  none: 'not involved',
} as const;
export type Uplinks = keyof typeof UPLINKS;

export interface LeakCase {
  readonly number: number;
  readonly uplinks: Uplinks;
  readonly proves: string;
  /** Relative to the repository. */
  readonly file: string;
  readonly part: Part;
}

const ROW = /^(\d+) (wire|user|both|none): (\S.*)$/;

/** What one file declares. @throws when a declaration has not the form above */
export function declaredIn(file: string, text: string): readonly LeakCase[] {
  const part = PARTS.find((each) => file.startsWith(`test/${each}/`));
  return [...text.matchAll(/^ \* @leakCase (.*(?:\n \* +(?!@).*)*)/gm)].map(([, said = '']) => {
    const [, number, uplinks, proves] = ROW.exec(said.replaceAll(/\s*\n \*\s*/g, ' ')) ?? [];
    if (proves === undefined || part === undefined) throw new Error(`${file}: @leakCase ${said}`);
    return { number: Number(number), uplinks: uplinks as Uplinks, proves, file, part };
  });
}

/** What all test files declare, by number and place. */
export function declaredCases(): readonly LeakCase[] {
  const files = PARTS.flatMap((part) =>
    readdirSync(path.join(repository, 'test', part), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => `test/${part}/${name}`),
  );
  return files
    .flatMap((file) => declaredIn(file, readFileSync(path.join(repository, file), 'utf8')))
    .sort((a, b) => a.number - b.number || PARTS.indexOf(a.part) - PARTS.indexOf(b.part) || (a.file < b.file ? -1 : 1));
}
