/** A work VM with `onLoss: pause` on a real hypervisor: its own clock tells whether it stood still. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, jest, test } from '@jest/globals';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import {
  foreignFrames,
  inside,
  journalMark,
  NONE,
  partsOf,
  phasesSince,
  statusOf,
  until,
  vmgate,
} from '../../system/leaks/life-scene.ts';
import { stageForAll } from '../../system/leaks/stage.ts';

jest.setTimeout(300_000);

/** How long the server stays away once the gate is closed. */
const AWAY_MS = 20_000;
/** Asking takes a while on a machine that translates every instruction. */
const MARGIN_MS = 8_000;

let stage: Stage;
stageForAll(
  () => ({
    attachment: 'wire',
    config: `version: 1\nvpn: lab\nwork: {${WORK_VM}: {template: tiny, onLoss: pause}}\n`,
  }),
  (opened) => {
    stage = opened;
  },
);

const uptimeMs = async () => Number((await inside(stage, 'cut -d" " -f1 /proc/uptime')).trim()) * 1_000;

/** Milliseconds that passed here and not in the work VM. */
async function lostDuring(act: () => Promise<unknown>): Promise<number> {
  const [began, before] = [performance.now(), await uptimeMs()];
  await act();
  return performance.now() - began - ((await uptimeMs()) - before);
}

async function lose(): Promise<void> {
  const mark = journalMark(stage);
  await stage.lab.server('down');
  await until('the gate closed', () => phasesSince(stage, mark).some(({ phase }) => phase === 'closed'));
}

test('it stands still while the gate is closed, and the same VM goes on afterwards', async () => {
  expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
  expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 0 });
  const { work } = await partsOf(stage);
  const lost = await lostDuring(async () => {
    await lose();
    await delay(AWAY_MS);
    await stage.lab.server('up');
    await until('the gate is open again', async () => (await statusOf(stage)).phase === 'open');
  });
  expect(lost).toBeGreaterThan(AWAY_MS - MARGIN_MS);
  expect(await partsOf(stage)).toMatchObject({ work });
  expect(await foreignFrames(stage)).toEqual(NONE);
});

test('anti-test: with the gate open its clock goes on', async () => {
  expect(await lostDuring(() => delay(AWAY_MS))).toBeLessThan(MARGIN_MS);
});

test('one that stands still is shut down all the same', async () => {
  await lose();
  expect(await vmgate(stage, 'stop', WORK_VM)).toMatchObject({ code: 0 });
  const { work } = await statusOf(stage);
  expect(work.find(({ name }) => name === WORK_VM)).toMatchObject({ pid: null });
});
