/** The work VM is killed and frozen at every effect of `start`, as soon as it has a process. */
import { afterAll, beforeAll, describe, jest, test } from '@jest/globals';
import { WORK_VM } from '../../../src/demo/index.ts';
import { BOOT_MS, CASE_MS, play, SIGNALS } from './matrix.ts';
import { FaultScene, momentsIn, recordedPoints } from './scene.ts';

jest.setTimeout(CASE_MS);

const points = recordedPoints();
const first = points.findIndex(({ name }) => name.startsWith('defineWork'));

let scene: FaultScene;
beforeAll(async () => {
  scene = await FaultScene.open();
}, BOOT_MS);
afterAll(() => scene?.close());

describe.each(SIGNALS)('%s', (signal) => {
  test.each(momentsIn(points.slice(first)))('at $name', async ({ name }) => {
    await play(scene, { strike: { at: name, part: { work: WORK_VM }, signal } });
  });
});
