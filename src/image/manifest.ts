/** The manifest: what an image consists of. Its canonical form is what the image's digest is taken of. */
import * as z from 'zod';
import { complaintOf, sha256 } from '../host/index.ts';
import { IMAGE_KINDS, type ImageManifest, type ImagePart } from './image.ts';

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
/** Names become file names in the image's folder. */
const part = z.strictObject({ name: z.string().regex(/^[a-z][a-z0-9-]{0,30}$/), digest, bytes: z.int().nonnegative() });
const text = z.string().max(200);

export const MAX_MANIFEST_BYTES = 1_048_576;
export const MANIFEST_FILE = 'manifest.json';
export const LOCK_FILE = 'packages.lock';

const MAX_PACKAGES = 2_000;
const date = z.iso.date();
const packageSchema = z.strictObject({ name: text, version: text, digest });
/** As a build remembers them. */
export const packagesSchema = z.array(packageSchema.extend({ date: date.optional() })).max(MAX_PACKAGES);

const schema = z.strictObject({
  version: z.literal(1),
  kind: z.enum(IMAGE_KINDS),
  arch: z.enum(['amd64', 'arm64']),
  source: digest.optional(),
  kernel: part.extend({ name: z.literal('kernel') }),
  layers: z.array(part).min(1).max(16),
  disk: part.extend({ name: z.literal('disk') }).optional(),
  newestPackage: date.optional(),
  packages: z.array(packageSchema).max(MAX_PACKAGES),
});

/** @throws Error, with a sentence about the first thing that is wrong */
export function parseManifest(json: string): ImageManifest {
  const result = schema.safeParse(JSON.parse(json));
  if (!result.success) throw new Error(complaintOf(result.error));
  const { source, disk, newestPackage, ...rest } = result.data;
  return {
    ...rest,
    ...(source === undefined ? {} : { source }),
    ...(disk === undefined ? {} : { disk }),
    ...(newestPackage === undefined ? {} : { newestPackage }),
  };
}

/** Keys in a fixed order, two spaces, a newline at the end: equal manifests are equal bytes. */
export function canonicalManifest(manifest: ImageManifest): string {
  const ofPart = ({ name, digest: sha, bytes }: ImageManifest['kernel']) => ({ name, digest: sha, bytes });
  const { version, kind, arch, source, kernel, layers, disk, newestPackage, packages } = manifest;
  return `${JSON.stringify(
    {
      version,
      kind,
      arch,
      source,
      kernel: ofPart(kernel),
      layers: layers.map(ofPart),
      disk: disk === undefined ? undefined : ofPart(disk),
      newestPackage,
      packages: packages.map((entry) => ({ name: entry.name, version: entry.version, digest: entry.digest })),
    },
    undefined,
    2,
  )}\n`;
}

export function digestOf(manifest: ImageManifest): string {
  return sha256(canonicalManifest(manifest));
}

/** One line a package, sorted: what two builds, or a build and a repository, are compared by. */
export function packagesLock(manifest: Pick<ImageManifest, 'packages'>): string {
  return manifest.packages.map(({ name, version, digest: sha }) => `${name} ${version} ${sha}\n`).join('');
}

/** The file of a part inside the image's folder. */
export function fileOf(partName: string): string {
  if (partName === 'disk') return 'disk.qcow2';
  return partName === 'kernel' ? 'kernel' : `${partName}.cpio`;
}

/** Every file that makes up the image. */
export function partsOf({ kernel, layers, disk }: ImageManifest): readonly ImagePart[] {
  return [kernel, ...layers, ...(disk === undefined ? [] : [disk])];
}
