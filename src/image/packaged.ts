/**
 * The gateway's image as a package of npm's beside vmgate: for machines that can build none. A package is nobody's word
 * for what is in it: its image's digest is compiled into the program that was released together with it.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { occur, VmgateError } from '../core/coded.ts';
import type { Arch } from '../drivers/driver.ts';
import { packageFile } from '../host/index.ts';
import { errors, events, type Progress } from './codes.ts';
import type { StoredImage } from './image.ts';
import { importImage } from './import.ts';
import { MANIFEST_FILE } from './manifest.ts';
import { PROVISION, sourceDigest } from './source.ts';
import { findImage } from './store.ts';

export type ReleasedDigests = Readonly<Partial<Record<Arch, string>>>;

/** Put in by packaging/build.mjs. A build that nobody released knows of no package, and takes none. */
declare const RELEASED_GATEWAYS: string | undefined;
const RELEASED = typeof RELEASED_GATEWAYS === 'undefined' ? {} : (JSON.parse(RELEASED_GATEWAYS) as ReleasedDigests);

export interface PackagedOptions {
  readonly digests?: ReleasedDigests;
  /** The folder of vmgate's own package: npm lays the other one beside it, or below. */
  readonly from?: string;
  readonly provision?: string;
  readonly progress?: Progress;
}

export function packageName(arch: Arch): string {
  return `@vmgate/gateway-${arch}`;
}

/** The installed package whose image this vmgate was released with; undefined where there is none, or no release. */
export function findPackaged(
  arch: Arch,
  { digests = RELEASED, from = packageFile('.') }: PackagedOptions = {},
): { readonly folder: string; readonly digest: string } | undefined {
  const digest = digests[arch];
  if (digest === undefined) return undefined;
  // As Node looks for a package, but without NODE_PATH and its like.
  for (let at = path.resolve(from); ; at = path.dirname(at)) {
    const folder = path.join(at, 'node_modules', packageName(arch));
    if (existsSync(path.join(folder, MANIFEST_FILE))) return { folder, digest };
    if (at === path.dirname(at)) return undefined;
  }
}

/**
 * Imports the packaged gateway where there is none yet, and where the one in use was made from the guest files of another
 * vmgate: the two halves of one protocol are renewed together. Undefined: there was nothing to do, or nothing to take.
 *
 * @throws IMAGE_PACKAGE_FOREIGN, IMAGE_NO_SPACE, and what {@link findImage} throws
 */
export async function takePackaged(
  imagesFolder: string,
  arch: Arch,
  options: PackagedOptions = {},
): Promise<StoredImage | undefined> {
  const found = findPackaged(arch, options);
  if (found === undefined) return undefined;
  const inUse = await findImage(imagesFolder, 'gateway', arch);
  if (inUse?.digest === found.digest) return undefined;
  const { provision = PROVISION, progress } = options;
  if (inUse !== undefined && inUse.manifest.source === (await sourceDigest(provision, 'gateway'))) return undefined;
  const image = await importReleased(imagesFolder, arch, found);
  progress?.(occur(events.IMAGE_FROM_PACKAGE, { arch, package: packageName(arch), digest: image.digest }));
  return image;
}

async function importReleased(
  imagesFolder: string,
  arch: Arch,
  { folder, digest }: { readonly folder: string; readonly digest: string },
): Promise<StoredImage> {
  try {
    return await importImage(folder, imagesFolder, { expect: digest });
  } catch (cause) {
    if (!VmgateError.is(cause) || cause.code === errors.IMAGE_NO_SPACE.code) throw cause;
    const payload = { package: packageName(arch), folder, digest, why: cause.what };
    throw VmgateError.of(errors.IMAGE_PACKAGE_FOREIGN, payload, { cause });
  }
}
