/** Hostile JSON: true documents with members replaced, doubled, dropped, renamed or nested past any stack. */
import fc from 'fast-check';
import { mutated } from './mutate.ts';

/** `whole`: the document, to take another part of it. */
type Change = (value: unknown, whole: unknown) => unknown;

const DEEP = 20_000;
const deepList: Raw = { raw: `${'['.repeat(DEEP)}${']'.repeat(DEEP)}` };
const deepObject: Raw = { raw: `${'{"a":'.repeat(DEEP)}1${'}'.repeat(DEEP)}` };

/** Stands for itself in the text: what JSON.stringify would not write, or not survive. */
interface Raw {
  readonly raw: string;
}

const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    0,
    -1,
    1,
    0.5,
    1e308,
    -0,
    2 ** 31,
    2 ** 32,
    2 ** 53,
    -(2 ** 63),
    '',
    [],
    {},
  ),
  fc.constantFrom<unknown>(
    '__proto__',
    'constructor',
    '0',
    ' ',
    '\n',
    '\0',
    '\u202e',
    '\ud800',
    '\x1b[2J',
    '../../x',
    '*',
  ),
  fc.constantFrom<unknown>('x'.repeat(300), 'x'.repeat(70_000), Array(5_000).fill(0), [[]], { __proto__: null, x: 1 }),
  fc.constantFrom<unknown>(
    deepList,
    deepObject,
    { raw: '1e999' },
    { raw: '{"__proto__":{"a":1}}' },
    { raw: '0.1e-999' },
  ),
  fc.jsonValue({ maxDepth: 2 }),
);

/** Of objects: a member more, less, renamed or twice; of lists: an item more, less or many times; of all: another value. */
const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 3,
    arbitrary: hostileValue.map(
      (value): Change =>
        () =>
          value,
    ),
  },
  fc.tuple(fc.string({ maxLength: 5 }), hostileValue).map(
    ([key, value]): Change =>
      (old) =>
        Array.isArray(old) ? [...old, value] : isObject(old) ? { ...old, [key]: value } : [old],
  ),
  fc.nat(20).map(
    (at): Change =>
      (old) =>
        Array.isArray(old)
          ? old.filter((_, index) => index !== at % old.length)
          : isObject(old)
            ? Object.fromEntries(Object.entries(old).filter((_, index, all) => index !== at % all.length))
            : null,
  ),
  fc.tuple(fc.nat(20), fc.constantFrom(2, 3, 1_500)).map(
    ([at, times]): Change =>
      (old) =>
        Array.isArray(old)
          ? old.flatMap((item, index) => (index === at % old.length ? Array(times).fill(item) : [item]))
          : old,
  ),
  fc.nat(10_000).map(
    (at): Change =>
      (_, whole) =>
        partAt(whole, at),
  ),
  fc.constantFrom(-1, 1, 0.5).map(
    (by): Change =>
      (old) =>
        typeof old === 'number' ? old + by : typeof old === 'string' ? `${old}${by}` : !old,
  ),
);

/** JSON texts near `samples`, and texts that are none; `words` as in {@link mutated}. */
export function mutatedJson(samples: readonly unknown[], words: readonly string[] = []): fc.Arbitrary<Buffer> {
  const texts = samples.map((sample) => Buffer.from(JSON.stringify(sample)));
  const edits = fc.array(fc.tuple(fc.nat(10_000), change), { minLength: 1, maxLength: 3 });
  const changed = fc
    .tuple(fc.constantFrom(...samples), edits)
    .map(([sample, changes]) => changes.reduce<unknown>((value, [at, edit]) => changedAt(value, at, edit), sample));
  return fc.oneof(
    { weight: 6, arbitrary: changed.map((value) => Buffer.from(textOf(value))) },
    {
      weight: 3,
      arbitrary: mutated(texts, ['{', '}', '[', ']', ',', ':', '"', 'null', '\\u0000', '"__proto__":', ...words]),
    },
    { weight: 1, arbitrary: fc.json().map((text) => Buffer.from(text)) },
  );
}

/** `value` with `edit` applied to its `at`th part, counted depth first and round. */
function changedAt(value: unknown, at: number, edit: Change): unknown {
  let left = at % partsOf(value);
  const walk = (part: unknown): unknown => {
    if (left-- === 0) return edit(part, value);
    if (Array.isArray(part)) return part.map(walk);
    if (!isObject(part) || isRaw(part)) return part;
    return Object.fromEntries(Object.entries(part).map(([key, member]) => [key, walk(member)]));
  };
  return walk(value);
}

function partAt(value: unknown, at: number): unknown {
  let found: unknown;
  changedAt(value, at, (part) => {
    found = part;
    return part;
  });
  return found;
}

function partsOf(value: unknown): number {
  if (typeof value !== 'object' || value === null || isRaw(value)) return 1;
  return Object.values(value).reduce<number>((sum, member) => sum + partsOf(member), 1);
}

function textOf(value: unknown): string {
  const raws: string[] = [];
  const text = JSON.stringify(value, (_, member: unknown) => {
    if (!isRaw(member)) return member;
    raws.push(member.raw);
    return `raw ${raws.length - 1} `;
  });
  return (text ?? 'undefined').replaceAll(/"raw (\d+) "/g, (_, index) => raws[Number(index)] ?? '');
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isRaw(value: unknown): value is Raw {
  return isObject(value) && typeof value['raw'] === 'string';
}
