/**
 * The images that every other file here boots, built where they are missing. It boots nothing itself, so `test/run.sh` runs
 * it beside what needs no machine.
 */
import { expect, test } from '@jest/globals';
import { hostPlatform } from '../../../src/host/index.ts';
import { upToDateImage } from '../../../src/image/index.ts';
import { stageImages } from '../leaks/stage.ts';

test('gateway, work VM and lab are there as this checkout has them', async () => {
  const images = await stageImages();
  for (const kind of ['gateway', 'tiny', 'lab'] as const) {
    expect(await upToDateImage(images, kind, hostPlatform().arch)).toBeDefined();
  }
}, 900_000);
