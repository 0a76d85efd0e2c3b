/**
 * A VM's image as an OCI artifact: its own description as the config, and its parts as layers. A part that is large is cut
 * into pieces of one size, so that what two versions have in common is sent, kept and fetched once.
 */
import { VmgateError } from '../core/coded.ts';
import { placeOf, REPOSITORY, readTemplateManifest, TAG } from './artifact.ts';
import { errors } from './codes.ts';
import { CREATED, type Descriptor, readManifest, TITLE, writeManifest } from './manifest.ts';
import type { Placed } from './verified.ts';

export const IMAGE_TYPE = 'application/vnd.vmgate.image.v1+json';
const PIECE_TYPE = 'application/vnd.vmgate.image.piece.v1';
/** What the config is: the image's own manifest, or what there is to say about a disk. */
const CONFIG_TYPES = {
  boot: 'application/vnd.vmgate.image.boot.v1+json',
  disk: 'application/vnd.vmgate.image.disk.v1+json',
} as const;
export type ImageSort = keyof typeof CONFIG_TYPES;

/** Small enough that a changed block costs little, large enough that a disk of 100 GiB stays within a manifest's 4 MiB. */
export const PIECE_BYTES = 33_554_432;
const MAX_CONFIG = 1_048_576;
const MAX_BYTES = 137_438_953_472;
/** `kernel`, `base.cpio`, `disk.qcow2`: a plain name, for it becomes a file's. */
const PART = /^[a-z][a-z0-9.-]{0,63}$/;

export interface ImagePiece {
  readonly part: string;
  readonly blob: Descriptor;
}

export interface ImageArtifact extends Placed {
  readonly sort: ImageSort;
  readonly config: Descriptor;
  /** Pieces of one part stand together, in the order of its bytes. */
  readonly pieces: readonly ImagePiece[];
}

/** The same pieces, config, place and time are the same bytes. */
export function packImage({
  sort,
  config,
  pieces,
  place,
  created,
}: Omit<ImageArtifact, 'config'> & {
  readonly config: Omit<Descriptor, 'mediaType'>;
}): Buffer {
  return writeManifest({
    artifactType: IMAGE_TYPE,
    config: { mediaType: CONFIG_TYPES[sort], digest: config.digest, size: config.size },
    layers: pieces.map(({ part, blob: { digest, size } }) => {
      return { mediaType: PIECE_TYPE, digest, size, annotations: { [TITLE]: part } };
    }),
    annotations: { [CREATED]: created, [REPOSITORY]: place.repository, [TAG]: place.tag },
  });
}

/** Types, names and sizes, before a byte of a part is asked for. @throws REGISTRY_MANIFEST_INVALID, REGISTRY_TOO_LARGE */
export function readImageArtifact(bytes: Uint8Array, reference: string): ImageArtifact {
  const invalid = (why: string) => VmgateError.of(errors.REGISTRY_MANIFEST_INVALID, { reference, why, sort: 'image' });
  const read = readManifest(bytes);
  if (!read.ok) throw invalid(read.why);
  const { artifactType, config, layers, annotations = {} } = read.value;
  if (artifactType !== IMAGE_TYPE) throw invalid(`its type is ${artifactType ?? config.mediaType}, not ${IMAGE_TYPE}`);
  const sort = (Object.keys(CONFIG_TYPES) as ImageSort[]).find((each) => CONFIG_TYPES[each] === config.mediaType);
  if (sort === undefined) throw invalid(`its config is ${config.mediaType}`);
  if (config.size > MAX_CONFIG) throw invalid(`its config has ${config.size} bytes`);
  const pieces = layers.map((layer) => pieceOf(layer, invalid));
  const all = pieces.reduce((sum, { blob }) => sum + blob.size, 0);
  if (all > MAX_BYTES) {
    throw VmgateError.of(errors.REGISTRY_TOO_LARGE, { what: reference, bytes: all, most: MAX_BYTES });
  }
  const parts = pieces.map(({ part }) => part);
  const isTorn = parts.some((part, at) => part !== parts[at - 1] && parts.indexOf(part) < at);
  if (isTorn || pieces.length === 0) throw invalid('its pieces are not in order');
  return { sort, config, pieces, ...placeOf(annotations, invalid) };
}

function pieceOf(layer: Descriptor, invalid: (why: string) => VmgateError): ImagePiece {
  const part = layer.annotations?.[TITLE];
  if (layer.mediaType !== PIECE_TYPE)
    throw invalid(`the layer ${layer.digest} is ${layer.mediaType}, not ${PIECE_TYPE}`);
  if (part === undefined || !PART.test(part))
    throw invalid(`the layer ${layer.digest} has no name that a part may have`);
  if (layer.size > PIECE_BYTES) throw invalid(`the layer ${layer.digest} has ${layer.size} bytes`);
  return { part, blob: layer };
}

/** Where and when any artifact that can be signed was made. @throws what reading it as what it is throws */
export function readPlaced(bytes: Uint8Array, reference: string): Placed {
  const read = readManifest(bytes);
  const isImage = read.ok && read.value.artifactType === IMAGE_TYPE;
  return isImage ? readImageArtifact(bytes, reference) : readTemplateManifest(bytes, reference);
}
