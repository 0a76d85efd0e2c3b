/** Images whose gateway does to itself what the drill's faults ask for. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { INSIDE } from '../../../src/drill/faults.ts';
import { imagesWithBackdoor } from '../../../src/lab/index.ts';
import { stageImages } from '../../system/leaks/stage.ts';

export async function drillImages(): Promise<{ readonly folder: string; readonly remove: () => Promise<void> }> {
  const scratch = await mkdtemp(path.join(os.tmpdir(), 'vmg-drill-'));
  const folder = await imagesWithBackdoor(await stageImages(), scratch, INSIDE);
  return { folder, remove: () => rm(scratch, { recursive: true, force: true }) };
}
