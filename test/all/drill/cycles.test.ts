/** 200 fault cycles: nothing leaves in clear, everything comes back; without guard and firewall the same cycles leak. */
import path from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { type CyclesReport, reportText, runCycles, verdictOf } from '../../../src/drill/index.ts';
import { compileProgram, type Program, stageImages } from '../../system/leaks/stage.ts';

const CYCLES = 200;
/** 2.5 s each on two quiet cores. */
const PATIENCE_MS = 45 * 60_000;
jest.setTimeout(PATIENCE_MS);

let program: Program;
let report: CyclesReport;
beforeAll(async () => {
  program = await compileProgram();
  report = await runCycles({
    images: await stageImages(),
    program: path.join(program.dist, 'main.js'),
    cycles: CYCLES,
    seed: 1,
    onCycle: () => {},
    say: () => {},
    signal: new AbortController().signal,
  });
  process.stderr.write(`\n${reportText(report)}`);
}, PATIENCE_MS);
afterAll(() => program?.remove());

test('no frame left in clear, and leaks would have been seen', () => {
  expect(verdictOf(report)?.what).toBeUndefined();
  expect(report.guarded.total).toMatchObject({ cycles: CYCLES, leaked: 0 });
  expect(report.bare?.total.leaked).toBeGreaterThan(0);
});

test('each cycle tried 200 frames', () => {
  expect(report.guarded.total.tried.least).toBeGreaterThanOrEqual(report.atLeast);
});

test('every gate came back', () => {
  expect(report.guarded.total.stuck).toBe(0);
});
