/**
 * Images under `images/`, one folder each, named by digest. `current.json` says which one is used for a kind and
 * architecture; the digest in it was recorded when the image was built or imported *here*, and is what everything is
 * measured by. A manifest beside an image proves nothing.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { VmgateError } from '../core/coded.ts';
import type { Arch } from '../drivers/driver.ts';
import { acquireLock, type Lock, writeFileAtomic } from '../home/index.ts';
import { errnoOf, isAlive, messageOf, sha256 } from '../host/index.ts';
import { errors } from './codes.ts';
import { digestFile } from './digest-file.ts';
import type { ImageKind, ImageManifest, StoredImage } from './image.ts';
import {
  canonicalManifest,
  digestOf,
  fileOf,
  LOCK_FILE,
  MANIFEST_FILE,
  packagesLock,
  parseManifest,
  partsOf,
} from './manifest.ts';

const CURRENT_FILE = 'current.json';
const currentSchema = z.record(z.string(), z.string().regex(/^sha256:[0-9a-f]{64}$/));
type Current = z.infer<typeof currentSchema>;
const LOCK_ATTEMPTS = 50;

/** Drafts carry the pid of their maker: `draft-4711-x8Kq2z`; `pulled-`: of a pull; `updates-`: apt's, while it is asked. */
const DRAFT = /^(?:draft|pulled|updates)-(\d+)-/;

/**
 * The image recorded as current, or undefined. Its parts are judged when they are copied for a boot.
 *
 * @throws IMAGE_DIGEST_MISMATCH (its manifest is not the recorded one), IMAGE_STORE_UNREADABLE
 */
export async function findImage(imagesFolder: string, kind: ImageKind, arch: Arch): Promise<StoredImage | undefined> {
  const digest = (await readCurrent(imagesFolder))[`${kind}/${arch}`];
  return digest === undefined ? undefined : await imageByDigest(imagesFolder, digest, kind);
}

/** The image of that digest, current or not; undefined where it is gone. @throws what {@link findImage} does */
export async function imageByDigest(
  imagesFolder: string,
  digest: string,
  kind: ImageKind,
): Promise<StoredImage | undefined> {
  const folder = folderOf(imagesFolder, digest);
  const file = path.join(folder, MANIFEST_FILE);
  const json = await readIfThere(file);
  if (json === undefined) return undefined;
  const actual = sha256(json);
  if (actual !== digest) throw VmgateError.of(errors.IMAGE_DIGEST_MISMATCH, { kind, file, expected: digest, actual });
  return { digest, folder, manifest: readManifest(file, json) };
}

/** Digest of the image whose disk a path leads to, by the path alone; undefined for any other file. */
export function imageOfDisk(file: string): string | undefined {
  const [folder = '', name] = file.split(path.sep).slice(-2);
  return /^[0-9a-f]{64}$/.test(folder) && name === fileOf('disk') ? `sha256:${folder}` : undefined;
}

/** Path of the image's disk; undefined where it has none. */
export function diskOf({ folder, manifest }: StoredImage): string | undefined {
  return manifest.disk === undefined ? undefined : path.join(folder, fileOf(manifest.disk.name));
}

/** Reads the whole disk: before anything is made over it, it has to be the recorded one. @throws IMAGE_DIGEST_MISMATCH */
export async function requireIntactDisk(image: StoredImage): Promise<void> {
  const [file, { kind, disk }] = [diskOf(image), image.manifest];
  if (file === undefined || disk === undefined) return;
  const { digest: actual } = await digestFile(file);
  if (actual === disk.digest) return;
  throw VmgateError.of(errors.IMAGE_DIGEST_MISMATCH, { kind, file, expected: disk.digest, actual });
}

/** Twin of {@link findImage} that throws IMAGE_NOT_FOUND. */
export async function requireImage(imagesFolder: string, kind: ImageKind, arch: Arch): Promise<StoredImage> {
  const image = await findImage(imagesFolder, kind, arch);
  if (image === undefined) throw VmgateError.of(errors.IMAGE_NOT_FOUND, { kind, arch });
  return image;
}

export interface ListedImage extends StoredImage {
  readonly current: boolean;
}

/** Every image whose manifest is intact, current ones first; damaged folders are left to prune. */
export async function listImages(imagesFolder: string): Promise<readonly ListedImage[]> {
  const current = new Set(Object.values(await readCurrent(imagesFolder)));
  const names = (await readdir(imagesFolder).catch(() => [])).filter((name) => /^[0-9a-f]{64}$/.test(name)).sort();
  const images = await Promise.all(
    names.map(async (name): Promise<ListedImage | undefined> => {
      const folder = path.join(imagesFolder, name);
      const json = await readIfThere(path.join(folder, MANIFEST_FILE));
      const digest = `sha256:${name}`;
      if (json === undefined || sha256(json) !== digest) return undefined;
      const manifest = readManifest(path.join(folder, MANIFEST_FILE), json);
      return { digest, folder, manifest, current: current.has(digest) };
    }),
  );
  return images.filter((image) => image !== undefined).sort((a, b) => Number(b.current) - Number(a.current));
}

