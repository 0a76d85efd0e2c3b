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
import { Stage, type StageOptions } from '../../../src/demo/index.ts';
import { homeRoot, layoutOf } from '../../../src/home/index.ts';
import { hostPlatform } from '../../../src/host/index.ts';
import { buildImage, type ImageKind, upToDateImage } from '../../../src/image/index.ts';

const CHECKOUT = fileURLToPath(new URL('../../../', import.meta.url));
/** Every frame counts as allowed. */
const OPEN_GUARD = path.join('lab', 'guard-open.js');
const ABSENT_GUARD = path.join('lab', 'guard-absent.js');
const KINDS: readonly ImageKind[] = ['gateway', 'tiny', 'lab'];

export interface Program {
  /** Folder of the compiled sources, with `main.js`. */
  readonly dist: string;
  /** The guard that accepts every frame, for `without: {guardEntry}`. */
  readonly openGuard: string;
  /** The guard that is none: no order, deadline or end of its supervisor stops it. */
  readonly absentGuard: string;
  remove(): Promise<void>;
}

/** Compiles this checkout into a folder of its own: never a `dist` that is older than the sources. */
export async function compileProgram(): Promise<Program> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'vmg-dist-'));
  const dist = path.join(folder, 'dist');
  const compiler = path.join(CHECKOUT, 'node_modules', 'typescript', 'bin', 'tsc');
  const argv = [compiler, '-p', path.join(CHECKOUT, 'tsconfig.json'), '--outDir', dist];
  await promisify(execFile)(process.execPath, argv);
  await copyFile(path.join(CHECKOUT, 'package.json'), path.join(folder, 'package.json'));
  for (const name of ['node_modules', 'provision', 'vm-templates']) {
    await symlink(path.join(CHECKOUT, name), path.join(folder, name));
  }
  const remove = () => rm(folder, { recursive: true, force: true });
  return { dist, openGuard: path.join(dist, OPEN_GUARD), absentGuard: path.join(dist, ABSENT_GUARD), remove };
}

/** The user's own images folder, with every kind a stage needs. */
export async function stageImages(): Promise<string> {
  const { arch } = hostPlatform();
  const { images } = layoutOf(homeRoot());
  await mkdir(images, { recursive: true, mode: 0o700 });
  for (const kind of KINDS) {
    if ((await upToDateImage(images, kind, arch)) === undefined)
      await buildImage(kind, arch, { imagesFolder: images, cachedPackages: true });
  }
  return images;
}

/** A lab, and a gate on it that is down. `close` ends both. */
export async function openStage(program: Program, options: Omit<StageOptions, 'images' | 'program'>): Promise<Stage> {
  return Stage.open({ ...options, images: await stageImages(), program: path.join(program.dist, 'main.js') });
}
