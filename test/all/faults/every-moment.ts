/**
 * The matrix for one part of a gate: killed and frozen at each moment of `up` and `start`. Each part has a file of its
 * own all the same, because a file that fails is the smallest thing that test/run.sh tries again.
 */
import { afterAll, beforeAll, describe, jest, test } from '@jest/globals';
import type { Strike } from '../../../src/lab/index.ts';
import { BOOT_MS, CASE_MS, play } from './matrix.ts';
import { FaultScene, type Point } from './scene.ts';

const SIGNALS = ['SIGKILL', 'SIGSTOP'] as const;

export function strikeEach(points: readonly Point[], part: Strike['part']): void {
  jest.setTimeout(CASE_MS);

  let scene: FaultScene;
  beforeAll(async () => {
    scene = await FaultScene.open();
  }, BOOT_MS);
  afterAll(() => scene?.close());

  describe.each(SIGNALS)('%s', (signal) => {
    test.each(points)('at $name', async ({ name }) => {
      await play(scene, { strike: { at: name, part, signal } });
    });
  });
}
