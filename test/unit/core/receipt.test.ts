import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson } from '../../../src/core/canonical-json.ts';
import {
  brokenBindings,
  composeReceipt,
  judgeFreshness,
  MAX_RECEIPT_AGE_MS,
  receiptSchema,
  renderReceipt,
} from '../../../src/core/receipt.ts';
import { receiptBindingOf, receiptFacts } from './receipt-facts.ts';

const NOW = { wallMs: Date.parse('2026-11-23T08:00:00Z'), monotonicMs: 1_000_000.5, hostBootId: 'boot-1' };
const receipt = composeReceipt(receiptFacts(), NOW, 60_000);
const later = (monotonic: number, wall = monotonic) => ({
  ...NOW,
  monotonicMs: NOW.monotonicMs + monotonic,
  wallMs: NOW.wallMs + wall,
});

describe('composeReceipt', () => {
  test('round-trips through its bytes', () => {
    expect(receiptSchema.parse(JSON.parse(renderReceipt(receipt)))).toEqual(receipt);
  });

  test('never lives longer than an hour', () => {
    const long = composeReceipt(receiptFacts(), NOW, 24 * 3_600_000);
    expect(long.expires.monotonicMs - long.issued.monotonicMs).toBe(MAX_RECEIPT_AGE_MS);
    const forged = { ...long, expires: { ...long.expires, monotonicMs: long.expires.monotonicMs + 1 } };
    expect(receiptSchema.safeParse(forged).success).toBe(false);
  });

  test.each(['refuted', 'unknown'] as const)('there is none with a verdict that is %s', (outcome) => {
    const { verdicts } = receiptFacts();
    const spoilt = verdicts.map((verdict, index) => (index === 3 ? { ...verdict, outcome } : verdict));
    expect(() => composeReceipt(receiptFacts({ verdicts: spoilt }), NOW, 60_000)).toThrow();
  });

  test('there is none with a check missing', () => {
    const verdicts = receiptFacts().verdicts.slice(1);
    expect(() => composeReceipt(receiptFacts({ verdicts }), NOW, 60_000)).toThrow(/no verdict on image/);
  });

  test.each(['foreign', 'canaries'] as const)('there is none when the guard counted %s frames', (kind) => {
    const guard = { ...receiptFacts().guard, [kind]: 1 };
    expect(() => composeReceipt(receiptFacts({ guard: guard as never }), NOW, 60_000)).toThrow();
  });

  test('observations are cut to the bounds', () => {
    const { verdicts } = receiptFacts();
    const talkative = verdicts.map((verdict) => ({ ...verdict, evidence: Array(100).fill('x'.repeat(9_000)) }));
    const made = composeReceipt(receiptFacts({ verdicts: talkative }), NOW, 60_000);
    expect(made.verdicts[0]?.evidence).toHaveLength(40);
    expect(made.verdicts[0]?.evidence[0]).toHaveLength(512);
  });
});

describe('judgeFreshness', () => {
  test.each([
    ['at once', later(0), { state: 'fresh', remainingMs: 60_000 }],
    ['just before the end', later(59_999), { state: 'fresh', remainingMs: 1 }],
    ['at the end', later(60_000), { state: 'expired', sinceMs: 0 }],
    ['wall clock set back a year: the monotonic clock counts', later(60_001, -31e9), { state: 'expired', sinceMs: 1 }],
    ['slept for an hour: the wall clock counts', later(10, 3_600_000), { state: 'expired', sinceMs: 3_540_000 }],
    ['another boot', { ...later(1), hostBootId: 'boot-2' }, { state: 'other boot' }],
    ['before it was issued', later(-1, 10), { state: 'from the future' }],
  ])('%s', (_, now, expected) => {
    expect(judgeFreshness(receipt, now)).toEqual(expected);
  });

  test('once expired it never becomes fresh again, whatever is done to the wall clock', () => {
    const steps = fc.array(fc.tuple(fc.nat(20_000), fc.integer({ min: -1e9, max: 1e9 })), { maxLength: 30 });
    fc.assert(
      fc.property(steps, (moves) => {
        let elapsed = 0;
        for (const [step, wall] of moves) {
          elapsed += step;
          const { state } = judgeFreshness(receipt, later(elapsed, wall));
          if (elapsed >= 60_000) expect(state).toBe('expired');
        }
      }),
    );
  });
});

describe('brokenBindings', () => {
  const current = receiptBindingOf(receiptFacts());
  const { tunnel } = current;

  test('none for the gate it was made for', () => {
    expect(brokenBindings(receipt, current)).toEqual([]);
  });

  test.each([
    ['gate', 'other'],
    ['bootId', 'other'],
    ['ruleset', `sha256:${'0'.repeat(64)}`],
    ['configuration', `sha256:${'0'.repeat(64)}`],
    ['imageDigest', `sha256:${'0'.repeat(64)}`],
    ['tunnel', { ...tunnel, peer: 'other' }],
  ])('%s', (key, value) => {
    expect(brokenBindings(receipt, { ...current, [key]: value })).toEqual([key]);
  });
});

describe('canonicalJson', () => {
  test('is the same for every order of members, and JSON', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(Object.fromEntries(Object.entries(value).reverse()))).toBe(text);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
      }),
    );
  });

  test('sorts by code units and leaves out undefined members', () => {
    expect(canonicalJson({ b: 1, a: [true, null, 'x"'], B: undefined, é: 1e21 })).toBe(
      '{"a":[true,null,"x\\""],"b":1,"é":1e+21}',
    );
  });

  test.each([[Number.NaN], [Number.POSITIVE_INFINITY], [undefined], [1n], [() => 1]])('refuses %p', (value) => {
    expect(() => canonicalJson([value])).toThrow(TypeError);
  });
});
