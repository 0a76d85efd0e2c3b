/** A template as an OCI artifact: one layer a file, named by its title, so that `oras pull` gives the same files. */
import * as z from 'zod';
import { VmgateError } from '../core/coded.ts';
import { complaintOf, parseJson, sha256 } from '../host/index.ts';
import { errors } from './codes.ts';
import { requireFiles, TEMPLATE_FILE, type TemplateFile } from './files.ts';
import { CREATED, type Descriptor, type Manifest, readManifest, TITLE, writeManifest } from './manifest.ts';

export const TEMPLATE_TYPE = 'application/vnd.vmgate.template.v1+json';
const CONFIG_TYPE = 'application/vnd.vmgate.template.config.v1+json';
const YAML_TYPE = 'application/vnd.vmgate.template.v1+yaml';
const FILE_TYPE = 'application/vnd.vmgate.provision.v1';
/** Where the template belongs, under its signature: a signed one cannot be shown at another place, or as another version. */
export const REPOSITORY = 'dev.vmgate.repository';
export const TAG = 'dev.vmgate.tag';
const EXECUTABLE = 'dev.vmgate.executable';

const MAX_CONFIG = 65_536;

/** What is said about a template beside its files; the format room knows what else it means. */
const info = z.strictObject({
  version: z.literal(1),
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/),
  /** The oldest vmgate that understands it. */
  minimumVmgateVersion: z
    .string()
    .regex(/^\d{1,5}\.\d{1,5}\.\d{1,5}$/)
    .optional(),
});
export type TemplateInfo = Readonly<z.infer<typeof info>>;

export interface PackedTemplate {
  readonly manifest: Buffer;
  readonly digest: string;
  readonly config: Descriptor;
  /** Every blob that the manifest names, by digest. */
  readonly blobs: ReadonlyMap<string, { readonly descriptor: Descriptor; readonly content: Uint8Array }>;
}

export interface Place {
  /** `registry.example.com/team/dev`. */
  readonly repository: string;
  readonly tag: string;
}

/** The same files, info, place and time are the same bytes. @throws REGISTRY_FILES_REFUSED */
export function packTemplate(
  files: readonly TemplateFile[],
  about: TemplateInfo,
  { repository, tag }: Place,
  created: string,
): PackedTemplate {
  requireFiles(files.map(({ path, content }) => ({ path, bytes: content.length })));
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const configBytes = Buffer.from(JSON.stringify(about));
  const config = { mediaType: CONFIG_TYPE, digest: sha256(configBytes), size: configBytes.length };
  const layers = sorted.map(({ path, executable, content }) => ({
    mediaType: path === TEMPLATE_FILE ? YAML_TYPE : FILE_TYPE,
    digest: sha256(content),
    size: content.length,
    annotations: { [TITLE]: path, ...(executable ? { [EXECUTABLE]: 'true' } : {}) },
  }));
  const manifest = writeManifest({
    artifactType: TEMPLATE_TYPE,
    config,
    layers,
    annotations: { [CREATED]: created, [REPOSITORY]: repository, [TAG]: tag },
  });
  const blobs = new Map([[config.digest, { descriptor: config as Descriptor, content: configBytes as Uint8Array }]]);
  for (const [index, descriptor] of layers.entries()) {
    const content = sorted[index]?.content;
    if (content !== undefined) blobs.set(descriptor.digest, { descriptor, content });
  }
  return { manifest, digest: sha256(manifest), config, blobs };
}

export interface TemplateManifest {
  readonly config: Descriptor;
  readonly files: readonly { readonly path: string; readonly executable: boolean; readonly blob: Descriptor }[];
  /** As whoever pushed it said. */
  readonly place: Place;
  /** ISO 8601. */
  readonly created: string;
}

/**
 * Reads a manifest as a template's. Everything that can be judged without a file is: types, names, sizes.
 *
 * @throws REGISTRY_MANIFEST_INVALID, REGISTRY_FILES_REFUSED
 */
export function readTemplateManifest(bytes: Uint8Array, reference: string): TemplateManifest {
  const invalid = (why: string) => VmgateError.of(errors.REGISTRY_MANIFEST_INVALID, { reference, why });
  const read = readManifest(bytes);
  if (!read.ok) throw invalid(read.why);
  const { artifactType, config, layers, annotations = {} } = read.value;
  if (artifactType !== TEMPLATE_TYPE)
    throw invalid(`its type is ${artifactType ?? config.mediaType}, not ${TEMPLATE_TYPE}`);
  if (config.mediaType !== CONFIG_TYPE) throw invalid(`its config is ${config.mediaType}, not ${CONFIG_TYPE}`);
  if (config.size > MAX_CONFIG) throw invalid(`its config has ${config.size} bytes`);
  const files = layers.map((layer) => fileOf(layer, invalid));
  requireFiles(files.map(({ path, blob }) => ({ path, bytes: blob.size })));
  return { config, files, ...placeOf(annotations, invalid) };
}

/** Where and when an artifact was made, as its signer says. */
export function placeOf(
  annotations: Readonly<Record<string, string>>,
  invalid: (why: string) => VmgateError,
): { readonly place: Place; readonly created: string } {
  const { [REPOSITORY]: repository, [TAG]: tag, [CREATED]: created } = annotations;
  if (repository === undefined || tag === undefined) throw invalid('it does not say which place it was made for');
  if (created === undefined || !z.iso.datetime().safeParse(created).success)
    throw invalid('it does not say when it was made');
  return { place: { repository, tag }, created };
}

function fileOf(
  layer: Manifest['layers'][number],
  invalid: (why: string) => VmgateError,
): TemplateManifest['files'][number] {
  const { [TITLE]: path, [EXECUTABLE]: executable } = layer.annotations ?? {};
  if (path === undefined) throw invalid(`the layer ${layer.digest} has no title`);
  const type = path === TEMPLATE_FILE ? YAML_TYPE : FILE_TYPE;
  if (layer.mediaType !== type) throw invalid(`the layer ${JSON.stringify(path)} is ${layer.mediaType}, not ${type}`);
  return { path, executable: executable === 'true', blob: layer };
}

/** @throws REGISTRY_MANIFEST_INVALID */
export function readInfo(bytes: Uint8Array, reference: string): TemplateInfo {
  const read = info.safeParse(parseJson(Buffer.from(bytes).toString('utf8')));
  if (read.success) return read.data;
  const why = `its config: ${complaintOf(read.error)}`;
  throw VmgateError.of(errors.REGISTRY_MANIFEST_INVALID, { reference, why });
}
