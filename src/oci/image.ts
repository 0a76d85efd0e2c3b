/** Images to and from registries: parts are read and written a piece at a time, so memory does not grow with a disk. */
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { digestText, messageOf, sha256 } from '../host/index.ts';
import type { Signer, TrustPolicy } from '../trust/index.ts';
import type { ClientOptions } from './client.ts';
import { errors } from './codes.ts';
import { type ImagePiece, type ImageSort, PIECE_BYTES, packImage, readImageArtifact } from './image-artifact.ts';
import { type Descriptor, MAX_MANIFEST_BYTES } from './manifest.ts';
import { Network } from './network.ts';
import { fetchBlob } from './pull.ts';
import { pushBlob, pushManifest } from './push.ts';
import { parseReference, type Reference, repositoryName } from './reference.ts';
import { Store } from './store.ts';
import { type FetchOptions, fetchVerified, type Verified } from './verified.ts';

const PIECE = 'application/octet-stream';
const MAX_CONFIG = 1_048_576;

export interface ImageSource {
  readonly sort: ImageSort;
  /** JSON; what it means is the image room's to say. */
  readonly config: Uint8Array;
  /** By name, in the order they are sent. */
  readonly parts: readonly { readonly name: string; readonly file: string }[];
  /** ISO 8601: when the image was made. The same image is the same version, however often it is pushed. */
  readonly created: string;
}

export interface PublishedImage {
  readonly reference: Reference & { readonly digest: string };
  /** The registry had this very version under the tag. */
  readonly isUnchanged: boolean;
  /** Bytes that were sent, and those that it had already. */
  readonly sentBytes: number;
  readonly knownBytes: number;
}

/**
 * Sends an image to a tag; of one that is there already nothing but questions is sent.
 *
 * @throws REGISTRY_REFERENCE_INVALID, and what the transfer throws
 */
export async function publishImage(
  reference: string,
  { sort, config, parts, created }: ImageSource,
  options: ClientOptions,
): Promise<PublishedImage> {
  const target = parseReference(reference);
  const { tag } = target;
  if (tag === undefined || target.digest !== undefined) {
    const why = 'what is pushed goes to a tag; its digest is not known before';
    throw VmgateError.of(errors.REGISTRY_REFERENCE_INVALID, { reference, why });
  }
  const network = new Network(target, options);
  let [sentBytes, knownBytes] = [0, 0];
  const send = async (content: Uint8Array): Promise<Descriptor> => {
    const blob = { mediaType: PIECE, digest: sha256(content), size: content.length };
    if (await pushBlob(network.client(), blob, content)) sentBytes += content.length;
    else knownBytes += content.length;
    return blob;
  };
  try {
    const configBlob = await send(config);
    const pieces: ImagePiece[] = [];
    for (const { name, file } of parts) {
      for await (const piece of piecesOf(file)) pieces.push({ part: name, blob: await send(piece) });
    }
    const place = { repository: repositoryName(target), tag };
    const manifest = packImage({ sort, config: configBlob, pieces, place, created });
    const digest = sha256(manifest);
    const isUnchanged = (await digestAt(network, tag)) === digest;
    if (!isUnchanged) await pushManifest(network.client(), tag, manifest);
    return { reference: { ...target, digest }, isUnchanged, sentBytes, knownBytes };
  } finally {
    network.close();
  }
}

/** What the registry says the tag names: enough to save a PUT, and nothing more is made of it. */
async function digestAt(network: Network, tag: string): Promise<string | undefined> {
  const answer = await network.client().ask({
    method: 'HEAD',
    to: `manifests/${tag}`,
    headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
    right: 'push',
    again: true,
    doing: `looking for ${tag}`,
  });
  answer.body.resume();
  const said = answer.headers['docker-content-digest'];
  return answer.status === 200 && typeof said === 'string' ? said : undefined;
}

async function* piecesOf(file: string): AsyncGenerator<Buffer> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    for (let at = 0; at < size; at += PIECE_BYTES) {
      const piece = Buffer.alloc(Math.min(PIECE_BYTES, size - at));
      for (let read = 0; read < piece.length; ) {
        const { bytesRead } = await handle.read(piece, read, piece.length - read, at + read);
        if (bytesRead === 0) throw new Error(`${file} became shorter while it was read`);
        read += bytesRead;
      }
      yield piece;
    }
  } finally {
    await handle.close();
  }
}

export interface FetchedImage {
  readonly reference: Reference & { readonly digest: string };
  readonly repository: string;
  readonly sort: ImageSort;
  readonly created: string;
  readonly signer: Signer;
  readonly config: Buffer;
  /** By name: the file in `folder`, with its digest. */
  readonly parts: readonly { readonly name: string; readonly file: string; readonly digest: string }[];
  readonly isCached: boolean;
}

