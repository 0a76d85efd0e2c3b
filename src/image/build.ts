/** Building an image: packages in, kernel and compressed layers out, the same bytes wherever it is done. */
import { mkdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { occur, VmgateError } from '../core/coded.ts';
import type { Arch } from '../drivers/driver.ts';
import { type Lock, writeFileAtomic } from '../home/index.ts';
import { errnoOf, hostPlatform, messageOf, monotonicMs, sha256 } from '../host/index.ts';
import { aptProgress } from './apt-progress.ts';
import { buildTurn } from './build-turn.ts';
import { chooseWorkshop } from './choose-workshop.ts';
import { errors, events, type Progress } from './codes.ts';
import { padding, writeCpio } from './cpio.ts';
import { newestDate } from './deb-date.ts';
import { buildDisk } from './disk.ts';
import type { ImageKind, ImagePart, StoredImage } from './image.ts';
import { fileOf, partsOf } from './manifest.ts';
import { cachedPackages, fetchPackages, isCached, type PackageSet } from './package-set.ts';
import type { Package, UnpackedPackages } from './package-tree.ts';
import { packagesOf, type Recipe, readRecipe } from './recipe.ts';
import { type SelectedLayer, selectLayers } from './select.ts';
import { PROVISION, sourceDigest } from './source.ts';
import { adoptDraft, makeDraft, pruneTemp } from './store.ts';
import { type Compression, type Workshop, WorkshopFailure } from './workshop.ts';

export interface BuildOptions {
  /** `images/` of the home folder. */
  readonly imagesFolder: string;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
  /** Use the packages fetched last time if there are any, without asking the mirror: after a change of guest files. */
  readonly cachedPackages?: boolean;
  /** The installed `provision/` folder, unless said. */
  readonly provision?: string;
  /** For tests: what unpacks and compresses. */
  readonly workshop?: Workshop;
}

/** In images/ (debs, remembered files, parts) and in the temporary folder (unpacked packages). */
const NEEDED_BYTES = { installed: 2_500_000_000, fetched: 450_000_000, cached: 80_000_000 };
const ANNOUNCED_BYTES_PER_SECOND = 2_500_000;
/** Measured on 2 slow cores: installing too, unpacking and compressing, or only selecting and perhaps compressing. */
const SECONDS_BESIDES_DOWNLOAD = { installed: 60, fetched: 20, cached: 10 };

/**
 * Builds an image and makes it the current one of its kind. Nothing is left behind when it fails.
 *
 * @throws IMAGE_NO_BUILDER, IMAGE_FOREIGN_ARCH, IMAGE_NO_SPACE, IMAGE_DOWNLOAD_FAILED, IMAGE_BUILD_INTERRUPTED, IMAGE_RECIPE_UNMET
 */
export async function buildImage(kind: ImageKind, arch: Arch, options: BuildOptions): Promise<StoredImage> {
  const startedAt = monotonicMs();
  const { imagesFolder, signal } = options;
  const provision = options.provision ?? PROVISION;
  const recipe = await readRecipe(provision, kind);
  const host = hostPlatform().arch;
  if (recipe.disk !== undefined && arch !== host) throw VmgateError.of(errors.IMAGE_FOREIGN_ARCH, { kind, arch, host });
  await pruneTemp(imagesFolder);
  const draft = await makeDraft(imagesFolder);
  let workshop: Workshop | undefined;
  let turn: Lock | undefined;
  try {
    turn = await buildTurn(imagesFolder, kind, options);
    workshop = options.workshop ?? (await chooseWorkshop(kind, recipe.disk !== undefined));
    const { tree, packages } = await obtainPackages(recipe, arch, options, workshop);
    const { kernel, layers } = await selectLayers(tree, recipe, arch, provision);
    const parts: ImagePart[] = [];
    for (const layer of layers) {
      const data = await packLayer(layer, kind, options, workshop);
      parts.push(await writePart(draft, layer.name, data));
    }
    const kernelPart = await writePart(draft, 'kernel', await packKernel(kernel, kind, options, workshop));
    const disk = await makeDisk(recipe, arch, options, workshop, draft, packages);
    const all = together(packages, disk?.packages ?? []);
    const newestPackage = newestDate(all.map(({ date }) => date));
    const image = await adoptDraft(imagesFolder, draft, {
      version: 1,
      kind,
      arch,
      source: await sourceDigest(provision, kind),
      kernel: kernelPart,
      layers: parts,
      ...(disk === undefined ? {} : { disk: disk.part }),
      ...(newestPackage === undefined ? {} : { newestPackage }),
      packages: all.map(({ date: _, ...each }) => each),
    });
    const bytes = partsOf(image.manifest).reduce((sum, part) => sum + part.bytes, 0);
    const seconds = (monotonicMs() - startedAt) / 1000;
    options.progress?.(occur(events.IMAGE_BUILT, { kind, arch, digest: image.digest, bytes, seconds }));
    return image;
  } catch (cause) {
    throw await explain(cause, kind, imagesFolder, signal);
  } finally {
    await workshop?.close();
    turn?.release();
    await rm(draft, { recursive: true, force: true });
  }
}

async function obtainPackages(
  recipe: Recipe,
  arch: Arch,
  options: BuildOptions,
  workshop: Workshop,
): Promise<UnpackedPackages> {
  const { kind, suite } = recipe;
  const cache = path.join(options.imagesFolder, 'cache');
  const set: PackageSet = { suite, arch, packages: packagesOf(recipe, arch), cache };
  const onLine = downloads(kind, options.progress);
  // A disk is installed anew each time, and takes the kernel's package from among what was fetched.
  const fromCache = options.cachedPackages === true && recipe.disk === undefined && (await isCached(set));
  const work = recipe.disk !== undefined ? 'installed' : fromCache ? 'cached' : 'fetched';
  await requireSpace([options.imagesFolder, os.tmpdir()], NEEDED_BYTES[work]);
  const downloadBytes = fromCache ? 0 : recipe.downloadMegabytes * 1e6 + workshop.setupBytes;
  const seconds = Math.round(SECONDS_BESIDES_DOWNLOAD[work] + downloadBytes / ANNOUNCED_BYTES_PER_SECOND);
  const announcement = { kind, arch, downloadBytes, seconds, where: workshop.description };
  options.progress?.(occur(events.IMAGE_BUILD_STARTED, announcement));
  return fromCache ? await cachedPackages(set) : await fetchPackages(set, workshop, onLine, options.signal);
}

/**
 * Packaged files compressed, then vmgate's own as they are: two archives in one file, so that a changed script does not
 * cost a new compression of everything. Results are remembered by content.
 */
async function packLayer(
  layer: SelectedLayer,
  kind: ImageKind,
  options: BuildOptions,
  workshop: Workshop,
): Promise<Buffer> {
  const packed = await compressed(writeCpio(layer.packaged), 'zstd', options, workshop, (bytes) => {
    options.progress?.(occur(events.IMAGE_PACKING, { kind, layer: layer.name, bytes }));
  });
  const own = layer.own.length === 0 ? Buffer.alloc(0) : writeCpio(layer.own);
  return Buffer.concat([packed, padding(packed.length), own]);
}

/**
 * Debian's arm64 kernel is an `Image` (magic `ARM\x64` at byte 56, Documentation/arch/arm64/booting.rst), which does not
 * unpack itself and is three times as large as it need be. QEMU, the boot loader here, unpacks gzip and nothing else that
 * its 7.2 knows (hw/arm/boot.c, load_aarch64_image). amd64's unpacks itself, and stays as it is.
 */
async function packKernel(kernel: Buffer, kind: ImageKind, options: BuildOptions, workshop: Workshop): Promise<Buffer> {
  if (kernel.toString('latin1', 56, 60) !== 'ARM\x64') return kernel;
  return await compressed(kernel, 'gzip', options, workshop, (bytes) => {
    options.progress?.(occur(events.IMAGE_PACKING, { kind, layer: 'kernel', bytes }));
  });
}

async function compressed(
  data: Buffer,
  format: Compression,
  options: BuildOptions,
  workshop: Workshop,
  onWork: (bytes: number) => void,
): Promise<Buffer> {
  const folder = path.join(options.imagesFolder, 'cache', 'packed');
  const file = path.join(folder, `${sha256(data).slice('sha256:'.length)}.${format === 'zstd' ? 'zst' : 'gz'}`);
  const known = await readFile(file).catch(() => undefined);
  if (known !== undefined) return known;
  onWork(data.length);
  const packed = await workshop.compress(data, format, options.signal);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFileAtomic(file, packed);
  return packed;
}

async function makeDisk(
  { kind, suite, disk }: Recipe,
  arch: Arch,
  { imagesFolder, progress, signal, provision = PROVISION }: BuildOptions,
  workshop: Workshop,
  draft: string,
  unpacked: readonly Package[],
): Promise<{ readonly part: ImagePart; readonly packages: readonly Package[] } | undefined> {
  if (disk === undefined) return undefined;
  const onLine = downloads(kind, progress);
  const cache = path.join(imagesFolder, 'cache');
  progress?.(occur(events.IMAGE_INSTALLING, { kind, packages: disk.packages.length }));
  return await buildDisk({ suite }, disk, workshop, { arch, cache, provision, draft, unpacked, onLine, signal });
}

function downloads(kind: ImageKind, progress: Progress | undefined): (line: string) => void {
  return aptProgress({
    planned: (sizes) => progress?.(occur(events.IMAGE_DOWNLOAD, { kind, ...sizes })),
    advanced: (sizes) => progress?.(occur(events.IMAGE_DOWNLOADING, { kind, ...sizes })),
  });
}

/** A package may be in the layers and on the disk. */
function together(one: readonly Package[], other: readonly Package[]): readonly Package[] {
  const byFile = new Map([...one, ...other].map((each) => [`${each.name} ${each.version}`, each]));
  return [...byFile.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function writePart(draft: string, name: string, data: Buffer): Promise<ImagePart> {
  await writeFile(path.join(draft, fileOf(name)), data, { mode: 0o600 });
  return { name, digest: sha256(data), bytes: data.length };
}

async function requireSpace(folders: readonly string[], neededBytes: number): Promise<void> {
  for (const folder of folders) {
    const { bavail, bsize } = await statfs(folder);
    const freeBytes = bavail * bsize;
    if (freeBytes < neededBytes) throw VmgateError.of(errors.IMAGE_NO_SPACE, { folder, neededBytes, freeBytes });
  }
}

/** What went wrong, in terms a user can act on. */
async function explain(
  cause: unknown,
  kind: ImageKind,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  if (signal?.aborted === true) return VmgateError.of(errors.IMAGE_BUILD_INTERRUPTED, { kind }, { cause });
  if (VmgateError.is(cause)) return cause;
  const evidence = cause instanceof WorkshopFailure ? cause.evidence : [messageOf(cause)];
  if (errnoOf(cause) === 'ENOSPC' || evidence.some((line) => /no space left on device/i.test(line))) {
    const { bavail, bsize } = await statfs(folder);
    const payload = { folder, neededBytes: NEEDED_BYTES.fetched, freeBytes: bavail * bsize };
    return VmgateError.of(errors.IMAGE_NO_SPACE, payload, { cause, evidence });
  }
  if (cause instanceof WorkshopFailure)
    return VmgateError.of(errors.IMAGE_DOWNLOAD_FAILED, { kind, outcome: cause.message }, { cause, evidence });
  return cause;
}
