/**
 * Taking templates from registries. The order is the point: the manifest, then its signature, judged by what was here
 * before, and only then the files. A version that is here already is read without a network.
 */
import { VmgateError } from '../core/coded.ts';
import { sha256 } from '../host/index.ts';
import {
  judgeSignatures,
  refuseDowngrade,
  requirePlace,
  requireSigned,
  type Signer,
  type Taken,
  type TrustPolicy,
} from '../trust/index.ts';
import { readInfo, readTemplateManifest, type TemplateInfo, type TemplateManifest } from './artifact.ts';
import { errors } from './codes.ts';
import { MAX_FILE_BYTES, type TemplateFile } from './files.ts';
import { type Descriptor, MAX_MANIFEST_BYTES } from './manifest.ts';
import { Network, type NetworkOptions } from './network.ts';
import { fetchBlob, fetchManifest } from './pull.ts';
import { formatReference, type Reference, repositoryName, requireVersion } from './reference.ts';
import { cachedSignatures, cacheSignature, fetchSignatures } from './signatures.ts';
import { Store } from './store.ts';

export interface FetchOptions extends NetworkOptions {
  /** `templates/` of the home folder. */
  readonly store: string;
  /** What vmgate.lock says about this reference. */
  readonly locked?: Taken & { readonly signer?: string };
  /**
   * `keep`, unless said: the locked version, whatever the tag names now; where nothing is locked, what the tag names.
   * `update`: what the tag names now, unless it is older. `require`: the locked version, and nothing where none is.
   */
  readonly lock?: 'keep' | 'update' | 'require';
}

export interface FetchedTemplate {
  /** The reference as it was asked for, with the digest. */
  readonly reference: Reference;
  readonly repository: string;
  readonly digest: string;
  /** ISO 8601; under the signature. */
  readonly created: string;
  readonly info: TemplateInfo;
  readonly signer: Signer;
  readonly files: readonly TemplateFile[];
  /** No byte came over the network. */
  readonly isCached: boolean;
}

/**
 * A template's files, from the store or from its registry, never unverified: a signature that counts by `trust` is
 * required, over the digest that the bytes have. Where the digest is known (in `reference`, or locked) and everything is in
 * the store, nothing is sent.
 *
 * Nothing is written but the store: what to do with the files is the caller's.
 *
 * @param reference `HOST[:PORT]/REPOSITORY[:TAG][@sha256:DIGEST]`, with a tag or a digest
 * @param trust whose signatures count; it must not come from the registry, nor with the template
 * @throws REGISTRY_REFERENCE_INVALID; TRUST_TEMPLATE_UNSIGNED, TRUST_TEMPLATE_SIGNATURE_BAD, TRUST_SIGNER_NOT_ALLOWED,
 * TRUST_TEMPLATE_DOWNGRADE, TRUST_OTHER_PLACE; REGISTRY_LOCK_DRIFT, REGISTRY_LOCK_FALSE; REGISTRY_NOT_FOUND, REGISTRY_MANIFEST_INVALID,
 * REGISTRY_FILES_REFUSED and what the transfer throws
 */
export async function fetchTemplate(
  reference: string,
  trust: TrustPolicy,
  options: FetchOptions,
): Promise<FetchedTemplate> {
  const asked = requireVersion(reference);
  const store = new Store(options.store);
  const network = new Network(asked, options);
  try {
    const bytes = await manifestOf({ ...asked, digest: versionOf(asked, options) }, store, network);
    const pinned = { ...asked, digest: sha256(bytes) };
    const shown = formatReference(pinned);
    const found = await signerOf(pinned, store, network, trust);
    const manifest = readTemplateManifest(bytes, shown);
    const { created } = manifest;
    const repository = repositoryName(asked);
    requirePlace({ repository, tag: asked.tag }, manifest.place);
    if (options.locked !== undefined) refuseDowngrade(repository, { digest: pinned.digest, created }, options.locked);
    await store.keep(bytes);
    await cacheSignature(store, pinned.digest, found.armored);
    const signer = await signerAsLocked(pinned, created, found, store, trust, options);
    const info = readInfo(await contentOf(manifest.config, store, network), shown);
    const files = await filesOf(manifest, store, network);
    const isCached = !network.isUsed;
    return { reference: pinned, repository, digest: pinned.digest, created, info, signer, files, isCached };
  } finally {
    network.close();
  }
}

/**
 * The files of a version that something trusted names by its digest: a signed template that extends it. They need no
 * signature of their own.
 *
 * @throws what {@link fetchTemplate} does, but what is about signatures and the lock
 */
