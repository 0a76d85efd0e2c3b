/**
 * A work VM whose disk is that of an image vmgate built. The VM belongs to the image that it was made from, and stays
 * with it when a newer one is there: its overlay says which, and `vm rebuild` is how it gets the newer one.
 */
import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { VmgateError } from '../core/coded.ts';
import type { Arch } from '../drivers/index.ts';
import { errnoOf } from '../host/index.ts';
import {
  diskOf,
  type ImageKind,
  imageByDigest,
  imageErrors,
  imageOfDisk,
  requireImage,
  type StoredImage,
} from '../image/index.ts';
import { lookAtBase, writeRecord } from './base-record.ts';
import { errors } from './codes.ts';
import { readHeader } from './inspect-disk.ts';
import { overlayOf, recordOf } from './vm-files.ts';

export interface ImageBase {
  readonly image: StoredImage;
  /** Path of its disk. */
  readonly disk: string;
}

/**
 * The image of the VM in `folder`: the one it was made from, else the current one of `kind`.
 *
 * @throws IMAGE_NOT_FOUND, IMAGE_DIGEST_MISMATCH, WORK_IMAGE_GONE, WORK_IMAGE_NO_DISK
 */
export async function imageBase(
  { name, folder }: { readonly name: string; readonly folder: string },
  kind: ImageKind,
  images: string,
  arch: Arch,
): Promise<ImageBase> {
  const made = await madeFrom(folder);
  const image = made === undefined ? await requireImage(images, kind, arch) : await imageByDigest(images, made, kind);
  if (image === undefined) throw VmgateError.of(errors.WORK_IMAGE_GONE, { name, kind, digest: made ?? '' });
  return { image, disk: await requireDisk(image, kind) };
}

/** The current image of `kind`, whatever the VM was made from. @throws IMAGE_NOT_FOUND, WORK_IMAGE_NO_DISK */
export async function newestBase(kind: ImageKind, images: string, arch: Arch): Promise<ImageBase> {
  const image = await requireImage(images, kind, arch);
  return { image, disk: await requireDisk(image, kind) };
}

/** Symbolic links resolved, as an overlay names it. */
async function requireDisk(image: StoredImage, kind: ImageKind): Promise<string> {
  const disk = diskOf(image);
  if (disk === undefined) throw VmgateError.of(errors.WORK_IMAGE_NO_DISK, { kind, digest: image.digest });
  const missing = () => VmgateError.of(imageErrors.IMAGE_NOT_FOUND, { kind, arch: image.manifest.arch });
  return await realpath(disk).catch((cause: unknown) => {
    throw errnoOf(cause) === 'ENOENT' ? missing() : cause;
  });
}

/** Digest of the image under the overlay in `folder`; undefined where there is no overlay, or one over something else. */
async function madeFrom(folder: string): Promise<string | undefined> {
  const overlay = overlayOf(folder);
  if (!existsSync(overlay)) return undefined;
  const { header } = await readHeader(overlay);
  return header.format === 'qcow2' ? imageOfDisk(header.backingFile ?? '') : undefined;
}

/** What the overlay was made over, so that `vm rebuild` need not read it again. */
export async function recordBase(folder: string, { image, disk }: ImageBase): Promise<void> {
  await writeRecord(recordOf(folder), { ...(await lookAtBase(disk)), digest: image.manifest.disk?.digest ?? null });
}
