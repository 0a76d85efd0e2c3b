/** The disk of a work VM's image: packages installed as apt does it, and an ext4 file system made of the result. */
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import type { Arch } from '../drivers/driver.ts';
import { digestFile } from './digest-file.ts';
import type { ImagePart } from './image.ts';
import { fileOf } from './manifest.ts';
import { debsOf, dropSuperseded, keepDeb } from './package-set.ts';
import type { Package } from './package-tree.ts';
import type { DiskRecipe, Recipe } from './recipe.ts';
import { rewriteRootTar } from './root-tar.ts';
import type { Workshop } from './workshop.ts';

export interface DiskTask {
  readonly arch: Arch;
  /** `images/cache`. */
  readonly cache: string;
  readonly provision: string;
  /** Where disk.qcow2 is made. */
  readonly draft: string;
  /** Packages that were unpacked for the layers: the kernel's modules go on the disk too. */
  readonly unpacked: readonly Package[];
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal | undefined;
}

/** @throws WorkshopFailure */
export async function buildDisk(
  { suite }: Pick<Recipe, 'suite'>,
  recipe: DiskRecipe,
  workshop: Workshop,
  task: DiskTask,
): Promise<{ readonly part: ImagePart; readonly packages: readonly Package[] }> {
  const { arch, draft, signal } = task;
  const debs = debsOf(task.cache, arch);
  await mkdir(debs, { recursive: true, mode: 0o700 });
  const tar = path.join(draft, 'root.tar');
  const output = new PassThrough();
  const kept = new Set<string>();
  const rewriting = rewriteRootTar(output, tar, recipe, task.provision, async (name, data) => {
    kept.add(name);
    await keepDeb(path.join(debs, name), data);
  });
  rewriting.catch(() => {}); // a failed workshop is the better explanation; else it is awaited below
  const kernel = kernelDeb(task.unpacked, arch);
  try {
    const packages = [...recipe.packages].sort();
    const install = { kernel };
    await workshop.unpack({ suite, arch, packages, debs, install, output, onLine: task.onLine, signal });
  } catch (cause) {
    output.destroy();
    throw cause;
  }
  const packages = await rewriting;
  await dropSuperseded(debs, kept);
  await workshop.makeDisk({ script: path.join(task.provision, MAKE_DISK), tar, folder: draft, ...recipe, signal });
  await rm(tar);
  const part = { name: 'disk', ...(await digestFile(path.join(draft, fileOf('disk')))) };
  return { part, packages };
}

const MAKE_DISK = 'image/make-disk.sh';

/** apt's file name of the package that holds the kernel and its modules, not of the one that only depends on it. */
function kernelDeb(unpacked: readonly Package[], arch: Arch): string {
  const found = unpacked.find(({ name }) => /^linux-image-\d/.test(name));
  return `${found?.name ?? 'linux-image'}_${(found?.version ?? '').replaceAll(':', '%3a')}_${arch}.deb`;
}
