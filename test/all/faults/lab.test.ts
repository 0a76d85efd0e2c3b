/** The lab, which is the network and the VPN's server, is killed and frozen at every effect of `up` and `start`. */
import { afterAll, afterEach, beforeAll, describe, jest, test } from '@jest/globals';
import { BOOT_MS, CASE_MS, play } from './matrix.ts';
import { FaultScene, momentsIn, recordedPoints } from './scene.ts';

jest.setTimeout(CASE_MS);

let scene: FaultScene;
const moments = momentsIn(recordedPoints());

describe('SIGSTOP, then SIGCONT', () => {
  beforeAll(async () => {
    scene = await FaultScene.open();
  }, BOOT_MS);
  afterAll(() => scene?.close());

  test.each(moments)('at $name', async ({ name }) => {
    const { pid } = scene.stage.lab;
    const thaw = () => process.kill(pid, 'SIGCONT');
    await play(scene, { strike: { at: name, part: { pid }, signal: 'SIGSTOP' }, thaw });
  });
});

// A lab that comes back is another network with another server: each case has its own.
describe('SIGKILL', () => {
  afterEach(() => scene?.close());

  test.each(moments)('at $name', async ({ name }) => {
    scene = await FaultScene.open();
    const { pid } = scene.stage.lab;
    await play(scene, { strike: { at: name, part: { pid }, signal: 'SIGKILL' }, isBeyondRepair: true });
  });
});
