/** The demo's story on real machines, by a wire from this checkout. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { playSteps } from '../../../src/demo/play.ts';
import { stagehandOf } from '../../../src/demo/stagehand.ts';
import { newNonces, story } from '../../../src/demo/story.ts';
import { compileProgram, openStage, type Program } from '../leaks/stage.ts';

const SEEN = 7;

let program: Program;
beforeAll(async () => {
  program = await compileProgram();
}, 120_000);
afterAll(() => program?.remove());

test('over a wire every step is observed', async () => {
  const stage = await openStage(program, { attachment: 'wire' });
  const told: string[] = [];
  try {
    await playSteps(
      story(newNonces()),
      stagehandOf(stage, (line) => told.push(`    ${line}`)),
      (line) => told.push(line),
    );
  } catch (cause) {
    throw new Error(`${String(cause)}\n${told.join('\n')}`, { cause });
  } finally {
    await stage.close();
  }
  expect(told.filter((line) => line.startsWith('  seen: '))).toHaveLength(SEEN);
}, 300_000);
