import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { reportText } from '../../../src/drill/report-text.ts';
import {
  type Cycle,
  type CyclesReport,
  quantilesOf,
  runOf,
  timeToBlock,
  verdictOf,
} from '../../../src/drill/statistics.ts';

const cycle = (fault: string, more: Partial<Cycle> = {}): Cycle => ({
  fault,
  tried: 200,
  leaked: { lab: 0, uplink: 0 },
  heldBytes: 0,
  blockMs: 10,
  recoverMs: 4_000,
  tookMs: 5_000,
  askedAgain: 0,
  ...more,
});
const LEAKING = { leaked: { lab: 5, uplink: 4 } };

const report = (guarded: readonly Cycle[], bare?: readonly Cycle[]): CyclesReport => ({
  seed: 1,
  lanes: 2,
  atLeast: 200,
  guarded: runOf(guarded, guarded.length * 2.5),
  bare: bare === undefined ? undefined : runOf(bare, bare.length),
  interrupted: false,
  seconds: 60,
});
const times = (count: number, each: Cycle) => Array.from({ length: count }, () => each);

describe('quantilesOf', () => {
  test('of nothing is nothing, of one is that one', () => {
    expect(quantilesOf([])).toBeUndefined();
    expect(quantilesOf([7])).toEqual({ p50: 7, p95: 7, max: 7 });
  });

  test('is the nearest rank, in any order', () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(quantilesOf(values)).toEqual({ p50: 50, p95: 95, max: 100 });
  });

  test('is always a value that was measured, and in order', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true }), { minLength: 1 }), (values) => {
        const found = quantilesOf(values);
        if (found === undefined) throw new Error('nothing');
        for (const value of Object.values(found)) expect(values).toContain(value);
        expect(found.p50).toBeLessThanOrEqual(found.p95);
        expect(found.p95).toBeLessThanOrEqual(found.max);
      }),
    );
  });
});

describe('timeToBlock', () => {
  const phases = (...list: [string, number][]) => list.map(([phase, at]) => ({ phase, at }));

  test('ends with the last frame before the gate opens again, not with the first after it', () => {
    const seen = { phases: phases(['closing', 130], ['booting', 140], ['open', 900]), departures: [90, 110, 120, 950] };
    expect(timeToBlock(seen, 100, 100)).toBe(20);
  });

  test('of a pause ends when it ends', () => {
    expect(timeToBlock({ phases: [], departures: [90, 105, 700] }, 100, 600)).toBe(5);
  });

  test('is 0 when nothing left any more, and has no end for a gate that stays closed', () => {
    expect(timeToBlock({ phases: phases(['closing', 130]), departures: [90] }, 100, 100)).toBe(0);
    expect(timeToBlock({ phases: phases(['closing', 130]), departures: [90, 5_000] }, 100, 100)).toBe(4_900);
  });
});

describe('runOf', () => {
  test('sums, and keeps the faults apart', () => {
    const run = runOf([cycle('b', LEAKING), cycle('a', { tried: 210, blockMs: undefined }), cycle('b')], 9);
    expect(run.total).toMatchObject({ cycles: 3, leaked: 5, leakingCycles: 1, tried: { sum: 610, least: 200 } });
    expect(run.byFault.map(({ fault, cycles, leaked }) => [fault, cycles, leaked])).toEqual([
      ['a', 1, 0],
      ['b', 2, 5],
    ]);
    expect(run.byFault[0]?.block).toBeUndefined();
    expect(run.secondsPerCycle).toBe(3);
  });
});

describe('verdictOf', () => {
  test('nothing leaked, and leaks are seen', () => {
    expect(verdictOf(report([cycle('a')], times(20, cycle('a', LEAKING))))).toBeUndefined();
  });

  test.each([
    ['by both witnesses', { lab: 2, uplink: 2 }],
    ['by the lab alone', { lab: 2, uplink: 0 }],
    ['by the pcap alone', { lab: 0, uplink: 2 }],
  ])('one frame in clear is too many, seen %s', (_name, leaked) => {
    const found = verdictOf(report([cycle('a'), cycle('b', { leaked })], times(20, cycle('a', LEAKING))));
    expect(found).toMatchObject({ code: 'DRILL_LEAKED', exit: 4, payload: { frames: 2, cycles: 1, of: 2 } });
    expect(found?.evidence).toEqual(['b: 2 frames']);
  });

  test('an anti-run that leaks in less than 95 of 100 cycles is blind', () => {
    const leaking = times(19, cycle('a', LEAKING));
    expect(verdictOf(report([cycle('a')], [...leaking, cycle('b')]))).toBeUndefined();
    const found = verdictOf(report([cycle('a')], [...leaking.slice(1), cycle('b')]));
    expect(found).toMatchObject({ code: 'DRILL_BLIND', exit: 4, evidence: ['did not leak: b'] });
  });
});

test('the text says what was counted, and what was not run', () => {
  const text = reportText(report([cycle('guard-killed'), cycle('machine-reset', { tried: 250 })]));
  expect(text).toMatch(/leaked frames +0 in 2 cycles \(450 frames tried, at least 200 in each/);
  expect(text).toMatch(/time to recover +p50 4000 ms, p95 4000 ms/);
  expect(text).toMatch(/anti-run +not run/);
  expect(reportText({ ...report([]), interrupted: true })).toMatch(/^interrupted/);
});
