/**
 * The demo's story on real machines, over both ways a gateway reaches the lab: by a wire from this checkout, and as for
 * real users from the installed package.
 */
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { playSteps } from '../../../src/demo/play.ts';
import { stagehandOf } from '../../../src/demo/stagehand.ts';
import { newNonces, story } from '../../../src/demo/story.ts';
import { hostPlatform } from '../../../src/host/index.ts';
import { requireImage } from '../../../src/image/index.ts';
import { installPackage, packPackage } from '../../contract/cli/package.ts';
import { compileProgram, openStage, type Program, stageImages } from '../leaks/stage.ts';

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

test('the installed package takes its images from folders and shows every step', async () => {
  const images = await stageImages();
  const packed = await packPackage();
  try {
    const { command } = await installPackage(packed);
    const home = path.join(packed.folder, 'home');
    await mkdir(home, { mode: 0o700 });
    const env = {
      PATH: process.env['PATH'],
      HOME: packed.folder,
      VMGATE_HOME: home,
      VMGATE_ACCEL: process.env['VMGATE_ACCEL'],
    };
    const vmgate = (...argv: string[]) => promisify(execFile)(command, argv, { env, cwd: packed.folder });
    for (const kind of ['gateway', 'tiny', 'lab'] as const) {
      const { folder, digest } = await requireImage(images, kind, hostPlatform().arch);
      const { stdout } = await vmgate('image', 'import', folder, '--json');
      expect(JSON.parse(stdout)).toMatchObject({ kind, digest });
    }
    const { stdout, stderr } = await vmgate('demo', '--uplink', 'user');
    // Built nothing: the images are those of this version, so the guest files are all in the package.
    expect(stderr).not.toContain('is built once');
    // One more than the story: the lab itself.
    expect(stderr.match(/^ {2}seen: /gm)).toHaveLength(SEEN + 1);
    expect(stdout).toContain('What to type next');
  } finally {
    await packed.remove();
  }
}, 300_000);