/** A folder in which an image is put together; it becomes the image by one rename, or is removed. */
export async function makeDraft(imagesFolder: string): Promise<string> {
  await mkdir(imagesFolder, { recursive: true, mode: 0o700 });
  return await mkdtemp(path.join(imagesFolder, `draft-${process.pid}-`));
}

/**
 * Completes a draft that holds all parts: writes manifest and packages.lock, renames, records it as current.
 *
 * Of an image that is here already what is whole stays untouched: work VMs lie over its disk, and know it by its time. What
 * was damaged since is replaced a file at a time, so that nothing is ever missing, whenever the process is killed.
 */
export async function adoptDraft(imagesFolder: string, draft: string, manifest: ImageManifest): Promise<StoredImage> {
  const digest = digestOf(manifest);
  const folder = folderOf(imagesFolder, digest);
  await writeFileAtomic(path.join(draft, MANIFEST_FILE), canonicalManifest(manifest));
  await writeFileAtomic(path.join(draft, LOCK_FILE), packagesLock(manifest));
  // Before the lock: a disk takes longer to read than others wait.
  const damaged = await damagedFiles(folder, manifest);
  const lock = await storeLock(imagesFolder);
  try {
    if (!existsSync(folder)) await rename(draft, folder);
    else for (const file of damaged) await rename(path.join(draft, file), path.join(folder, file));
    const current = await readCurrent(imagesFolder);
    const next = { ...current, [`${manifest.kind}/${manifest.arch}`]: digest };
    await writeFileAtomic(path.join(imagesFolder, CURRENT_FILE), `${JSON.stringify(next, undefined, 2)}\n`);
  } finally {
    lock.release();
  }
  return { digest, folder, manifest };
}

async function damagedFiles(folder: string, manifest: ImageManifest): Promise<readonly string[]> {
  const damaged = [MANIFEST_FILE, LOCK_FILE];
  for (const { name, digest } of partsOf(manifest)) {
    const there = await digestFile(path.join(folder, fileOf(name))).catch(() => undefined);
    if (there?.digest !== digest) damaged.push(fileOf(name));
  }
  return damaged;
}

/** Of whoever changes what is listed there. It is held for milliseconds; two builds that end together take turns. @throws HOME_LOCKED */
export async function storeLock(imagesFolder: string): Promise<Lock> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await acquireLock(path.join(imagesFolder, 'lock'));
    } catch (cause) {
      if (!VmgateError.is(cause) || cause.code !== 'HOME_LOCKED' || attempt === LOCK_ATTEMPTS) throw cause;
      await sleep(100);
    }
  }
}

/** Removes drafts whose makers are gone. Images are never touched. Returns how many went. */
export async function pruneTemp(imagesFolder: string): Promise<number> {
  const names = await readdir(imagesFolder).catch(() => []);
  const abandoned = names.filter((name) => {
    const pid = DRAFT.exec(name)?.[1];
    return pid !== undefined && !isAlive(Number(pid));
  });
  await Promise.all(abandoned.map((name) => rm(path.join(imagesFolder, name), { recursive: true, force: true })));
  return abandoned.length;
}

/**
 * Removes images that are not current, and compressed layers kept for the next build. Returns the images.
 *
 * @param locked digests of images that some vmgate.lock names: they stay
 * @throws HOME_LOCKED
 */
export async function pruneImages(
  imagesFolder: string,
  locked: ReadonlySet<string> = new Set(),
): Promise<readonly StoredImage[]> {
  // One that a build or an import is about to make current again is in the store already: whoever comes second sees the other.
  const lock = await storeLock(imagesFolder);
  try {
    const old = (await listImages(imagesFolder)).filter(({ current, digest }) => !current && !locked.has(digest));
    const folders = [...old.map(({ folder }) => folder), path.join(imagesFolder, 'cache', 'packed')];
    await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
    return old;
  } finally {
    lock.release();
  }
}

/** Its digest is right, so it was written by a vmgate; an older or newer one may have meant something else by it. */
function readManifest(file: string, json: string): ImageManifest {
  try {
    return parseManifest(json);
  } catch (cause) {
    throw VmgateError.of(errors.IMAGE_STORE_UNREADABLE, { file, why: messageOf(cause) }, { cause });
  }
}

function folderOf(imagesFolder: string, digest: string): string {
  return path.join(imagesFolder, digest.slice('sha256:'.length));
}

async function readCurrent(imagesFolder: string): Promise<Current> {
  const file = path.join(imagesFolder, CURRENT_FILE);
  const json = await readIfThere(file);
  if (json === undefined) return {};
  try {
    return currentSchema.parse(JSON.parse(json));
  } catch (cause) {
    throw VmgateError.of(errors.IMAGE_STORE_UNREADABLE, { file, why: messageOf(cause) }, { cause });
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    throw cause;
  }
}
