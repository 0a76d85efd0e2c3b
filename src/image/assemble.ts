/** From a stored image to what one VM boots: private copies, judged byte for byte while they are made. */
import { createHash } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { digestText, errnoOf } from '../host/index.ts';
import { errors } from './codes.ts';
import { padding } from './cpio.ts';
import type { AssembledBoot, ImagePart, StoredImage } from './image.ts';
import { fileOf } from './manifest.ts';

/** A piece at a time: whole images would stay in the memory of a process that lives for days. */
const PIECE_BYTES = 1_048_576;

/**
 * Copies the kernel, and the named layers followed by `settings`, into `runFolder` as `kernel` and `initramfs`, 0400.
 * What is hashed is the very memory that is written, so a file changed in between cannot slip through.
 *
 * @param layerNames in boot order; a later layer's files replace an earlier one's
 * @param settings uncompressed archive of {@link writeCpio}, or empty
 * @throws IMAGE_DIGEST_MISMATCH, IMAGE_LAYER_MISSING, IMAGE_NOT_FOUND; then no copy is left
 */
export async function assembleBoot(
  image: StoredImage,
  layerNames: readonly string[],
  settings: Uint8Array,
  runFolder: string,
): Promise<AssembledBoot> {
  const { kernel: kernelPart, layers } = image.manifest;
  const layerParts = layerNames.map((name) => {
    const part = layers.find((layer) => layer.name === name);
    if (part === undefined)
      throw VmgateError.of(errors.IMAGE_LAYER_MISSING, {
        kind: image.manifest.kind,
        layer: name,
        has: layers.map((layer) => layer.name),
      });
    return part;
  });
  const kernel = path.join(runFolder, 'kernel');
  const initramfs = path.join(runFolder, 'initramfs');
  const copies = [
    replace(kernel, (copy) => append(copy, image, kernelPart)),
    replace(initramfs, async (copy) => {
      for (const part of layerParts) {
        await append(copy, image, part);
        await copy.writeFile(padding(part.bytes));
      }
      await copy.writeFile(settings);
      await copy.writeFile(padding(settings.length));
    }),
  ];
  const failed = (await Promise.allSettled(copies)).find((copy) => copy.status === 'rejected');
  if (failed !== undefined) {
    await Promise.all([kernel, initramfs].map((file) => rm(file, { force: true })));
    throw failed.reason;
  }
  return { kernel, initramfs, parts: [kernelPart, ...layerParts] };
}

/** Writes what has `part`'s digest, and throws for anything else, when it is at its end or past that. */
async function append(copy: FileHandle, image: StoredImage, part: ImagePart): Promise<void> {
  const file = path.join(image.folder, fileOf(part.name));
  const original = await open(file).catch((cause: unknown) => {
    const { kind, arch } = image.manifest;
    if (errnoOf(cause) === 'ENOENT') throw VmgateError.of(errors.IMAGE_NOT_FOUND, { kind, arch }, { cause });
    throw cause;
  });
  try {
    const hash = createHash('sha256');
    const memory = Buffer.alloc(Math.min(PIECE_BYTES, part.bytes + 1));
    for (let left = part.bytes; left >= 0; ) {
      const { bytesRead } = await original.read(memory, 0, memory.length);
      if (bytesRead === 0) break;
      const piece = memory.subarray(0, bytesRead);
      left -= bytesRead;
      hash.update(piece);
      await copy.writeFile(piece);
    }
    const actual = digestText(hash);
    const { kind } = image.manifest;
    if (actual === part.digest) return;
    throw VmgateError.of(errors.IMAGE_DIGEST_MISMATCH, { kind, file, expected: part.digest, actual });
  } finally {
    await original.close();
  }
}

/** `wx` after a removal: a link planted there is not followed. */
async function replace(file: string, fill: (copy: FileHandle) => Promise<void>): Promise<void> {
  await rm(file, { force: true });
  const copy = await open(file, 'wx', 0o400);
  try {
    await fill(copy);
  } finally {
    await copy.close();
  }
}
