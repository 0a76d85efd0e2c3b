/** Bringing templates to registries, and signing what is there. */
import { VmgateError } from '../core/coded.ts';
import { fingerprint } from '../ssh/index.ts';
import { claimedSigner, requirePlace, requireSigned, type Signer, signedText } from '../trust/index.ts';
import { packTemplate, readTemplateManifest, type TemplateInfo } from './artifact.ts';
import type { ClientOptions, RegistryClient } from './client.ts';
import { errors } from './codes.ts';
import type { TemplateFile } from './files.ts';
import { readPlaced } from './image-artifact.ts';
import { MANIFEST_TYPE } from './manifest.ts';
import { Network } from './network.ts';
import { fetchManifest } from './pull.ts';
import { pushBlob, pushManifest } from './push.ts';
import { formatReference, parseReference, type Reference, repositoryName, requireVersion } from './reference.ts';
import { attachSignature } from './signatures.ts';

export interface PublishedTemplate {
  readonly reference: Reference & { readonly digest: string };
  /** ISO 8601. */
  readonly created: string;
  /** The registry had this very version under the tag; nothing was sent. */
  readonly isUnchanged: boolean;
}

/**
 * Sends a template to a tag; what the registry has already is not sent again. A version is never older than the one it
 * takes the place of, whatever this machine's clock says: that would be taken for a rollback.
 *
 * @throws REGISTRY_REFERENCE_INVALID, REGISTRY_FILES_REFUSED, and what the transfer throws
 */
export async function publishTemplate(
  reference: string,
  files: readonly TemplateFile[],
  about: TemplateInfo,
  options: ClientOptions & { readonly nowMs: number },
): Promise<PublishedTemplate> {
  const target = parseReference(reference);
  if (target.tag === undefined || target.digest !== undefined) {
    const why = 'what is pushed goes to a tag; its digest is not known before';
    throw VmgateError.of(errors.REGISTRY_REFERENCE_INVALID, { reference, why });
  }
  const place = { repository: repositoryName(target), tag: target.tag };
  const network = new Network(target, options);
  try {
    const before = await templateAt(network.client(), target);
    if (before !== undefined) {
      const same = packTemplate(files, about, place, before.created);
      if (same.digest === before.digest) {
        return { reference: { ...target, digest: same.digest }, created: before.created, isUnchanged: true };
      }
    }
    const earliestMs = before === undefined ? 0 : Date.parse(before.created) + 1_000;
    const created = new Date(Math.max(options.nowMs, earliestMs)).toISOString();
    const packed = packTemplate(files, about, place, created);
    for (const { descriptor, content } of packed.blobs.values()) await pushBlob(network.client(), descriptor, content);
    await pushManifest(network.client(), target.tag, packed.manifest);
    return { reference: { ...target, digest: packed.digest }, created, isUnchanged: false };
  } finally {
    network.close();
  }
}

/** Undefined: nothing there, or no template: it is overwritten like one. */
async function templateAt(
  client: RegistryClient,
  target: Reference,
): Promise<{ readonly digest: string; readonly created: string } | undefined> {
  const fetched = await fetchManifest(client, target);
  if (fetched === undefined) return undefined;
  try {
    return { digest: fetched.digest, created: readTemplateManifest(fetched.bytes, formatReference(target)).created };
  } catch (cause) {
    if (VmgateError.is(cause)) return undefined;
    throw cause;
  }
}

/**
 * Signs what the registry has under `reference` and puts the signature beside it. The digest is computed from the bytes
 * that came, and they are a template's or an image's.
 *
 * @param sign makes an armored signature of the text it is given
 * @throws TRUST_TEMPLATE_SIGNATURE_BAD for a signature that does not verify, and what the transfer throws
 */
export async function signArtifact(
  reference: string,
  sign: (text: string) => Promise<string>,
  options: ClientOptions,
): Promise<{ readonly reference: Reference; readonly signer: Signer; readonly isNew: boolean }> {
  const asked = requireVersion(reference);
  const network = new Network(asked, options);
  try {
    const fetched = await fetchManifest(network.client(), asked);
    if (fetched === undefined) throw VmgateError.of(errors.REGISTRY_NOT_FOUND, { reference: formatReference(asked) });
    const { bytes, digest } = fetched;
    const pinned = { ...asked, digest };
    const { place } = readPlaced(bytes, formatReference(pinned));
    const repository = repositoryName(asked);
    requirePlace({ repository, tag: asked.tag }, place);
    const armored = await sign(signedText(digest));
    const expected = signerPrint(armored);
    const signer = requireSigned({ repository, digest }, [armored], { signers: [], ...expected });
    const manifest = { mediaType: MANIFEST_TYPE, digest, size: bytes.length };
    return { reference: pinned, signer, isNew: await attachSignature(network.client(), pinned, manifest, armored) };
  } finally {
    network.close();
  }
}

function signerPrint(armored: string): { readonly expected?: string } {
  const key = claimedSigner(armored);
  return key === undefined ? {} : { expected: fingerprint(key.blob) };
}
