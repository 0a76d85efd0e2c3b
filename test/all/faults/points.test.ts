/** The matrix's points are those of a real run; and what it looks for, it would find. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { WORK_VM } from '../../../src/demo/index.ts';
import { until, vmgate } from '../../system/leaks/life-scene.ts';
import { BOOT_MS } from './matrix.ts';
import { FaultScene, pointsIn, recordedPoints } from './scene.ts';

jest.setTimeout(BOOT_MS);

let scene: FaultScene;
beforeAll(async () => {
  scene = await FaultScene.open();
}, BOOT_MS);
afterAll(() => scene?.close());

test('the recorded effects are those of `up` and `start`', async () => {
  await scene.supervise();
  expect(await scene.bringUp()).toMatchObject([{ code: 0 }, { code: 0 }]);
  await until('a pulse', () => /\d pulse$/m.test(readFileSync(scene.log, 'utf8')));
  const log = readFileSync(scene.log, 'utf8');
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(new URL('./golden/effects.txt', import.meta.url), log);
  const names = (points: ReturnType<typeof pointsIn>) => points.map(({ name }) => name).sort();
  expect(names(pointsIn(log))).toEqual(names(recordedPoints()));
});

test('what is left would be found: processes, sockets, files', async () => {
  const left = (await scene.leftovers()).join('\n');
  expect(left).toMatch(/process \d+: .*-name vmgate-gateway/);
  expect(left).toMatch(new RegExp(`process \\d+: .*-name vmgate-${WORK_VM}`));
  expect(left).toMatch(/process \d+: .*guard\/main\.js/);
  expect(left).toMatch(/process \d+: .*supervisor-main\.js/);
  expect(left).toContain(path.join(scene.stage.gate.run, 'qmp.sock'));
  expect(left).toContain(path.join(scene.stage.gate.wires, 'work0.g'));
  expect(await vmgate(scene.stage, 'down')).toMatchObject({ code: 0 });
  await until('nothing is left', async () => (await scene.leftovers()).length === 0, 15_000);
});
