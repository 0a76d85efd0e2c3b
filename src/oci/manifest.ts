/** Manifests and indexes of the OCI image specification, as far as vmgate reads and writes them. */
import * as z from 'zod';
import { complaintOf, parseJson } from '../host/index.ts';
import { DIGEST } from './reference.ts';

export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
export const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';
const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json';

/** The bytes `{}`: what a config is where there is nothing to say. */
export const EMPTY_BLOB = Buffer.from('{}');
export const EMPTY_CONFIG: Descriptor = {
  mediaType: EMPTY_TYPE,
  digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
  size: EMPTY_BLOB.length,
};

/** The file name that `oras pull` gives a layer; and whether vmgate makes it executable. */
export const TITLE = 'org.opencontainers.image.title';
/** The name that a layout on a disk gives a manifest. */
export const REF_NAME = 'org.opencontainers.image.ref.name';
export const CREATED = 'org.opencontainers.image.created';

/** The specification has registries take at least this much; nobody sends more. */
export const MAX_MANIFEST_BYTES = 4_194_304;
/** What 4 MiB can name; a template has fewer (see files.ts). */
const MAX_LAYERS = 8_192;
const MAX_REFERRERS = 1_024;

/** RFC 6838 section 4.2. */
const mediaType = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/);
const annotations = z.record(z.string().max(256), z.string().max(4_096));

/** Unknown members are other people's business, so the objects are not strict; what is read of them is. */
const descriptor = z.object({
  mediaType,
  digest: z.string().regex(DIGEST, 'is no sha256 digest'),
  size: z.int().nonnegative(),
  annotations: annotations.optional(),
  artifactType: mediaType.optional(),
});
const manifest = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.literal(MANIFEST_TYPE),
  artifactType: mediaType.optional(),
  config: descriptor,
  layers: z.array(descriptor).max(MAX_LAYERS),
  subject: descriptor.optional(),
  annotations: annotations.optional(),
});
const index = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.literal(INDEX_TYPE).optional(),
  manifests: z.array(descriptor).max(MAX_REFERRERS),
});

/** Kept as the schema has it: what is written again must be what was read. */
export type Descriptor = Readonly<z.infer<typeof descriptor>>;
export type Manifest = Readonly<z.infer<typeof manifest>>;
export type Index = Readonly<z.infer<typeof index>>;

export type Reading<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string };

export function readManifest(bytes: Uint8Array): Reading<Manifest> {
  return reading(manifest, bytes);
}

export function readIndex(bytes: Uint8Array): Reading<Index> {
  return reading(index, bytes);
}

function reading<T>(schema: z.ZodType<T>, bytes: Uint8Array): Reading<T> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { ok: false, why: 'it is not UTF-8' };
  }
  const value = parseJson(text);
  if (value === undefined) return { ok: false, why: 'it is not JSON' };
  const read = schema.safeParse(value);
  return read.success ? { ok: true, value: read.data } : { ok: false, why: complaintOf(read.error) };
}

/** Members in the specification's order, no white space: equal manifests are equal bytes. */
export function writeManifest(value: Omit<Manifest, 'schemaVersion' | 'mediaType'>): Buffer {
  const { artifactType, config, layers, subject, annotations: notes } = value;
  return json({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    artifactType,
    config,
    layers,
    subject,
    annotations: notes,
  });
}

export function writeIndex(manifests: readonly Descriptor[]): Buffer {
  return json({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests });
}

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}
