/** What is here of an image that was taken before, judged anew and without a network. */
import type { TrustPolicy } from '../trust/index.ts';
import { configOf, type FetchedImage } from './image.ts';
import { readImageArtifact } from './image-artifact.ts';
import { type FetchOptions, fetchVerified } from './verified.ts';

export type KeptImage = Omit<FetchedImage, 'parts' | 'isCached'>;

/**
 * Manifest, signature, lock and config, as {@link fetchImage} judges them; the pieces are not looked at. Nothing is sent.
 *
 * @throws what fetchTemplate throws; REGISTRY_NOT_HERE
 */
export async function keptImage(
  reference: string,
  trust: TrustPolicy,
  options: Omit<FetchOptions, 'isOffline'>,
): Promise<KeptImage> {
  const offline = { ...options, isOffline: true, sort: 'image' } as const;
  return fetchVerified(reference, trust, offline, readImageArtifact, async (verified) => {
    const { manifest, pinned, repository, signer } = verified;
    const { sort, created } = manifest;
    return { reference: pinned, repository, sort, created, signer, config: await configOf(manifest.config, verified) };
  });
}
