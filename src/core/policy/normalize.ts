/**
 * Compares a compiled ruleset with what `nft -j -s list ruleset` says of all families. Left out of the comparison:
 * handles, metainfo, counters' values and live leases. Everything else counts, the order of rules in a chain included.
 *
 * nft versions differ in small ways: a single flag comes as a string or as a list of one, several as a list (1.0.6) or
 * joined by "|" (1.1.3), elements of a set in any order.
 */
import { LEASE_SECONDS, type NftRuleset } from './nft.ts';
import { NAME_SECONDS } from './work-egress.ts';

/** A listing as it comes from a gateway: a guest's word, anything may be in it. */
export interface ListedRuleset {
  readonly nftables: readonly unknown[];
}

/** Objects by identity (`chain inet vmgate input`), rules as lists under their chain; values are canonical text. */
type Canonical = ReadonlyMap<string, readonly string[]>;

/** The members of nft's objects that are treated specially. */
type Member =
  | 'add'
  | 'elem'
  | 'timeout'
  | 'expires'
  | 'handle'
  | 'packets'
  | 'bytes'
  | 'family'
  | 'table'
  | 'chain'
  | 'name'
  | '|';
type Members = { readonly [member in Member]?: unknown };

/** nft's own expressions are 7 levels deep; a guest may send half a million. */
const MAX_DEPTH = 32;

/** Differences in words, each with the object concerned; empty when both are the same. */
export function compareRulesets(expected: NftRuleset, actual: ListedRuleset): string[] {
  const wanted = canonical(expected);
  const found = canonical(actual);
  const differences: string[] = [];
  for (const [name, lines] of wanted) {
    const there = found.get(name);
    if (there === undefined) differences.push(`${name}: missing`);
    else differences.push(...compareLines(name, lines, there));
  }
  for (const name of found.keys()) if (!wanted.has(name)) differences.push(`${name}: not ours`);
  return differences;
}

/** One line per object and rule, sorted by object; the same for a compiled ruleset and its listing. */
export function normalizeRuleset(ruleset: ListedRuleset): string[] {
  return [...canonical(ruleset)]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, lines]) => lines.map((line) => `${name} ${line}`));
}

function canonical(ruleset: ListedRuleset): Canonical {
  const objects = new Map<string, string[]>();
  for (const entry of ruleset.nftables) {
    const object = isObject(entry) && isObject(entry.add) ? entry.add : entry;
    const [kind, body] = isObject(object) ? (Object.entries(object)[0] ?? ['', object]) : ['', object];
    if (kind === 'metainfo' || kind === 'flush') continue;
    const [name, line] = isObject(body)
      ? [identity(kind, body), simplify(kind, body)]
      : [`unknown object ${kind}`, body];
    const lines = objects.get(name) ?? [];
    lines.push(JSON.stringify(ordered(line, '', 0)));
    objects.set(name, lines);
  }
  return objects;
}

function identity(kind: string, { family, table, chain, name }: Members): string {
  const parts = kind === 'rule' ? ['rules', family, table, chain] : [kind, family, table, name];
  return parts.filter((part) => part !== undefined).join(' ');
}

function compareLines(name: string, wanted: readonly string[], found: readonly string[]): string[] {
  const at = wanted.findIndex((line, index) => line !== found[index]);
  if (at >= 0) return [`${name}: line ${at + 1} should be ${wanted[at]} and is ${found[at] ?? 'missing'}`];
  return found.length > wanted.length
    ? [`${name}: line ${wanted.length + 1} is not ours: ${found[wanted.length]}`]
    : [];
}

function simplify(kind: string, { handle: _handle, ...body }: Members): Members {
  if (kind === 'counter') {
    const { packets: _packets, bytes: _bytes, ...counter } = body;
    return counter;
  }
  if (kind !== 'set') return body;
  const { elem, ...set } = body;
  const elements = (Array.isArray(elem) ? elem : [elem]).filter((one) => one !== undefined);
  // A set whose elements run out by themselves, and how soon, is compared as such; what is in it moves.
  const isTimed = typeof set.timeout === 'number' ? isTimedAnswer : isLease;
  const lasting = elements.filter((one) => !isTimed(one)).map((one) => ordered(one, '', 0));
  return lasting.length === 0 ? set : { ...set, elem: lasting.toSorted(byText) };
}

function byText(a: unknown, b: unknown): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}

/** An address that a name was answered with, in a set whose own timeout it has: nft does not repeat that one. */
function isTimedAnswer(element: unknown): boolean {
  const inner = isObject(element) ? element.elem : undefined;
  if (!isObject(inner) || inner.timeout !== undefined) return false;
  return typeof inner.expires === 'number' && inner.expires <= NAME_SECONDS;
}

/** A timed element no longer-lived than a lease may be. Anything else in `open` is an opening nobody gave. */
function isLease(element: unknown): boolean {
  const inner = isObject(element) ? element.elem : undefined;
  const timeout = isObject(inner) ? inner.timeout : undefined;
  return typeof timeout === 'number' && timeout > 0 && timeout <= LEASE_SECONDS;
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value with sorted keys, lists of one unwrapped and unordered lists sorted. */
function ordered(value: unknown, key: string, depth: number): unknown {
  if (depth > MAX_DEPTH) return 'nested too deeply';
  if (Array.isArray(value)) {
    const items = value.map((item) => ordered(item, '', depth + 1));
    if (key === 'expr') return items;
    if (items.length === 1) return items[0];
    const unordered = key === 'set' || items.every((item) => typeof item === 'string');
    return unordered ? items.toSorted(byText) : items;
  }
  if (!isObject(value)) return value;
  if (Array.isArray(value['|'])) return ordered(value['|'], '', depth + 1);
  const entries = Object.entries(value).map(([name, inner]) => [name, ordered(inner, name, depth + 1)] as const);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
