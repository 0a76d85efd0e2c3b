/** OpenVPN end to end, against openvpn(8) in the lab: a gate opens, loses its tunnel, and comes back. */
import { expect, jest, test } from '@jest/globals';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import { LAB } from '../../../src/lab/index.ts';
import { foreignFrames, inside, NONE, statusOf, until, vmgate } from '../../system/leaks/life-scene.ts';
import { stageForAll } from '../../system/leaks/stage.ts';

jest.setTimeout(300_000);

let stage: Stage;
stageForAll(
  () => ({ attachment: 'wire', vpn: 'openvpn' }),
  (opened) => {
    stage = opened;
  },
);

test('up, start, verify: the work VM comes out at the exit', async () => {
  const up = await vmgate(stage, 'up');
  expect(up).toMatchObject({ code: 0 });
  expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 0 });
  expect(await vmgate(stage, 'verify')).toMatchObject({ code: 0 });
  expect((await inside(stage, `timeout 20 wget -qO- http://${LAB.site}/`)).trim()).toBe(LAB.exit);
  expect(await foreignFrames(stage)).toEqual(NONE);
});

test('the server dies: the gate closes, and opens again when it is back', async () => {
  await stage.lab.server('down');
  await until('the gate closed', async () => (await statusOf(stage)).phase !== 'open');
  await stage.lab.server('up');
  await until('the gate is open again', async () => (await statusOf(stage)).phase === 'open');
  expect((await inside(stage, `timeout 20 wget -qO- http://${LAB.site}/`)).trim()).toBe(LAB.exit);
  expect(await foreignFrames(stage)).toEqual(NONE);
});
