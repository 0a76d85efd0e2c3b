/**
 * Compares a compiled ruleset with what `nft -j -s list ruleset` says of all families. Left out of the comparison:
 * handles, metainfo, counters' values and live leases. Everything else counts, the order of rules in a chain included.
 *
 * nft versions differ in small ways: a single flag comes as a string or as a list of one, elements of a set in any order.
 */
import { LEASE_SECONDS, type NftRuleset } from './nft.ts';

/** Objects by identity (`chain inet vmgate input`), rules as lists under their chain; values are canonical text. */
type Canonical = ReadonlyMap<string, readonly string[]>;

/**
 * Differences in words, each with the object concerned; empty when both are the same. `actual` is a guest's word and
 * may hold anything.
 */
export function compareRulesets(expected: NftRuleset, actual: { readonly nftables: readonly unknown[] }): string[] {
  const wanted = canonical(additions(expected));
  const found = canonical(actual.nftables);
  const differences: string[] = [];
  for (const [name, lines] of wanted) {
    const there = found.get(name);
    if (there === undefined) differences.push(`${name}: missing`);
    else differences.push(...compareLines(name, lines, there));
  }
  for (const name of found.keys()) if (!wanted.has(name)) differences.push(`${name}: not ours`);
  return differences;
}

/** One line per object and rule, sorted by object: what receipts take the digest of. */
export function normalizeRuleset(ruleset: { readonly nftables: readonly unknown[] }): string[] {
  const objects = canonical(
    ruleset.nftables.flatMap((entry) => (isObject(entry) && 'add' in entry ? [entry['add']] : [entry])),
  );
  return [...objects]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, lines]) => lines.map((line) => `${name} ${line}`));
}

function additions(ruleset: NftRuleset): unknown[] {
  return ruleset.nftables.flatMap((entry) => ('add' in entry ? [entry['add']] : []));
}

function canonical(entries: readonly unknown[]): Canonical {
  const objects = new Map<string, string[]>();
  for (const entry of entries) {
    const [kind, body] = isObject(entry) ? (Object.entries(entry)[0] ?? ['?', entry]) : ['?', entry];
    if (kind === 'metainfo' || kind === 'flush') continue;
    if (!isObject(body)) {
      append(objects, `unknown object ${kind}`, text(body));
      continue;
    }
    const { family, table, chain, name } = body;
    const identity = kind === 'rule' ? ['rules', family, table, chain] : [kind, family, table, name];
    append(
      objects,
      identity
        .filter((part) => part !== undefined)
        .map(String)
        .join(' '),
      text(simplify(kind, body)),
    );
  }
  return objects;
}

function append(objects: Map<string, string[]>, name: string, line: string): void {
  const lines = objects.get(name);
  if (lines === undefined) objects.set(name, [line]);
  else lines.push(line);
}

function compareLines(name: string, wanted: readonly string[], found: readonly string[]): string[] {
  const at = wanted.findIndex((line, index) => line !== found[index]);
  if (at >= 0) return [`${name}: line ${at + 1} should be ${wanted[at]} and is ${found[at] ?? 'missing'}`];
  return found.length > wanted.length
    ? [`${name}: line ${wanted.length + 1} is not ours: ${found[wanted.length]}`]
    : [];
}

function simplify(kind: string, body: Record<string, unknown>): Record<string, unknown> {
  const { handle: _handle, ...rest } = body;
  if (kind === 'counter') {
    const { packets: _packets, bytes: _bytes, ...counter } = rest;
    return counter;
  }
  if (kind !== 'set') return rest;
  const { elem, ...set } = rest;
  const lasting = Array.isArray(elem) ? elem.filter((element) => !isLease(element)) : elem === undefined ? [] : [elem];
  return lasting.length === 0 ? set : { ...set, elem: lasting };
}

/** A timed element no longer-lived than a lease may be. Anything else in `open` is an opening nobody gave. */
function isLease(element: unknown): boolean {
  const inner = isObject(element) ? element['elem'] : undefined;
  const timeout = isObject(inner) ? inner['timeout'] : undefined;
  return typeof timeout === 'number' && timeout > 0 && timeout <= LEASE_SECONDS;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** JSON with sorted keys, lists of one unwrapped and unordered lists sorted. */
function text(value: unknown): string {
  return JSON.stringify(ordered(value, '', 0));
}

/** nft's own expressions are 7 levels deep; a guest may send half a million. */
const MAX_DEPTH = 32;

function ordered(value: unknown, key: string, depth: number): unknown {
  if (depth > MAX_DEPTH) return 'nested too deeply';
  if (Array.isArray(value)) {
    const items = value.map((item) => ordered(item, '', depth + 1));
    if (key === 'expr') return items;
    if (items.length === 1) return items[0];
    const unordered = key === 'set' || key === 'flags' || key === 'right';
    return unordered ? items.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items;
  }
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .toSorted()
      .map((name) => [name, ordered(value[name], name, depth + 1)]),
  );
}