/**
 * Takes a signed image: its pieces into the store, then whole parts into `folder`, which is made.
 *
 * @throws what fetchTemplate throws, REGISTRY_TOO_LARGE
 */
export async function fetchImage(
  reference: string,
  trust: TrustPolicy,
  options: FetchOptions,
  folder: string,
): Promise<FetchedImage> {
  return fetchVerified(reference, trust, { ...options, sort: 'image' }, readImageArtifact, async (verified) => {
    const { manifest, pinned, repository, signer, network } = verified;
    const config = await configOf(manifest.config, verified);
    const fresh = new Set<string>();
    for (const { blob } of manifest.pieces) if (await bring(blob, verified)) fresh.add(blob.digest);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const names = [...new Set(manifest.pieces.map(({ part }) => part))];
    const parts: { name: string; file: string; digest: string }[] = [];
    for (const name of names) {
      const file = path.join(folder, name);
      const pieces = manifest.pieces.filter(({ part }) => part === name).map(({ blob }) => blob);
      parts.push({ name, file, digest: await joined(file, pieces, fresh, verified) });
    }
    const { sort, created } = manifest;
    return { reference: pinned, repository, sort, created, signer, config, parts, isCached: !network.isUsed };
  });
}

type Means = Pick<Verified<never>, 'store' | 'network'>;

/** False: it was here, as far as its length tells. What it holds is hashed when it is joined. */
async function bring(blob: Descriptor, { store, network }: Means): Promise<boolean> {
  const size = await stat(store.fileOf(blob.digest)).then(
    (info) => info.size,
    () => undefined,
  );
  if (size === blob.size) return false;
  await fetchBlob(network.client(), store, blob);
  return true;
}

/** Hashed. @throws REGISTRY_STORE_FAILED, and what the transfer throws */
export async function configOf(blob: Descriptor, means: Means): Promise<Buffer> {
  await bring(blob, means);
  const content = await means.store.read(blob.digest, MAX_CONFIG);
  if (content !== undefined) return content;
  throw damaged(means.store.fileOf(blob.digest));
}

/**
 * Pieces one behind the other, each hashed on its way, but for those of `fresh`: they were hashed as they came, a moment
 * ago. Both are in the digest of the whole, which is what counts.
 *
 * @returns the digest of the whole
 */
async function joined(
  file: string,
  pieces: readonly Descriptor[],
  fresh: ReadonlySet<string>,
  means: Means,
): Promise<string> {
  const whole = createHash('sha256');
  const target = await open(file, 'w', 0o600);
  const contentOf = async (piece: Descriptor) =>
    fresh.has(piece.digest)
      ? await readFile(means.store.fileOf(piece.digest))
      : ((await means.store.read(piece.digest, PIECE_BYTES)) ?? (await again(piece, means)));
  try {
    let writing = Promise.resolve();
    for (const piece of pieces) {
      // One is written while the next is read and hashed.
      const content = await contentOf(piece);
      await writing;
      writing = target.writeFile(content);
      writing.catch(() => {}); // awaited above or below
      whole.update(content);
    }
    await writing;
    await target.sync();
  } catch (cause) {
    await rm(file, { force: true });
    if (VmgateError.is(cause)) throw cause;
    throw VmgateError.of(errors.REGISTRY_STORE_FAILED, { file, why: messageOf(cause) }, { cause });
  } finally {
    await target.close();
  }
  return digestText(whole);
}

/** What lies in the store is not what its name says any more. */
async function again(piece: Descriptor, { store, network }: Means): Promise<Buffer> {
  await rm(store.fileOf(piece.digest), { force: true });
  await fetchBlob(network.client(), store, piece);
  const content = await store.read(piece.digest, PIECE_BYTES);
  if (content !== undefined) return content;
  throw damaged(store.fileOf(piece.digest));
}

function damaged(file: string): VmgateError {
  return VmgateError.of(errors.REGISTRY_STORE_FAILED, { file, why: 'it is not what was written' });
}

/** Every blob that these versions are made of, as far as their manifests are in the store: what `image prune` keeps. */
export async function blobsOfImages(storeFolder: string, digests: readonly string[]): Promise<ReadonlySet<string>> {
  const store = new Store(storeFolder);
  const needed = new Set<string>();
  for (const digest of digests) {
    const bytes = await store.read(digest, MAX_MANIFEST_BYTES);
    if (bytes === undefined) continue;
    const { config, pieces } = readImageArtifact(bytes, digest);
    for (const blob of [digest, config.digest, ...pieces.map((piece) => piece.blob.digest)]) needed.add(blob);
  }
  return needed;
}
