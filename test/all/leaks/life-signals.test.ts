/**
 * Any part killed or frozen while a work VM downloads (P5, P9): nothing leaves but the tunnel, then nothing at all; the
 * gate comes back, the work VM is the same process.
 *
 * @leakCase 21 wire: gateway or guard killed or frozen under traffic: closed, nothing in clear, the work VM keeps running
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import {
  closedAndOpenAgain,
  download,
  FAILED_REQUESTS,
  foreignFrames,
  framesDuring,
  inside,
  journalMark,
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
import { type Program, stageForAll } from '../../system/leaks/stage.ts';

jest.setTimeout(120_000);

/** The guard's deadline is at most 5 s ahead (P5). */
const DEADLINE_MS = 5_000;
const SILENCE_MS = 2_000;

let program: Program;
let stage: Stage;
let parts: Parts;

stageForAll(
  () => ({ attachment: 'wire' }),
  (opened, compiled) => {
    stage = opened;
    program = compiled;
  },
);

beforeAll(async () => {
  expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
  expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 0 });
  await inside(stage, requests(2));
  await inside(stage, download());
}, 300_000);

const flows = async (atLeast = 20) => {
  const before = await tunnelFrames(stage);
  await until('the work VM downloads', async () => (await tunnelFrames(stage)) - before >= atLeast);
};

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
      expect(await framesDuring(stage, SILENCE_MS)).toBe(0);
      await superviseAgain(stage);
      expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
      expect(await statusOf(stage)).toMatchObject({ phase: 'open', uplink: { foreign: 0 } });
    },
  );
});

describe.each<[Part, NodeJS.Signals]>([
  ['guard', 'SIGKILL'],
  ['guard', 'SIGSTOP'],
  ['gateway', 'SIGKILL'],
  ['gateway', 'SIGSTOP'],
])('case 21: the %s', (part, signal) => {
  test(`${signal}: the gate closes and opens again by itself`, async () => {
    const mark = journalMark(stage);
    hit(part, signal);
    await closedAndOpenAgain(stage, mark);
    expect((await partsOf(stage))[part]).not.toBe(parts[part]);
  });
});

test('the gateway paused for 3 s and resumed: nothing but the tunnel leaves', async () => {
  hit('gateway', 'SIGSTOP');
  expect(await framesDuring(stage, 3_000)).toBe(0);
  hit('gateway', 'SIGCONT');
});

test('the work VM noticed: its requests failed meanwhile', async () => {
  expect(Number(await inside(stage, FAILED_REQUESTS))).toBeGreaterThan(0);
});

describe('case 21, anti-test: without the guard', () => {
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
    expect(await framesDuring(stage, SILENCE_MS)).toBeGreaterThan(0);
    await superviseAgain(stage);
    expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
  });
});
