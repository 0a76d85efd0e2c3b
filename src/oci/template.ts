/** Taking templates from registries. */
import { VmgateError } from '../core/coded.ts';
import type { Signer, TrustPolicy } from '../trust/index.ts';
import { readInfo, readTemplateManifest, type TemplateInfo, type TemplateManifest } from './artifact.ts';
import { errors } from './codes.ts';
import { MAX_FILE_BYTES, type TemplateFile } from './files.ts';
import type { Descriptor } from './manifest.ts';
import { Network, type NetworkOptions } from './network.ts';
import { fetchBlob } from './pull.ts';
import { formatReference, type Reference } from './reference.ts';
import { Store } from './store.ts';
import { type FetchOptions, fetchVerified, manifestOf } from './verified.ts';

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
  return fetchVerified(reference, trust, options, readTemplateManifest, async (verified) => {
    const { manifest, pinned, repository, signer, store, network } = verified;
    const info = readInfo(await contentOf(manifest.config, store, network), formatReference(pinned));
    const files = await filesOf(manifest, store, network);
    const { digest } = pinned;
    const isCached = !network.isUsed;
    return { reference: pinned, repository, digest, created: manifest.created, info, signer, files, isCached };
  });
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
