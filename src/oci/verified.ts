/**
 * One version of an artifact, from the store or from its registry, never unverified. The order is the point: the manifest,
 * then its signature, judged by what was here before, and only then anything that it names. A version that is here already is
 * read without a network.
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
import type { Place } from './artifact.ts';
import { errors } from './codes.ts';
import { MAX_MANIFEST_BYTES } from './manifest.ts';
import { Network, type NetworkOptions } from './network.ts';
import { fetchManifest } from './pull.ts';
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

/** What is under the signature of every artifact, whatever it is. */
export interface Placed {
  readonly place: Place;
  /** ISO 8601. */
  readonly created: string;
}

export interface Verified<M extends Placed> {
  readonly manifest: M;
  /** The reference as it was asked for, with the digest. */
  readonly pinned: Reference & { readonly digest: string };
  readonly repository: string;
  readonly signer: Signer;
  readonly store: Store;
  readonly network: Network;
}

/**
 * @param read judges the manifest, whole, before anything that it names is asked for
 * @param use what is done with it; the network ends with it
 * @throws what {@link fetchTemplate} does
 */
export async function fetchVerified<M extends Placed, T>(
  reference: string,
  trust: TrustPolicy,
  options: FetchOptions,
  read: (bytes: Uint8Array, shown: string) => M,
  use: (verified: Verified<M>) => Promise<T>,
): Promise<T> {
  const asked = requireVersion(reference);
  const store = new Store(options.store);
  const network = new Network(asked, options);
  try {
    const bytes = await manifestOf({ ...asked, digest: versionOf(asked, options) }, store, network);
    const pinned = { ...asked, digest: sha256(bytes) };
    const found = await signerOf(pinned, store, network, trust, options);
    const manifest = read(bytes, formatReference(pinned));
    const { created } = manifest;
    const repository = repositoryName(asked);
    requirePlace({ repository, tag: asked.tag }, manifest.place);
    if (options.locked !== undefined) refuseDowngrade(repository, { digest: pinned.digest, created }, options.locked);
    await store.keep(bytes);
    await cacheSignature(store, pinned.digest, found.armored);
    const signer = await signerAsLocked(pinned, created, found, store, trust, options);
    return await use({ manifest, pinned, repository, signer, store, network });
  } finally {
    network.close();
  }
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
  { locked, lock, sort }: FetchOptions,
): Promise<Signer> {
  if (locked?.digest !== pinned.digest) return found;
  const refuse = (key: string, says: string, is: string) => {
    const reference = formatReference({ ...pinned, digest: undefined });
    return VmgateError.of(errors.REGISTRY_LOCK_FALSE, { reference, key, locked: says, found: is, ...sorted(sort) });
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
function versionOf(asked: Reference, { locked, lock = 'keep', sort }: FetchOptions): string | undefined {
  if (lock === 'update' || (locked === undefined && lock === 'keep')) return asked.digest;
  if (locked !== undefined && (asked.digest === undefined || asked.digest === locked.digest)) return locked.digest;
  const { digest = 'not looked up', ...name } = asked;
  throw VmgateError.of(errors.REGISTRY_LOCK_DRIFT, {
    reference: formatReference({ ...name, digest: undefined }),
    locked: locked?.digest ?? 'nothing about it',
    found: digest,
    ...sorted(sort),
  });
}

export async function manifestOf(reference: Reference, store: Store, network: Network): Promise<Buffer> {
  const { digest } = reference;
  const kept = digest === undefined ? undefined : await store.read(digest, MAX_MANIFEST_BYTES);
  const bytes = kept ?? (await fetchManifest(network.client(), reference))?.bytes;
  if (bytes !== undefined) return bytes;
  throw VmgateError.of(errors.REGISTRY_NOT_FOUND, { reference: formatReference(reference) });
}

/** What an artifact is, for the words of an error. */
function sorted(sort: FetchOptions['sort']): Pick<FetchOptions, 'sort'> {
  return sort === undefined ? {} : { sort };
}

const AWAY: readonly string[] = [errors.REGISTRY_UNREACHABLE.code, errors.REGISTRY_NOT_HERE.code];

/** One that was good here before and still counts, else whatever the registry has. */
async function signerOf(
  pinned: Reference & { readonly digest: string },
  store: Store,
  network: Network,
  trust: TrustPolicy,
  { sort }: FetchOptions,
): Promise<Signer> {
  const claim = { repository: repositoryName(pinned), digest: pinned.digest, ...sorted(sort) };
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
