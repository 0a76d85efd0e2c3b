/** From a stored image to what one VM boots: private copies, judged byte for byte while they are made. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { errnoOf, sha256 } from '../host/index.ts';
import { errors } from './codes.ts';
import { padding } from './cpio.ts';
import type { AssembledBoot, ImagePart, StoredImage } from './image.ts';
import { fileOf } from './manifest.ts';

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
  const kernelData = await readPart(image, kernelPart);
  const layerData = await Promise.all(layerParts.map((part) => readPart(image, part)));
  const archives = [...layerData, Buffer.from(settings)];
  const kernel = path.join(runFolder, 'kernel');
  const initramfs = path.join(runFolder, 'initramfs');
  await replace(kernel, kernelData);
  await replace(initramfs, Buffer.concat(archives.flatMap((archive) => [archive, padding(archive.length)])));
  return { kernel, initramfs, parts: [kernelPart, ...layerParts] };
}

async function readPart(image: StoredImage, part: ImagePart): Promise<Buffer> {
  const file = path.join(image.folder, fileOf(part.name));
  const data = await readFile(file).catch((cause: unknown) => {
    const { kind, arch } = image.manifest;
    if (errnoOf(cause) === 'ENOENT') throw VmgateError.of(errors.IMAGE_NOT_FOUND, { kind, arch }, { cause });
    throw cause;
  });
  const actual = sha256(data);
  if (actual !== part.digest)
    throw VmgateError.of(errors.IMAGE_DIGEST_MISMATCH, {
      kind: image.manifest.kind,
      file,
      expected: part.digest,
      actual,
    });
  return data;
}

/** `wx` after a removal: a link planted there is not followed. */
async function replace(file: string, data: Buffer): Promise<void> {
  await rm(file, { force: true });
  await writeFile(file, data, { flag: 'wx', mode: 0o400 });
}
