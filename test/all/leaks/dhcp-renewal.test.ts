/**
 * A network that gives the gateway another address while a work VM downloads (P4, P9; leak cases 1, 2): the gate closes,
 * nothing leaves from either address but the tunnel, and it opens again with the new one. The client renews after a
 * minute at the earliest, which is why this is not in `npm test`.
 */
import { expect, jest, test } from '@jest/globals';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import { readJournal } from '../../../src/home/index.ts';
import {
  closedAndOpenAgain,
  download,
  foreignFrames,
  inside,
  journalMark,
  NONE,
  partsOf,
  statusOf,
  until,
  vmgate,
} from '../../system/leaks/life-scene.ts';
import { stageForAll } from '../../system/leaks/stage.ts';

jest.setTimeout(240_000);

let stage: Stage;

stageForAll(
  () => ({ attachment: 'wire', dhcp: true }),
  (opened) => {
    stage = opened;
  },
);

test('the next renewal is refused, another address offered: closed, and open again by the same gateway', async () => {
  await stage.lab.dhcp('short');
  expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
  expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 0 });
  await inside(stage, download());
  const before = await partsOf(stage);
  const mark = journalMark(stage);
  await stage.lab.dhcp('moved');
  // Half of the lease: 60 s.
  await until('the address changed', () => readJournal(stage.gate.journal).length > mark, 120_000);
  expect(await closedAndOpenAgain(stage, mark)).toMatch(/took its address back or gave another/);
  const given = readJournal(stage.gate.journal).filter(({ code }) => code === 'GATE_ADDRESS');
  expect(given.map(({ payload }) => payload)).toEqual([
    expect.objectContaining({ address: expect.stringMatching(/^192\.168\.77\.1\d\d$/) }),
    expect.objectContaining({ address: expect.stringMatching(/^192\.168\.77\.21\d$/) }),
  ]);
  const after = await partsOf(stage);
  expect([after.gateway, after.work]).toEqual([before.gateway, before.work]);
  await until('the work VM is online again', async () => (await statusOf(stage)).phase === 'open');
  expect(await foreignFrames(stage)).toEqual(NONE);
});
