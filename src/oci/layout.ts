/**
 * Templates without a registry: an OCI image layout in a folder, for a USB stick, a share or a git repository. The same
 * manifests, so the same digests and signatures, and the same vmgate.lock. `skopeo` and `oras` read it too.
 */
import { constants } from 'node:fs';
import { mkdir, mkdtemp, open, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { VmgateError } from '../core/coded.ts';
import { errnoOf, messageOf, parseJson, sha256 } from '../host/index.ts';
import { readTemplateManifest, TEMPLATE_TYPE } from './artifact.ts';
import { errors } from './codes.ts';
import {
  type Descriptor,
  EMPTY_BLOB,
  MANIFEST_TYPE,
  MAX_MANIFEST_BYTES,
  REF_NAME,
  readIndex,
  readManifest,
  writeIndex,
} from './manifest.ts';
import { formatReference, type Reference } from './reference.ts';
import { cachedSignatures, cacheSignature, signatureArtifact, signatureLayer } from './signatures.ts';
import { LAYOUT, Store } from './store.ts';

const LAYOUT_FILE = 'oci-layout';
const INDEX_FILE = 'index.json';
/** Templates, their bases, and signatures on each. */
const MAX_MANIFESTS = 256;

const layoutSchema = z.object({ imageLayoutVersion: z.literal('1.0.0') });

export interface LaidOut {
  /** With tag and digest. */
  readonly reference: Reference & { readonly digest: string };
  /** Digests of templates in registries that it extends. */
  readonly bases: readonly string[];
}

/**
 * Writes a template that is whole in the store, with its signatures, into a folder that is not there yet: whole, or not
 * at all.
 *
 * @throws REGISTRY_NOT_HERE, REGISTRY_LAYOUT_TAKEN, REGISTRY_STORE_FAILED
 */
export async function exportLayout(folder: string, storeFolder: string, { reference, bases }: LaidOut): Promise<void> {
  const store = new Store(storeFolder);
  await mkdir(path.dirname(folder), { recursive: true });
  const draft = await mkdtemp(`${folder}.draft-`);
  const keep = async (content: Uint8Array) => {
    await writeFile(path.join(draft, 'blobs/sha256', sha256(content).slice('sha256:'.length)), content);
  };
  try {
    await mkdir(path.join(draft, 'blobs/sha256'), { recursive: true });
    await keep(EMPTY_BLOB);
    const listed: Descriptor[] = [];
    for (const digest of [reference.digest, ...bases]) {
      const annotations = digest === reference.digest ? { [REF_NAME]: nameOf(reference) } : undefined;
      listed.push(...(await exportOne(store, reference, digest, annotations, keep)));
    }
    await writeFile(path.join(draft, LAYOUT_FILE), LAYOUT);
    await writeFile(path.join(draft, INDEX_FILE), writeIndex(listed));
    await rename(draft, folder);
  } catch (cause) {
    if (VmgateError.is(cause)) throw cause;
    if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(errnoOf(cause) ?? ''))
      throw VmgateError.of(errors.REGISTRY_LAYOUT_TAKEN, { folder });
    throw VmgateError.of(errors.REGISTRY_STORE_FAILED, { file: folder, why: messageOf(cause) }, { cause });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

function nameOf(reference: Reference): string {
  return formatReference({ ...reference, digest: undefined });
}

async function exportOne(
  store: Store,
  reference: Reference,
  digest: string,
  annotations: Descriptor['annotations'],
  keep: (content: Uint8Array) => Promise<void>,
): Promise<readonly Descriptor[]> {
  const need = async (blob: string) => {
    const content = await store.read(blob, MAX_MANIFEST_BYTES);
    if (content !== undefined) return content;
    throw VmgateError.of(errors.REGISTRY_NOT_HERE, { reference: formatReference({ ...reference, digest }) });
  };
  const bytes = await need(digest);
  const { config, files } = readTemplateManifest(bytes, formatReference({ ...reference, digest }));
  await keep(bytes);
  for (const blob of [config.digest, ...files.map((file) => file.blob.digest)]) await keep(await need(blob));
  const own = { mediaType: MANIFEST_TYPE, digest, size: bytes.length };
  const listed: Descriptor[] = [
    { ...own, artifactType: TEMPLATE_TYPE, ...(annotations === undefined ? {} : { annotations }) },
  ];
  for (const armored of await cachedSignatures(store, digest)) {
    const signature = signatureArtifact(own, armored);
    await keep(signature.bytes);
    await keep(signature.content);
    listed.push(signature.descriptor);
  }
  return listed;
}

/**
 * Takes what a layout holds into the store, each blob measured and hashed. Nothing of it is trusted by that: signatures
 * are judged when it is used, as if it had come from its registry.
 *
 * @returns what it names
 * @throws REGISTRY_LAYOUT_INVALID, REGISTRY_DIGEST_MISMATCH, REGISTRY_MANIFEST_INVALID, REGISTRY_FILES_REFUSED,
 * REGISTRY_STORE_FAILED
 */
export async function importLayout(
  folder: string,
  storeFolder: string,
): Promise<readonly { readonly name: string; readonly digest: string }[]> {
  const store = new Store(storeFolder);
  const invalid = (why: string) => VmgateError.of(errors.REGISTRY_LAYOUT_INVALID, { folder, why });
  const read = async (name: string, most: number) => {
    try {
      return await readBounded(path.join(folder, name), most);
    } catch (cause) {
      throw invalid(errnoOf(cause) === 'ENOENT' ? `it has no ${name}` : `${name}: ${messageOf(cause)}`);
    }
  };
  const blobOf = async ({ digest, size }: Descriptor) => {
    const content = await read(`blobs/sha256/${digest.slice('sha256:'.length)}`, size);
    const actual = sha256(content);
    if (actual === digest) return content;
    throw VmgateError.of(errors.REGISTRY_DIGEST_MISMATCH, { what: digest, expected: digest, actual });
  };
  if (!layoutSchema.safeParse(parseJson((await read(LAYOUT_FILE, 1_024)).toString('utf8'))).success)
    throw invalid(`${LAYOUT_FILE} is of no version that is known`);
  const index = readIndex(await read(INDEX_FILE, MAX_MANIFEST_BYTES));
  if (!index.ok) throw invalid(`${INDEX_FILE}: ${index.why}`);
  const { manifests } = index.value;
  if (manifests.length > MAX_MANIFESTS) throw invalid(`it lists more than ${MAX_MANIFESTS} manifests`);
  const named: { name: string; digest: string }[] = [];
  for (const listed of manifests) {
    if (listed.size > MAX_MANIFEST_BYTES) throw invalid(`the manifest ${listed.digest} has ${listed.size} bytes`);
    const bytes = await blobOf(listed);
    if (await isSignatureTaken(store, bytes, blobOf)) continue;
    const name = listed.annotations?.[REF_NAME];
    const { config, files } = readTemplateManifest(bytes, name ?? listed.digest);
    for (const blob of [config, ...files.map((file) => file.blob)]) await store.keep(await blobOf(blob));
    await store.keep(bytes);
    if (name !== undefined) named.push({ name, digest: listed.digest });
  }
  if (named.length === 0) throw invalid('it names no template');
  return named;
}

async function isSignatureTaken(
  store: Store,
  bytes: Uint8Array,
  blobOf: (blob: Descriptor) => Promise<Buffer>,
): Promise<boolean> {
  const read = readManifest(bytes);
  const signature = read.ok ? signatureLayer(read.value) : undefined;
  if (signature === undefined) return false;
  const armored = (await blobOf(signature.layer)).toString('latin1');
  await cacheSignature(store, signature.subject, armored, 'candidate');
  return true;
}

/** A plain file, through no link, of no more than it is said to have. @throws Error */
async function readBounded(file: string, most: number): Promise<Buffer> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const info = await handle.stat();
    if (!info.isFile()) throw new Error('it is not a plain file');
    if (info.size > most) throw new Error(`it has ${info.size} bytes, and at most ${most} were said to come`);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(info.size), 0, info.size, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