export async function fetchPinned(
  reference: Reference & { readonly digest: string },
  options: NetworkOptions & { readonly store: string },
): Promise<readonly TemplateFile[]> {
  const store = new Store(options.store);
  const network = new Network(reference, options);
  try {
    const bytes = await manifestOf(reference, store, network);
    const manifest = readTemplateManifest(bytes, formatReference(reference));
    await store.keep(bytes);
    // Whole, so that it can be handed on.
    await contentOf(manifest.config, store, network);
    return await filesOf(manifest, store, network);
  } finally {
    network.close();
  }
}

async function filesOf({ files }: TemplateManifest, store: Store, network: Network): Promise<readonly TemplateFile[]> {
  const read: TemplateFile[] = [];
  for (const { path, executable, blob } of files) {
    read.push({ path, executable, content: await contentOf(blob, store, network) });
  }
  return read;
}

/**
 * What vmgate.lock says about the version that was found is true, or somebody wrote it by hand. `found` stands where
 * the lock says nothing about it; a version that is signed by several is as locked as by the one the lock names.
 *
 * @throws REGISTRY_LOCK_FALSE
 */
async function signerAsLocked(
  pinned: Reference & { readonly digest: string },
  created: string,
  found: Signer,
  store: Store,
  { signers, expected }: TrustPolicy,
  { locked, lock }: FetchOptions,
): Promise<Signer> {
  if (locked?.digest !== pinned.digest) return found;
  const refuse = (key: string, says: string, is: string) => {
    const reference = formatReference({ ...pinned, digest: undefined });
    return VmgateError.of(errors.REGISTRY_LOCK_FALSE, { reference, key, locked: says, found: is });
  };
  if (locked.created !== created) throw refuse('created', locked.created, created);
  const { signer } = locked;
  if (signer === undefined || signer === found.fingerprint) return found;
  const only = { signers: signers.filter((each) => each.fingerprint === signer) };
  const policy = expected === signer ? { ...only, expected } : only;
  const claim = { repository: repositoryName(pinned), digest: pinned.digest };
  const judged = judgeSignatures(claim, await cachedSignatures(store, pinned.digest), policy);
  if (judged.ok) return judged.signer;
  if (lock === 'require') throw refuse('signer', signer, found.fingerprint);
  return found;
}

/** The digest to take, undefined where the tag decides. @throws REGISTRY_LOCK_DRIFT */
function versionOf(asked: Reference, { locked, lock = 'keep' }: FetchOptions): string | undefined {
  if (lock === 'update' || (locked === undefined && lock === 'keep')) return asked.digest;
  if (locked !== undefined && (asked.digest === undefined || asked.digest === locked.digest)) return locked.digest;
  const { digest = 'not looked up', ...name } = asked;
  throw VmgateError.of(errors.REGISTRY_LOCK_DRIFT, {
    reference: formatReference({ ...name, digest: undefined }),
    locked: locked?.digest ?? 'nothing about it',
    found: digest,
  });
}

async function manifestOf(reference: Reference, store: Store, network: Network): Promise<Buffer> {
  const { digest } = reference;
  const kept = digest === undefined ? undefined : await store.read(digest, MAX_MANIFEST_BYTES);
  const bytes = kept ?? (await fetchManifest(network.client(), reference))?.bytes;
  if (bytes !== undefined) return bytes;
  throw VmgateError.of(errors.REGISTRY_NOT_FOUND, { reference: formatReference(reference) });
}

const AWAY: readonly string[] = [errors.REGISTRY_UNREACHABLE.code, errors.REGISTRY_NOT_HERE.code];

/** One that was good here before and still counts, else whatever the registry has. */
async function signerOf(
  pinned: Reference & { readonly digest: string },
  store: Store,
  network: Network,
  trust: TrustPolicy,
): Promise<Signer> {
  const claim = { repository: repositoryName(pinned), digest: pinned.digest };
  const kept = await cachedSignatures(store, pinned.digest);
  const judged = judgeSignatures(claim, kept, trust);
  if (judged.ok) return judged.signer;
  try {
    return requireSigned(claim, await fetchSignatures(network.client(), store, pinned), trust);
  } catch (cause) {
    // Off the network, what is known is said: a signer who is trusted no more, rather than a registry that is away.
    const isAway = VmgateError.is(cause) && AWAY.includes(cause.code);
    if (isAway && kept.length > 0) return requireSigned(claim, kept, trust);
    throw cause;
  }
}

async function contentOf(blob: Descriptor, store: Store, network: Network): Promise<Buffer> {
  const kept = await store.read(blob.digest, MAX_FILE_BYTES);
  if (kept?.length === blob.size) return kept;
  await fetchBlob(network.client(), store, blob);
  const fetched = await store.read(blob.digest, MAX_FILE_BYTES);
  if (fetched !== undefined) return fetched;
  throw VmgateError.of(errors.REGISTRY_STORE_FAILED, {
    file: store.fileOf(blob.digest),
    why: 'it is not what was written',
  });
}
