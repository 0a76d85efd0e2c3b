/**
 * Two gates, one on the lab's wire and one on slirp, left alone for a quarter of an hour: what they say by themselves.
 *
 * @leakCase 43 both: a gate that idles for a quarter of an hour says nothing in clear by itself, and names nobody
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Stage } from '../../../src/demo/index.ts';
import { expectNameless, gatewayOf, talkative } from '../../system/leaks/idle-uplink.ts';
import { phasesSince, vmgate } from '../../system/leaks/life-scene.ts';
import { openWithWork } from '../../system/leaks/persistent-start.ts';
import { compileProgram, openStage, type Program } from '../../system/leaks/stage.ts';

const IDLE_MS = 15 * 60_000;
jest.setTimeout(60_000);

let program: Program;
let stages: readonly Stage[] = [];

beforeAll(async () => {
  program = await compileProgram();
  stages = await Promise.all([openStage(program, { attachment: 'wire' }), openStage(program, { attachment: 'user' })]);
  for (const stage of stages) await openWithWork((...argv) => vmgate(stage, ...argv));
  await delay(IDLE_MS);
}, IDLE_MS + 300_000);

afterAll(async () => {
  for (const stage of stages) await stage.close();
  await program?.remove();
}, 60_000);

test.each([
  ['wire', 0],
  ['user', 1],
])('case 43, %s: only ARP for the next hop and the tunnel, and nobody named', async (_uplink, index) => {
  const stage = stages[index];
  if (stage === undefined) throw new Error('no such stage');
  await expectNameless(stage.lab, gatewayOf(stage.lab, stage.gate));
  expect(phasesSince(stage, 0).some(({ phase }) => phase === 'open')).toBe(true);
});

test('case 43, anti-test: a guest that names itself is noticed', async () => {
  const [wired] = stages;
  if (wired === undefined) throw new Error('no stage');
  expect(await vmgate(wired, 'down')).toMatchObject({ code: 0 });
  const told = await talkative(wired.lab);
  expect(told).toMatch(/:123/);
  expect(told).toContain('DHCP option 12: "anns-laptop"');
});
