/**
 * Signatures beside an artifact: each is an artifact of its own whose `subject` is the signed manifest. A registry lists
 * them by the referrers API, and where it has none (docker-registry 2.8) by an index under the tag `sha256-HEX` that the
 * clients keep themselves: OCI distribution specification, "Listing Referrers" and "Referrers Tag Schema". Whatever is
 * listed is only a candidate; whether it counts is src/trust's to say.
 */
import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { readPrivateFile, writeFileAtomic } from '../home/index.ts';
import { messageOf, sha256 } from '../host/index.ts';
import { MAX_SIGNATURES } from '../trust/index.ts';
import type { RegistryClient } from './client.ts';
import { errors } from './codes.ts';
import {
  type Descriptor,
  EMPTY_BLOB,
  EMPTY_CONFIG,
  INDEX_TYPE,
  MANIFEST_TYPE,
  MAX_MANIFEST_BYTES,
  type Manifest,
  readIndex,
  readManifest,
  TITLE,
  writeIndex,
  writeManifest,
} from './manifest.ts';
import { fetchBlob, fetchManifest } from './pull.ts';
import { pushBlob, pushManifest } from './push.ts';
import type { Reference } from './reference.ts';
import type { Store } from './store.ts';
import { BrokenLine, discard, readBody } from './wire.ts';

const SIGNATURE_TYPE = 'application/vnd.vmgate.signature.v1+json';
const SSHSIG_TYPE = 'application/vnd.vmgate.sshsig.v1';
const TITLE_OF_SIGNATURE = 'template.sig';
/** Characters of an armored signature; src/trust reads no longer one. */
const MAX_ARMORED = 16_384;
const MAX_SIGNATURE_MANIFEST = 65_536;
/** Somebody else may write the index at the same time. */
const ATTEMPTS = 5;

/** Candidates from the registry, kept in the store from then on. @throws what the client throws */
export async function fetchSignatures(
  client: RegistryClient,
  store: Store,
  subject: Reference,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { descriptor } of await referrersOf(client, subject)) {
    if (descriptor.artifactType !== SIGNATURE_TYPE || found.length >= MAX_SIGNATURES) continue;
    const armored = await fetchSignature(client, store, subject, descriptor);
    if (armored !== undefined) found.push(armored);
  }
  return found;
}

/** Undefined: not shaped as a signature is. Garbage beside a good one must not hide it, so it is passed over. */
async function fetchSignature(
  client: RegistryClient,
  store: Store,
  subject: Reference,
  descriptor: Descriptor,
): Promise<string | undefined> {
  if (descriptor.size > MAX_SIGNATURE_MANIFEST) return undefined;
  const fetched = await fetchManifest(client, { ...subject, tag: undefined, digest: descriptor.digest });
  const read = fetched === undefined ? undefined : readManifest(fetched.bytes);
  const found = read?.ok === true ? signatureLayer(read.value) : undefined;
  if (found === undefined || found.subject !== subject.digest) return undefined;
  const { layer } = found;
  if ((await store.read(layer.digest, MAX_ARMORED)) === undefined) await fetchBlob(client, store, layer);
  return (await store.read(layer.digest, MAX_ARMORED))?.toString('latin1');
}

export interface SignatureArtifact {
  readonly descriptor: Descriptor;
  /** Of its manifest. */
  readonly bytes: Buffer;
  readonly layer: Descriptor;
  readonly content: Buffer;
}

/** A signature as an artifact of its own; the same one is the same bytes wherever it is made. */
export function signatureArtifact(subject: Descriptor, armored: string): SignatureArtifact {
  const content = Buffer.from(armored, 'latin1');
  const annotations = { [TITLE]: TITLE_OF_SIGNATURE };
  const layer = { mediaType: SSHSIG_TYPE, digest: sha256(content), size: content.length, annotations };
  const bytes = writeManifest({ artifactType: SIGNATURE_TYPE, config: EMPTY_CONFIG, layers: [layer], subject });
  const own = { mediaType: MANIFEST_TYPE, digest: sha256(bytes), size: bytes.length, artifactType: SIGNATURE_TYPE };
  return { descriptor: own, bytes, layer, content };
}

/** The layer that holds a signature of `subject`; undefined where the manifest is not shaped as a signature's. */
export function signatureLayer(
  manifest: Manifest,
): { readonly subject: string; readonly layer: Descriptor } | undefined {
  const { artifactType, subject, layers } = manifest;
  const [layer, ...more] = layers;
  const isOne = layer?.mediaType === SSHSIG_TYPE && more.length === 0 && layer.size <= MAX_ARMORED;
  return artifactType === SIGNATURE_TYPE && subject !== undefined && isOne
    ? { subject: subject.digest, layer }
    : undefined;
}

