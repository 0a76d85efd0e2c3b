/**
 * Packages, fetched or remembered. Under `images/cache/`: `debs/` holds what was downloaded, so that a newer set
 * fetches only what changed; `sets/` holds each set's files as last unpacked, so that a build needs no network at all.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { access, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import * as z from 'zod';
import type { Arch } from '../drivers/driver.ts';
import { sha256 } from '../host/index.ts';
import { packagesSchema } from './manifest.ts';
import { entriesOf, readPackageTar, type TreeEntry, type UnpackedPackages } from './package-tree.ts';
import type { Workshop } from './workshop.ts';

export interface PackageSet {
  readonly suite: string;
  readonly arch: Arch;
  /** Names that were asked for, sorted. */
  readonly packages: readonly string[];
  /** `images/cache`. */
  readonly cache: string;
}

/** First entry of a remembered set: which packages its files are from. */
const INDEX = 'packages.json';
const indexSchema = z.strictObject({ packages: packagesSchema });

export async function isCached(set: PackageSet): Promise<boolean> {
  return await access(fileOf(set)).then(
    () => true,
    () => false,
  );
}

/** The remembered set, without asking anybody. */
export async function cachedPackages(set: PackageSet): Promise<UnpackedPackages> {
  const tree = new Map<string, TreeEntry>();
  let index: z.infer<typeof indexSchema> = { packages: [] };
  const source = createReadStream(fileOf(set));
  const unzipped = createGunzip();
  source.on('error', (cause) => unzipped.destroy(cause));
  for await (const { name, header, content } of entriesOf(source.pipe(unzipped))) {
    if (name === INDEX) index = indexSchema.parse(JSON.parse((await content()).toString('utf8')));
    else if (header.type === 'symlink') tree.set(name, { type: 'link', target: header.linkname });
    else tree.set(name, { type: 'file', executable: (header.mode & 0o100) !== 0, data: await content() });
  }
  const packages = index.packages.map(({ date, ...each }) => (date === undefined ? each : { ...each, date }));
  return { tree, packages };
}

/**
 * Asks the mirror, downloads what is new, and remembers the result.
 *
 * @throws WorkshopFailure, with the remembered set unchanged
 */
export async function fetchPackages(
  set: PackageSet,
  workshop: Workshop,
  onLine: (line: string) => void,
  signal: AbortSignal | undefined,
): Promise<UnpackedPackages> {
  const debs = debsOf(set.cache, set.arch);
  await mkdir(debs, { recursive: true, mode: 0o700 });
  const output = new PassThrough();
  const kept = new Set<string>();
  const reading = readPackageTar(output, async (name, data) => {
    kept.add(name);
    await keepDeb(path.join(debs, name), data);
  });
  reading.catch(() => {}); // a failed workshop is the better explanation; else it is awaited below
  try {
    await workshop.unpack({ suite: set.suite, arch: set.arch, packages: set.packages, debs, output, onLine, signal });
  } catch (cause) {
    output.destroy();
    throw cause;
  }
  const unpacked = await reading;
  await remember(set, unpacked);
  await dropSuperseded(debs, kept);
  return unpacked;
}

/** Downloaded packages of one architecture, for whichever set wants them next. */
export function debsOf(cache: string, arch: Arch): string {
  return path.join(cache, 'debs', arch);
}

/** Its name carries the version; apt checks the content against the signed list before it uses it again. */
export async function keepDeb(file: string, data: Buffer): Promise<void> {
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, data, { mode: 0o600 });
  await rename(draft, file);
}

/** Other versions of the packages just fetched; those of other sets stay. */
export async function dropSuperseded(debs: string, kept: ReadonlySet<string>): Promise<void> {
  const nameOf = (file: string) => file.slice(0, file.indexOf('_'));
  const names = new Set([...kept].map(nameOf));
  const old = (await readdir(debs)).filter((file) => !kept.has(file) && names.has(nameOf(file)));
  await Promise.all(old.map((file) => rm(path.join(debs, file), { force: true })));
}

async function remember(set: PackageSet, { tree, packages }: UnpackedPackages): Promise<void> {
  const file = fileOf(set);
  const draft = `${file}.${process.pid}`;
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  try {
    const archive = pack();
    const written = pipeline(archive, createGzip({ level: 1 }), createWriteStream(draft, { mode: 0o600 }));
    archive.entry({ name: INDEX }, JSON.stringify({ packages }));
    for (const [name, entry] of tree) {
      if (entry.type === 'link') archive.entry({ name, type: 'symlink', linkname: entry.target });
      else archive.entry({ name, mode: entry.executable ? 0o755 : 0o644 }, entry.data);
    }
    archive.finalize();
    await written;
    await rename(draft, file);
  } finally {
    await rm(draft, { force: true });
  }
}

function fileOf({ suite, arch, packages, cache }: PackageSet): string {
  const key = sha256(JSON.stringify([suite, arch, packages])).slice('sha256:'.length, 'sha256:'.length + 16);
  return path.join(cache, 'sets', `${suite}-${arch}-${key}.tar.gz`);
}
