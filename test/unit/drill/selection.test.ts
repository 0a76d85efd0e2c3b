import { describe, expect, test } from '@jest/globals';
import { CASES, NOT_HERE } from '../../../src/drill/catalogue.ts';
import { FAULTS } from '../../../src/drill/faults.ts';
import { selectCases } from '../../../src/drill/selection.ts';

const namesFor = (...words: readonly string[]) => selectCases(words).map(({ name }) => name);
const refused = (word: string) => {
  try {
    selectCases([word]);
  } catch (cause) {
    return cause as { readonly code: string; readonly exit: number; readonly remedy: string };
  }
  throw new Error('not refused');
};

describe('the catalogue', () => {
  test('each name is there once, each case has numbers, each fault of the cycles is a case', () => {
    const names = CASES.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(CASES.filter(({ numbers }) => numbers.includes(0)).map(({ name }) => name)).toEqual([]);
    for (const { id } of FAULTS) expect(names).toContain(id);
  });

  test('no number is both played and not here, and none is left out', () => {
    const played = new Set(CASES.flatMap(({ numbers }) => numbers));
    const absent = NOT_HERE.flatMap(({ numbers }) => numbers);
    expect(absent.filter((number) => played.has(number))).toEqual([]);
    expect(new Set(absent).size).toBe(absent.length);
    // The list has gaps: 9, 11, 16, 32, 38, 44, 49, 52, 55 to 59, 70 and 72 are nobody's names.
    const gaps = new Set([9, 11, 16, 32, 38, 44, 49, 52, 55, 56, 57, 58, 59, 70, 72]);
    const all = Array.from({ length: 73 }, (_, index) => index + 1).filter((number) => !gaps.has(number));
    expect(all.filter((number) => !played.has(number) && !absent.includes(number))).toEqual([]);
  });
});

describe('selectCases', () => {
  test('nothing said: all of them', () => {
    expect(selectCases([])).toBe(CASES);
  });

  test('by number, by name, each once and in the order of the catalogue', () => {
    expect(namesFor('13')).toEqual(['server-killed', 'tunnel-blackholed']);
    expect(namesFor('guard-killed', 'dns', '5')).toEqual(['dns', 'guard-killed']);
    expect(namesFor('29')).toEqual(['tunnel-deleted']);
  });

  test.each([
    ['dsn', 'dns'],
    ['guard', 'guard-paused'],
    ['gard-killed', 'guard-killed'],
    ['killed', 'server-killed'],
    ['9', '8'],
  ])('%s: exit 2, and %s is near', (word, near) => {
    const fault = refused(word);
    expect(fault).toMatchObject({ code: 'DRILL_UNKNOWN_CASE', exit: 2 });
    expect(fault.remedy).toMatch(/^did you mean: vmgate drill /);
    expect(fault.remedy.split(/[ ,]+/)).toContain(near);
  });

  test('what is like nothing is told where the list is', () => {
    expect(refused('xyzzy')).toMatchObject({ code: 'DRILL_UNKNOWN_CASE', remedy: 'vmgate drill --list' });
    expect(refused('')).toMatchObject({ code: 'DRILL_UNKNOWN_CASE', remedy: 'vmgate drill --list' });
  });

  test('a leak case that no drill plays: exit 2, and why', () => {
    expect(refused('48')).toMatchObject({ code: 'DRILL_NOT_HERE', exit: 2 });
    expect(refused('26')).toMatchObject({ what: expect.stringContaining('captive portals') });
  });
});