/** Sends a signature and lists it. False: this very one is there already. @throws what the client throws */
export async function attachSignature(
  client: RegistryClient,
  subject: Reference,
  manifest: Descriptor,
  armored: string,
): Promise<boolean> {
  const { descriptor: own, bytes, layer, content } = signatureArtifact(manifest, armored);
  const { digest } = own;
  if ((await referrersOf(client, subject)).some(({ descriptor }) => descriptor.digest === digest)) return false;
  await pushBlob(client, EMPTY_CONFIG, EMPTY_BLOB);
  await pushBlob(client, layer, content);
  await pushManifest(client, digest, bytes);
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const listed = await referrersOf(client, subject);
    if (listed.some(({ descriptor }) => descriptor.digest === digest)) return true;
    const tagged = listed.filter(({ by }) => by === 'tag').map(({ descriptor }) => descriptor);
    await pushManifest(client, fallbackTag(subject), writeIndex([...tagged, own]), INDEX_TYPE);
  }
  throw client.unexpected('listing the signature', 'others write the list at the same time; try again');
}

interface Referrer {
  readonly descriptor: Descriptor;
  readonly by: 'api' | 'tag';
}

/** Both ways are asked: a registry that learnt the API yesterday has older signatures under the tag alone. */
async function referrersOf(client: RegistryClient, subject: Reference): Promise<readonly Referrer[]> {
  const [byApi, byTag] = [await askApi(client, subject), await askTag(client, subject)];
  return [
    ...byApi.map((descriptor) => ({ descriptor, by: 'api' as const })),
    ...byTag.map((descriptor) => ({ descriptor, by: 'tag' as const })),
  ];
}

async function askApi(client: RegistryClient, { digest }: Reference): Promise<readonly Descriptor[]> {
  const answer = await client.ask({
    method: 'GET',
    to: `referrers/${digest ?? ''}`,
    headers: { accept: INDEX_TYPE },
    right: 'pull',
    again: true,
    doing: 'looking for signatures',
  });
  const isIndex = answer.status === 200 && (answer.headers['content-type'] ?? '').startsWith(INDEX_TYPE);
  if (!isIndex) {
    discard(answer);
    return [];
  }
  const bytes = await readBody(answer, MAX_MANIFEST_BYTES, 'the list of signatures').catch((cause: unknown) => {
    throw cause instanceof BrokenLine ? client.unreachable(cause) : cause;
  });
  const read = readIndex(bytes);
  return read.ok ? read.value.manifests : [];
}

async function askTag(client: RegistryClient, subject: Reference): Promise<readonly Descriptor[]> {
  const fetched = await fetchManifest(client, { ...subject, tag: fallbackTag(subject), digest: undefined });
  if (fetched === undefined) return [];
  const read = readIndex(fetched.bytes);
  return read.ok ? read.value.manifests : [];
}

function fallbackTag({ digest }: Reference): string {
  return (digest ?? '').replace(':', '-');
}

/**
 * What is kept of a signature: one that counted, or one that came along in a folder and was judged by nobody. They have names
 * of their own, so that whoever fills a folder with the latter hides none of the former.
 */
const KEPT_AS = { counted: '.sig', candidate: '.candidate' } as const;

/** Those that were good here before first, for when there is no network. */
export async function cachedSignatures(store: Store, digest: string): Promise<readonly string[]> {
  const folder = store.signatures(digest);
  const there = (await readdir(folder).catch(() => [])).sort();
  const names = [KEPT_AS.counted, KEPT_AS.candidate].flatMap((ending) =>
    there.filter((name) => name.endsWith(ending) && /^[0-9a-f]{64}\.[a-z]+$/.test(name)),
  );
  const read = await Promise.all(
    names.slice(0, MAX_SIGNATURES).map((name) => readPrivateFile(path.join(folder, name), MAX_ARMORED)),
  );
  return read.flatMap((each) => (each.state === 'read' ? [each.content.toString('latin1')] : []));
}

/** @throws REGISTRY_STORE_FAILED */
export async function cacheSignature(
  store: Store,
  digest: string,
  armored: string,
  as: keyof typeof KEPT_AS = 'counted',
): Promise<void> {
  const file = path.join(store.signatures(digest), `${sha256(armored).slice('sha256:'.length)}${KEPT_AS[as]}`);
  try {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    await writeFileAtomic(file, armored);
  } catch (cause) {
    throw VmgateError.of(errors.REGISTRY_STORE_FAILED, { file, why: messageOf(cause) }, { cause });
  }
}
