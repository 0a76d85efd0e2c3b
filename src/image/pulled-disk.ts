/**
 * Disks that came from registries, under `disks/`, each named by its sha256; and what is known of a version that was taken:
 * which disk it is. The record is written here, once the version's signature was judged and every byte was hashed; nothing
 * that comes along with a disk counts.
 */
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import type { Arch } from '../drivers/driver.ts';
import { readPrivateFile, writeFileAtomic } from '../home/index.ts';
import { parseJson } from '../host/index.ts';
import { digestFile } from './digest-file.ts';

const DIGEST = /^sha256:[0-9a-f]{64}$/;
const MAX_RECORD = 1_024;

const record = z.strictObject({
  version: z.literal(1),
  /** Of the file. */
  digest: z.string().regex(DIGEST),
  format: z.enum(['qcow2', 'raw']),
  arch: z.enum(['amd64', 'arm64']),
});

export interface PulledDisk {
  readonly digest: string;
  readonly format: 'qcow2' | 'raw';
  readonly arch: Arch;
}

export function pulledDiskFile(
  imagesFolder: string,
  { digest, format }: Pick<PulledDisk, 'digest' | 'format'>,
): string {
  return path.join(imagesFolder, 'disks', `${digest.slice('sha256:'.length)}.${format}`);
}

function recordOf(imagesFolder: string, version: string): string {
  return path.join(imagesFolder, 'versions', `${version.slice('sha256:'.length)}.json`);
}

/**
 * The disk that `version`, the digest of a manifest, was found to be here; undefined where it was never taken whole. A
 * record that cannot be read is none.
 */
export async function findPulledDisk(imagesFolder: string, version: string): Promise<PulledDisk | undefined> {
  const read = await readPrivateFile(recordOf(imagesFolder, version), MAX_RECORD);
  if (read.state !== 'read') return undefined;
  const parsed = record.safeParse(parseJson(read.content.toString('utf8')));
  return parsed.success ? parsed.data : undefined;
}

/**
 * Keeps a disk whose bytes were hashed as they were written to `draft`. One that lies there whole already stays untouched:
 * work VMs lie over it, and know it by its time.
 *
 * @returns its file
 */
export async function keepPulledDisk(
  imagesFolder: string,
  version: string,
  disk: PulledDisk,
  draft: string,
): Promise<string> {
  const { digest, format, arch } = disk;
  const file = pulledDiskFile(imagesFolder, disk);
  const there = await digestFile(file).catch(() => undefined);
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  if (there?.digest === digest) await rm(draft, { force: true });
  else await rename(draft, file);
  const known = recordOf(imagesFolder, version);
  await mkdir(path.dirname(known), { recursive: true, mode: 0o700 });
  await writeFileAtomic(known, `${JSON.stringify({ version: 1, digest, format, arch })}\n`);
  return file;
}
