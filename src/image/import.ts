/** Taking in an image that was built elsewhere. What is recorded as trusted is the digest computed here. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, readFile, rm, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { VmgateError } from '../core/coded.ts';
import { digestText, errnoOf, messageOf } from '../host/index.ts';
import { errors } from './codes.ts';
import type { ImageManifest, ImagePart, StoredImage } from './image.ts';
import { digestOf, fileOf, MANIFEST_FILE, MAX_MANIFEST_BYTES, parseManifest, partsOf } from './manifest.ts';
import { entriesOf } from './package-tree.ts';
import { adoptDraft, makeDraft, pruneTemp } from './store.ts';

/** No kernel or layer comes near; what comes from outside must not fill memory or disk. */
const MAX_PART_BYTES = 250_000_000;
const MAX_PARTS = 32;
const MAX_DISK_BYTES = 16_000_000_000;
const PART_FILE = /^(kernel|[a-z][a-z0-9-]{0,30}\.cpio|disk\.qcow2)$/;

export interface ImportOptions {
  /** `sha256:...` that the image must have, known from a better source than the file itself. */
  readonly expect?: string;
}

/**
 * Imports a folder with manifest.json and its parts, or a tar of one, and makes it the current image of its kind.
 *
 * @throws IMAGE_UNREADABLE, IMAGE_DIGEST_MISMATCH, IMAGE_NO_SPACE; nothing is left behind then
 */
export async function importImage(
  source: string,
  imagesFolder: string,
  options: ImportOptions = {},
): Promise<StoredImage> {
  await pruneTemp(imagesFolder);
  const draft = await makeDraft(imagesFolder);
  try {
    const { manifestJson, found } = await copyInto(draft, source);
    if (manifestJson === undefined) throw new Error(`${MANIFEST_FILE} is missing`);
    const manifest = parseManifest(manifestJson);
    const digest = digestOf(manifest);
    if (options.expect !== undefined && options.expect !== digest)
      throw mismatch(manifest, source, options.expect, digest);
    const parts = partsOf(manifest);
    const wanted = new Map(parts.map((part) => [fileOf(part.name), part]));
    // Of two parts in one file one is not what the manifest says, and no boot would take it.
    if (wanted.size < parts.length) throw new Error(`${MANIFEST_FILE} names a part twice`);
    for (const [file, part] of wanted) judge(manifest, `${source}/${file}`, part, found.get(file));
    const surplus = [...found.keys()].filter((file) => !wanted.has(file));
    await Promise.all(surplus.map((file) => rm(path.join(draft, file))));
    return await adoptDraft(imagesFolder, draft, manifest);
  } catch (cause) {
    if (VmgateError.is(cause)) throw cause;
    if (errnoOf(cause) === 'ENOSPC') throw await noSpace(imagesFolder, source, cause);
    throw VmgateError.of(errors.IMAGE_UNREADABLE, { source, why: messageOf(cause) }, { cause });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

interface Copied {
  readonly manifestJson: string | undefined;
  /** Part file to what was copied. */
  readonly found: ReadonlyMap<string, Omit<ImagePart, 'name'>>;
}

/** Copies by our own names only: a path in a tar, or a link in a folder, cannot lead out of the draft. */
async function copyInto(draft: string, source: string): Promise<Copied> {
  let manifestJson: string | undefined;
  const found = new Map<string, Omit<ImagePart, 'name'>>();
  for await (const { name, bytes, content, stream } of filesOf(source)) {
    if (name !== MANIFEST_FILE && !PART_FILE.test(name)) continue;
    // Which of the two would count is the archive's choice, and other readers may choose otherwise.
    if (found.has(name) || (name === MANIFEST_FILE && manifestJson !== undefined))
      throw new Error(`${name} is in it twice`);
    if (bytes > limitOf(name) || found.size >= MAX_PARTS) throw new Error(`${name} is larger than any image's`);
    if (name === MANIFEST_FILE) manifestJson = (await content()).toString('utf8');
    else found.set(name, await copyPart(stream(), path.join(draft, name), limitOf(name)));
  }
  return { manifestJson, found };
}

function limitOf(name: string): number {
  if (name === MANIFEST_FILE) return MAX_MANIFEST_BYTES;
  return name === fileOf('disk') ? MAX_DISK_BYTES : MAX_PART_BYTES;
}

/** A piece at a time; a file that grows while it is read ends at its limit. */
async function copyPart(source: Readable, file: string, limit: number): Promise<Omit<ImagePart, 'name'>> {
  const hash = createHash('sha256');
  let bytes = 0;
  const count = new Transform({
    transform: (piece: Buffer, _, next) => {
      bytes += piece.length;
      hash.update(piece);
      next(bytes > limit ? new Error(`${path.basename(file)} is larger than any image's`) : null, piece);
    },
  });
  await pipeline(source, count, createWriteStream(file, { mode: 0o600 }));
  return { digest: digestText(hash), bytes };
}

interface SourceFile {
  readonly name: string;
  readonly bytes: number;
  readonly content: () => Promise<Buffer>;
  readonly stream: () => Readable;
}

async function* filesOf(source: string): AsyncGenerator<SourceFile> {
  const given = await stat(source).catch((cause: unknown) => {
    throw errnoOf(cause) === 'ENOENT' ? new Error('there is no such file or folder', { cause }) : cause;
  });
  if (!given.isDirectory()) {
    for await (const { name, header, content, stream } of entriesOf(createReadStream(source)))
      if (header.type === 'file') yield { name: path.posix.basename(name), bytes: header.size, content, stream };
    return;
  }
  for (const name of (await readdir(source)).sort()) {
    const file = path.join(source, name);
    const info = await stat(file);
    const stream = () => createReadStream(file);
    if (info.isFile()) yield { name, bytes: info.size, content: () => readFile(file), stream };
  }
}

function judge(
  manifest: ImageManifest,
  file: string,
  part: ImagePart,
  found: Omit<ImagePart, 'name'> | undefined,
): void {
  if (found === undefined) throw new Error(`${path.basename(file)} is missing`);
  if (found.digest !== part.digest || found.bytes !== part.bytes)
    throw mismatch(manifest, file, part.digest, found.digest);
}

function mismatch({ kind }: ImageManifest, file: string, expected: string, actual: string): VmgateError {
  return VmgateError.of(errors.IMAGE_DIGEST_MISMATCH, { kind, file, expected, actual });
}

async function noSpace(folder: string, source: string, cause: unknown): Promise<VmgateError> {
  const { bavail, bsize } = await statfs(folder);
  const { size } = await stat(source);
  return VmgateError.of(errors.IMAGE_NO_SPACE, { folder, neededBytes: size, freeBytes: bavail * bsize }, { cause });
}
