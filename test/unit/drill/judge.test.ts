import { describe, expect, test } from '@jest/globals';
import { type Judgement, judge, type Observation } from '../../../src/drill/judge.ts';
import { faultOf, reportOf } from '../../../src/drill/report.ts';
import { caseOf, goodReport, loud, mixedReport, quiet, volley } from './drill-reports.ts';

const FAULT = caseOf('server-killed');
const FRAMES = caseOf('dns');
const OWNED = caseOf('gateway-owned');
const A = ['one', 'two'];

type Judge = typeof judge;
type Row = readonly [
  string,
  Parameters<Judge>[0],
  Observation | undefined,
  Observation | undefined,
  Judgement['outcome'],
];

const ROWS: readonly Row[] = [
  ['a fault: nothing out, and much without defences', FAULT, quiet(), loud(), 'held'],
  ['a fault: one frame out', FAULT, quiet({ leaked: 1 }), loud(), 'leaked'],
  ['a fault: one frame out, and stuck', FAULT, quiet({ leaked: 1, stuck: 'x' }), loud(), 'leaked'],
  ['a fault: it opened', FAULT, quiet({ opened: true }), loud(), 'leaked'],
  ['a fault: it did not come back', FAULT, quiet({ stuck: 'x' }), loud(), 'stuck'],
  ['a fault: hardly anything was tried', FAULT, quiet({ tried: 199 }), loud(), 'stuck'],
  ['a fault: nothing out without defences either', FAULT, quiet(), loud({ leaked: 0 }), 'blind'],
  ['a fault: interrupted before it was tried without defences', FAULT, quiet(), undefined, 'untried'],
  ['a fault: without defences it does not come back, and need not', FAULT, quiet(), loud({ stuck: 'x' }), 'held'],
  ['interrupted before', FAULT, undefined, loud(), 'untried'],
  ['frames: none out, all without defences', FRAMES, volley(A, []), volley(A, A), 'held'],
  ['frames: one of them out', FRAMES, volley(A, ['two']), volley(A, A), 'leaked'],
  ['frames: a foreign frame without a mark', FRAMES, volley(A, [], { leaked: 1 }), volley(A, A), 'leaked'],
  ['frames: one not seen without defences either', FRAMES, volley(A, []), volley(A, ['one']), 'blind'],
  ['frames: none tried', FRAMES, volley([], []), volley([], []), 'stuck'],
  ['an owned gateway: held back and kept', OWNED, volley(A, [], { held: true }), volley(A, A), 'held'],
  ['an owned gateway: nothing reached the guard', OWNED, volley(A, []), volley(A, A), 'blind'],
];

test.each(ROWS)('%s', (_, each, guarded, bare, outcome) => {
  const judged = judge(each, guarded, bare);
  expect(judged.outcome).toBe(outcome);
  expect(judged.why.length > 0).toBe(outcome !== 'held');
});

/** Judges with one defect each: some row must tell them from the real one. */
const MUTANTS: Readonly<Record<string, Judge>> = {
  'believes silence without an anti-test': (each, guarded) => judge(each, guarded, loud({ attempts: A, clear: A })),
  'does not look at the run without defences of frames': (each, guarded, bare) =>
    judge(each, guarded, bare === undefined ? undefined : { ...bare, clear: A }),
  'counts marks only': (each, guarded, bare) => judge(each, guarded && { ...guarded, leaked: 0 }, bare),
  'counts frames only': (each, guarded, bare) =>
    judge(each, guarded && { ...guarded, clear: [], leaked: guarded.clear.length > 0 ? 0 : guarded.leaked }, bare),
  'does not mind that it opened': (each, guarded, bare) => judge(each, guarded && { ...guarded, opened: false }, bare),
  'takes what is stuck for held': (each, guarded, bare) => judge(each, guarded && { ...guarded, stuck: null }, bare),
  'lets a stuck gate hide a leak': (each, guarded, bare) =>
    guarded?.stuck != null ? { outcome: 'stuck', why: ['x'] } : judge(each, guarded, bare),
  'is content with few frames': (each, guarded, bare) => judge(each, guarded && { ...guarded, tried: 999 }, bare),
  'does not ask whether the guard saw anything': (each, guarded, bare) =>
    judge(each, guarded && { ...guarded, held: true }, bare),
};

test.each(Object.entries(MUTANTS))('a judge that %s is noticed', (_, mutant) => {
  const differing = ROWS.filter(([, each, guarded, bare, outcome]) => mutant(each, guarded, bare).outcome !== outcome);
  expect(differing.length).toBeGreaterThan(0);
});

describe('the whole of it', () => {
  test('everything held: no fault', () => {
    expect(goodReport()).toMatchObject({ outcome: 'held', counts: { held: 2 } });
    expect(faultOf(goodReport())).toBeUndefined();
  });

  test('one leak among others: that is what it ends with, exit 4', () => {
    const report = mixedReport();
    expect(report).toMatchObject({
      outcome: 'leaked',
      counts: { held: 3, leaked: 1, blind: 1, stuck: 1, untried: 1 },
    });
    expect(faultOf(report)).toMatchObject({ code: 'DRILL_CASE_LEAKED', exit: 4, payload: { cases: ['guard-killed'] } });
  });

  test.each([
    ['blind', quiet(), loud({ leaked: 0 }), 'DRILL_CASE_BLIND', 4],
    ['stuck', quiet({ stuck: 'x' }), loud(), 'DRILL_CASE_STUCK', 7],
  ] as const)('%s', (outcome, guarded, bare, code, exit) => {
    const findings = { guarded: new Map([[FAULT.name, guarded]]), bare: new Map([[FAULT.name, bare]]) };
    const report = reportOf([FAULT], findings, [], 1);
    expect(report.outcome).toBe(outcome);
    expect(faultOf(report)).toMatchObject({ code, exit });
  });

  test('interrupted: what was held until then is no proof, and no fault', () => {
    const report = reportOf([FAULT, FRAMES], { guarded: new Map([[FAULT.name, quiet()]]), bare: new Map() }, [], 1);
    expect(report.outcome).toBe('interrupted');
    expect(faultOf(report)).toBeUndefined();
  });

  test('a leak outweighs an interruption', () => {
    const guarded = new Map([[FAULT.name, quiet({ leaked: 2 })]]);
    expect(reportOf([FAULT, FRAMES], { guarded, bare: new Map() }, [], 1).outcome).toBe('leaked');
  });
});
