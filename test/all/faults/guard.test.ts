/** The guard is killed and frozen at every effect of `up` and `start`. */
import { afterAll, beforeAll, describe, jest, test } from '@jest/globals';
import { BOOT_MS, CASE_MS, play, SIGNALS } from './matrix.ts';
import { FaultScene, momentsIn, recordedPoints } from './scene.ts';

jest.setTimeout(CASE_MS);

let scene: FaultScene;
beforeAll(async () => {
  scene = await FaultScene.open();
}, BOOT_MS);
afterAll(() => scene?.close());

describe.each(SIGNALS)('%s', (signal) => {
  test.each(momentsIn(recordedPoints()))('at $name', async ({ name }) => {
    await play(scene, { strike: { at: name, part: 'guard', signal } });
  });
});
