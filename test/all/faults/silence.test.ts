/**
 * The supervisor killed or frozen while a work VM downloads (P5, P9; leak cases 19, 21, 64): nothing leaves but the
 * tunnel, then not one frame of any kind; the gate comes back, the work VM is the same process. Every other part under
 * traffic: steady.test.ts.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import {
  download,
  FAILED_REQUESTS,
  foreignFrames,
  inside,
  NONE,
  type Part,
  type Parts,
  partsOf,
  requests,
  statusOf,
  superviseAgain,
  tunnelFrames,
  until,
  vmgate,
} from '../../system/leaks/life-scene.ts';
import { compileProgram, openStage, type Program } from '../../system/leaks/stage.ts';

jest.setTimeout(120_000);

/** The guard's deadline is at most 5 s ahead (P5). */
const DEADLINE_MS = 5_000;
const SILENCE_MS = 2_000;

let program: Program;
let stage: Stage;
let parts: Parts;

beforeAll(async () => {
  program = await compileProgram();
  stage = await openStage(program, { attachment: 'wire' });
  expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
  expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 0 });
  await inside(stage, requests(2));
  await inside(stage, download());
}, 300_000);

afterAll(async () => {
  await stage?.close();
  await program?.remove();
});

const flows = async (atLeast = 20) => {
  const before = await tunnelFrames(stage);
  await until('the work VM downloads', async () => (await tunnelFrames(stage)) - before >= atLeast);
};

/** Frames of any kind on the untrusted network meanwhile. */
async function framesDuring(ms: number): Promise<number> {
  const sum = async () => Object.values(await stage.lab.counts()).reduce((total, count) => total + count, 0);
  const before = await sum();
  await delay(ms);
  return (await sum()) - before;
}

beforeEach(async () => {
  await flows();
  parts = await partsOf(stage);
});

afterEach(async () => {
  // The download goes on by itself: the work VM tried all the time, while the fresh gateway booted too (19).
  await flows();
  expect(await foreignFrames(stage)).toEqual(NONE);
  expect((await partsOf(stage)).work).toBe(parts.work);
});

const hit = (part: Part, signal: NodeJS.Signals) => process.kill(parts[part], signal);

describe('the supervisor', () => {
  test.each(['SIGKILL', 'SIGSTOP'] as const)(
    '%s: nothing leaves within 5 s, vmgate up restores the gate',
    async (signal) => {
      hit('supervisor', signal);
      await delay(DEADLINE_MS);
      expect(await framesDuring(SILENCE_MS)).toBe(0);
      await superviseAgain(stage);
      expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
      expect(await statusOf(stage)).toMatchObject({ phase: 'open', uplink: { foreign: 0 } });
    },
  );
});

test('the work VM noticed: its requests failed meanwhile', async () => {
  expect(Number(await inside(stage, FAILED_REQUESTS))).toBeGreaterThan(0);
});

describe('without the guard', () => {
  test('frames go on leaving past 5 s when the supervisor is killed', async () => {
    expect(await vmgate(stage, 'down')).toMatchObject({ code: 0 });
    await stage.supervise({ guardEntry: program.absentGuard });
    expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
    expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 0 });
    await inside(stage, download());
    await flows();
    parts = await partsOf(stage);
    hit('supervisor', 'SIGKILL');
    await delay(DEADLINE_MS);
    expect(await framesDuring(SILENCE_MS)).toBeGreaterThan(0);
    await superviseAgain(stage);
    expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
  });
});
