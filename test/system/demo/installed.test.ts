/** The demo as real users have it: from the installed package, by QEMU's user network. */
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { hostPlatform } from '../../../src/host/index.ts';
import { requireImage } from '../../../src/image/index.ts';
import { installPackage, packPackage } from '../../contract/cli/package.ts';
import { stageImages } from '../leaks/stage.ts';

/** The story's seven, and the lab itself. */
const SEEN = 8;

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
    expect(stderr.match(/^ {2}seen: /gm)).toHaveLength(SEEN);
    expect(stdout).toContain('What to type next');
  } finally {
    await packed.remove();
  }
}, 300_000);
