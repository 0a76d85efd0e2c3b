/**
 * Opens a stage for leak tests: the command line of this checkout, compiled, on images that are built when missing.
 * Processes of their own cannot run TypeScript on every Node that vmgate supports.
 */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll } from '@jest/globals';
import { Stage, type StageOptions } from '../../../src/demo/index.ts';
import type { Arch } from '../../../src/drivers/index.ts';
import { homeRoot, layoutOf } from '../../../src/home/index.ts';
import { hostPlatform } from '../../../src/host/index.ts';
import { buildImage, type ImageKind, upToDateImage } from '../../../src/image/index.ts';
import { buildProgram } from '../../unit/guard/build.ts';

const CHECKOUT = fileURLToPath(new URL('../../../', import.meta.url));
const BOOT_MS = 300_000;
const CLOSE_MS = 60_000;
/** What may be of another kind than the host; the lab never is. */
const GUESTS: readonly ImageKind[] = ['gateway', 'tiny'];

export interface Program {
  /** Folder of the built program, with `main.js`. */
  readonly dist: string;
  /** The guard that accepts every frame, for `without: {guardEntry}`. */
  readonly openGuard: string;
  /** The guard that is none: no order, deadline or end of its supervisor stops it. */
  readonly absentGuard: string;
  remove(): Promise<void>;
}

/** Builds this checkout as it is published, into a folder of its own: never a `dist` that is older than the sources. */
export async function compileProgram(): Promise<Program> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'vmg-dist-'));
  const dist = path.join(folder, 'dist');
  await promisify(execFile)(process.execPath, [path.join(CHECKOUT, 'packaging', 'build.mjs'), dist]);
  await copyFile(path.join(CHECKOUT, 'package.json'), path.join(folder, 'package.json'));
  await symlink(path.join(CHECKOUT, 'provision'), path.join(folder, 'provision'));
  const remove = () => rm(folder, { recursive: true, force: true });
  // Not published: only anti-tests have a use for it.
  const openGuard = await buildProgram('src/lab/guard-open.ts');
  return { dist, openGuard, absentGuard: path.join(dist, 'lab', 'guard-absent.js'), remove };
}

/** The user's own images folder, with every kind a stage needs: guests of the host's kind unless said. */
export async function stageImages(guests: Arch = hostPlatform().arch): Promise<string> {
  const { images } = layoutOf(homeRoot());
  await mkdir(images, { recursive: true, mode: 0o700 });
  const needed: readonly [ImageKind, Arch][] = [
    ...GUESTS.map((kind): [ImageKind, Arch] => [kind, guests]),
    ['lab', hostPlatform().arch],
  ];
  for (const [kind, arch] of needed) {
    if ((await upToDateImage(images, kind, arch)) === undefined)
      await buildImage(kind, arch, { imagesFolder: images, cachedPackages: true });
  }
  return images;
}

export type StageWishes = Omit<StageOptions, 'images' | 'program'> & Partial<Pick<StageOptions, 'images'>>;

/** A lab, and a gate on it that is down. `close` ends both. */
export async function openStage(program: Program, wishes: StageWishes): Promise<Stage> {
  const images = wishes.images ?? (await stageImages(wishes.machines?.arch));
  return Stage.open({ ...wishes, images, program: path.join(program.dist, 'main.js') });
}

/** One stage for all tests of a file. The folder is for what the stage is made of, and goes with it. */
export function stageForAll(
  wishes: (folder: string) => Promise<StageWishes> | StageWishes,
  keep: (stage: Stage, program: Program) => void,
): void {
  let program: Program;
  let folder: string;
  let stage: Stage;
  beforeAll(async () => {
    program = await compileProgram();
    folder = await mkdtemp(path.join(os.tmpdir(), 'vmg-for-'));
    stage = await openStage(program, await wishes(folder));
    keep(stage, program);
  }, BOOT_MS);
  afterAll(async () => {
    await stage?.close();
    await program?.remove();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }, CLOSE_MS);
}
