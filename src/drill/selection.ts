/** Which cases were asked for: by number, by name, or all of them. */
import { VmgateError } from '../core/coded.ts';
import { nearest } from '../core/nearest.ts';
import { CASES, type DrillCase, NOT_HERE } from './catalogue.ts';
import { errors } from './codes.ts';

/** How many names are shown where none is near. */
const SOME = 4;

/**
 * In the catalogue's order, each once.
 *
 * @throws DRILL_UNKNOWN_CASE, DRILL_NOT_HERE for the first word that names nothing that is played
 */
export function selectCases(words: readonly string[]): readonly DrillCase[] {
  if (words.length === 0) return CASES;
  const chosen = new Set(words.flatMap((word) => named(word)));
  return CASES.filter((each) => chosen.has(each));
}

function named(word: string): readonly DrillCase[] {
  const number = /^\d{1,3}$/.test(word) ? Number(word) : undefined;
  const found = CASES.filter(
    ({ name, numbers }) => name === word || (number !== undefined && numbers.includes(number)),
  );
  if (found.length > 0) return found;
  const absent = NOT_HERE.find(({ numbers }) => number !== undefined && numbers.includes(number));
  if (absent !== undefined) throw VmgateError.of(errors.DRILL_NOT_HERE, { number: number ?? 0, ...absent });
  throw VmgateError.of(errors.DRILL_UNKNOWN_CASE, { word: word.slice(0, 40), near: near(word, number) });
}

function near(word: string, number: number | undefined): readonly string[] {
  if (number !== undefined) {
    const known = [...new Set(CASES.flatMap(({ numbers }) => numbers))];
    const byDistance = known.toSorted((a, b) => Math.abs(a - number) - Math.abs(b - number) || a - b);
    return byDistance.slice(0, SOME).map(String);
  }
  const names = CASES.map(({ name }) => name);
  const slip = nearest(word, names);
  const alike = names.filter(
    (name) => word.length > 2 && name.split('-').some((part) => part === word || name.startsWith(word)),
  );
  const found = [...new Set([...(slip === undefined ? [] : [slip]), ...alike])];
  return found.slice(0, SOME);
}
