/**
 * Packages, fetched or remembered. Under `images/cache/`: `debs/` holds what was downloaded, so that a newer set
 * fetches only what changed; `sets/` holds the last tar of each set, so that a build needs no network at all.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { access, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { finished } from 'node:stream/promises';
import type { Arch } from '../drivers/driver.ts';
import { readPackageTar, sha256, type UnpackedPackages } from './package-tree.ts';
import type { Workshop } from './workshop.ts';

export interface PackageSetRequest {
  readonly suite: string;
  readonly arch: Arch;
  readonly packages: readonly string[];
  readonly cache: string;
  readonly signal: AbortSignal | undefined;
  readonly onLine: (line: string) => void;
}

/** Where the tar of this request is, or will be. */
export function packageSetFile({ suite, arch, packages, cache }: Omit<PackageSetRequest, 'signal' | 'onLine'>): string {
  const key = sha256(JSON.stringify([suite, arch, packages])).slice('sha256:'.length, 'sha256:'.length + 16);
  return path.join(cache, 'sets', `${arch}-${key}.tar`);
}

export async function isCached(request: Omit<PackageSetRequest, 'signal' | 'onLine'>): Promise<boolean> {
  return await access(packageSetFile(request)).then(
    () => true,
    () => false,
  );
}

/** The remembered set, without asking anybody. */
export async function cachedPackages(request: PackageSetRequest): Promise<UnpackedPackages> {
  return await readPackageTar(createReadStream(packageSetFile(request)), async () => {});
}

/**
 * Asks the mirror, downloads what is new, and remembers the result.
 *
 * @throws WorkshopFailure, with the remembered set unchanged
 */
export async function fetchPackages(request: PackageSetRequest, workshop: Workshop): Promise<UnpackedPackages> {
  const debs = path.join(request.cache, 'debs');
  const file = packageSetFile(request);
  const draft = `${file}.${process.pid}.draft`;
  await mkdir(debs, { recursive: true, mode: 0o700 });
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  try {
    const output = createWriteStream(draft);
    const written = finished(output);
    written.catch(() => {}); // awaited below, after the workshop has had its say
    await workshop.unpack({ ...request, debs, output });
    await written;
    const unpacked = await readPackageTar(createReadStream(draft), (name, data) => keep(path.join(debs, name), data));
    await rename(draft, file);
    return unpacked;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Its name carries the version; apt checks the content against the signed list before it uses it again. */
async function keep(file: string, data: Buffer): Promise<void> {
  await writeFile(file, data, { flag: 'wx', mode: 0o600 }).catch(() => {});
}
