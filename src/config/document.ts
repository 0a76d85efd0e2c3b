/** One YAML file with the positions of everything in it. Bounded: size, nesting, aliases, one document. */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  visit,
  type YAMLError,
} from 'yaml';
import type { ConfigIssue } from './codes.ts';

export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface YamlDocument {
  /** As JSON would have it; undefined when there are issues. */
  readonly value: unknown;
  readonly issues: readonly ConfigIssue[];
  /** Where the value at `path` stands; where it is missing, the nearest key above it. `aim`: the key itself. */
  readonly positionOf: (path: readonly PropertyKey[], aim?: 'key' | 'value') => Position;
}

const MAX_ALIASES = 100;
/** The parser recurses: without a bound a file of brackets exhausts the stack. No configuration needs more. */
const MAX_DEPTH = 64;
/** Faults of one file that are told. */
export const MAX_ISSUES = 30;
/** Characters of a file's own words that a fault repeats. */
export const MAX_QUOTED = 200;

export function parseYaml(file: string, text: string): YamlDocument {
  const lines = new LineCounter();
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const issue = (offset: number, message: string): ConfigIssue => ({ file, ...position(offset), key: '', message });
  const start = { line: 1, column: 1 };
  const refuse = (issues: readonly ConfigIssue[]): YamlDocument => ({
    value: undefined,
    issues,
    positionOf: () => start,
  });
  if (isDeep(text)) return refuse([issue(0, `nested deeper than ${MAX_DEPTH}`)]);
  try {
    const [document, second] = parseAllDocuments(text, { lineCounter: lines, uniqueKeys: false, prettyErrors: false });
    if (document === undefined || !('contents' in document) || document.contents === null) {
      return refuse([issue(0, 'the file is empty')]);
    }
    if (second !== undefined)
      return refuse([issue(second.range[0], 'only one document in a file: take out this "---"')]);
    // Only the first: what the parser says after it is mostly its own confusion.
    const [fault] = [...document.errors, ...document.warnings];
    if (fault !== undefined) return refuse([issue(fault.pos[0], explain(fault))]);
    const odd = oddKeys(document).map(({ offset, message }) => issue(offset, message));
    if (odd.length > 0) return refuse(odd);
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    return { value, issues: [], positionOf: (path, aim) => position(offsetOf(document, path, aim ?? 'value')) };
  } catch (cause) {
    // The parser recurses: deep nesting ends in a RangeError. Too many aliases end in a ReferenceError.
    const deep = cause instanceof RangeError;
    return refuse([
      issue(0, deep ? 'nested too deeply' : `more than ${MAX_ALIASES} uses of aliases, or one of itself`),
    ]);
  }
}

/** An upper estimate: brackets open at once, and `- - -` or `? ? ?` at the start of one line. */
function isDeep(text: string): boolean {
  let open = 0;
  for (const line of text.split('\n')) {
    if (new RegExp(`^\\s*([-?]\\s+){${MAX_DEPTH}}`).test(line)) return true;
    for (const character of line) {
      if (character === '[' || character === '{') open++;
      else if (character === ']' || character === '}') open = Math.max(0, open - 1);
      if (open > MAX_DEPTH) return true;
    }
  }
  return false;
}

function explain(fault: YAMLError): string {
  if (fault.code === 'TAB_AS_INDENT') return 'indented with a tab: YAML wants spaces';
  return `not valid YAML: ${(fault.message.split('\n')[0] ?? '').slice(0, MAX_QUOTED)}`;
}

/**
 * Keys that a JavaScript object cannot hold as written, and keys that stand twice. The parser's own search for those
 * compares each key with every other: 30,000 keys took it ten seconds.
 */
function oddKeys(document: Document): readonly { offset: number; message: string }[] {
  const found: { offset: number; message: string }[] = [];
  visit(document, {
    Map: (_, { items }) => {
      const seen = new Set<string>();
      for (const { key } of items) {
        const offset = (key as Node | null)?.range?.[0] ?? 0;
        const text = isScalar(key) ? String(key.value) : undefined;
        if (text === undefined) found.push({ offset, message: 'a key must be plain text' });
        else if (text === '__proto__') found.push({ offset, message: 'this key is not allowed' });
        else if (seen.has(text)) found.push({ offset, message: 'this key is there twice' });
        else seen.add(text);
      }
    },
  });
  return found.toSorted((a, b) => a.offset - b.offset).slice(0, MAX_ISSUES);
}

function offsetOf(document: Document.Parsed, path: readonly PropertyKey[], aim: 'key' | 'value'): number {
  let node: unknown = document.contents;
  let offset = document.contents?.range[0] ?? 0;
  for (const [depth, segment] of path.entries()) {
    const step = stepInto(document, node, segment);
    if (step === undefined) return offset;
    const last = depth === path.length - 1;
    const value = (step.value as Node | null)?.range?.[0];
    // Above the value that is meant, the key is the better place to point at.
    offset = (last && aim === 'value' ? value : undefined) ?? step.key ?? value ?? offset;
    node = step.value;
  }
  return offset;
}

function stepInto(
  document: Document,
  node: unknown,
  segment: PropertyKey,
): { key?: number; value: unknown } | undefined {
  const here = isAlias(node) ? node.resolve(document) : node;
  if (isSeq(here) && typeof segment === 'number')
    return segment in here.items ? { value: here.items[segment] } : undefined;
  if (!isMap(here)) return undefined;
  const pair = here.items.find(({ key }) => isScalar(key) && String(key.value) === String(segment));
  if (pair === undefined) return undefined;
  const key = (pair.key as Node).range?.[0];
  return { ...(key === undefined ? {} : { key }), value: pair.value };
}
