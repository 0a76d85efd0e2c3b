import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FAULTS } from '../../../src/drill/faults.ts';
import { schedule } from '../../../src/drill/schedule.ts';

const countOf = (id: string, order: readonly { readonly id: string }[]) =>
  order.filter((each) => each.id === id).length;

describe('schedule', () => {
  test('has exactly as many as asked for, and each where there is room', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 400 }), fc.integer(), (total, seed) => {
        const order = schedule(FAULTS, total, seed);
        expect(order).toHaveLength(total);
        if (total < FAULTS.length) return;
        for (const { id } of FAULTS) expect(countOf(id, order)).toBeGreaterThan(0);
      }),
    );
  });

  test('gives each its share', () => {
    const items = [
      { id: 'often', weight: 3 },
      { id: 'rarely', weight: 1 },
    ];
    const order = schedule(items, 402, 7);
    expect(countOf('often', order)).toBe(301);
    expect(countOf('rarely', order)).toBe(101);
  });

  test('is the same for the same seed, and another for another', () => {
    const ids = (seed: number) => schedule(FAULTS, 100, seed).map(({ id }) => id);
    expect(ids(5)).toEqual(ids(5));
    expect(ids(5)).not.toEqual(ids(6));
  });
});

describe('the table of faults', () => {
  test('names each once, and what is taken for a time is given back', () => {
    expect(new Set(FAULTS.map(({ id }) => id)).size).toBe(FAULTS.length);
    for (const { lasts, heal, closes } of FAULTS) {
      if (lasts !== 'until noticed' && lasts > 0) expect(heal).toBeDefined();
      if (lasts === 'until noticed') expect(closes).toBe(true);
    }
  });
});
