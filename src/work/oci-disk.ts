/**
 * A work VM whose disk is one of a registry, pinned by digest. It was taken before, by `vmgate init` or `vmgate image pull`:
 * a start asks no registry. The VM belongs to the disk that it was made from; where vmgate.yaml names another one since,
 * nothing starts until somebody decides by `vm rebuild`.
 */
import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import type { Arch } from '../drivers/index.ts';
import { type Run, run } from '../host/index.ts';
import { findPulledDisk, type PulledDisk, pulledDiskFile } from '../image/index.ts';
import { lookAtBase, writeRecord } from './base-record.ts';
import { errors } from './codes.ts';
import { digestDisk } from './copy-disk.ts';
import { inspectDisk, readHeader } from './inspect-disk.ts';
import { prepareDisk } from './prepare-disk.ts';
import { overlayOf, recordOf } from './vm-files.ts';

interface Place {
  readonly folder: string;
  /** `images/` of the home folder. */
  readonly images: string;
  readonly arch: Arch;
}

/** The disk that `reference` names, with symbolic links resolved. @throws WORK_IMAGE_ABSENT, WORK_IMAGE_ARCH */
export async function namedDisk(
  name: string,
  reference: string,
  { images, arch }: Omit<Place, 'folder'>,
): Promise<PulledDisk & { readonly path: string }> {
  const disk = await findPulledDisk(images, reference.slice(reference.indexOf('@') + 1));
  const file = disk === undefined ? '' : pulledDiskFile(images, disk);
  if (disk === undefined || !existsSync(file)) throw VmgateError.of(errors.WORK_IMAGE_ABSENT, { name, reference });
  if (disk.arch !== arch)
    throw VmgateError.of(errors.WORK_IMAGE_ARCH, { name, reference, arch: disk.arch, machine: arch });
  return { ...disk, path: await realpath(file) };
}

/** The disk of a registry that the VM in `folder` was made from, else the one that it would be made from now. */
export async function madeFromDisk(name: string, reference: string, place: Place): Promise<string> {
  return (await pulledBelow(place)) ?? (await namedDisk(name, reference, place)).path;
}

/** What the overlay lies over, where that is a disk of a registry. */
async function pulledBelow({ folder, images }: Pick<Place, 'folder' | 'images'>): Promise<string | undefined> {
  const overlay = overlayOf(folder);
  if (!existsSync(overlay)) return undefined;
  const { header } = await readHeader(overlay);
  const below = header.format === 'qcow2' ? header.backingFile : undefined;
  const disks = path.join(await realpath(images), 'disks');
  return below !== undefined && path.dirname(below) === disks ? below : undefined;
}

/**
 * Before the VM's start, under its lock. Reads the whole disk before anything is made over it.
 *
 * @throws WORK_IMAGE_ABSENT, WORK_IMAGE_ARCH, WORK_IMAGE_OTHER, WORK_IMAGE_DAMAGED, WORK_DISK_*
 */
export async function prepareOciDisk(
  name: string,
  reference: string,
  place: Place,
  isDisposable: boolean,
  runTool: Run = run,
): Promise<void> {
  const { folder } = place;
  const disk = await namedDisk(name, reference, place);
  const made = await pulledBelow(place);
  if (made !== undefined && made !== disk.path) {
    throw VmgateError.of(errors.WORK_IMAGE_OTHER, { name, reference, made: path.basename(made).slice(0, 64) });
  }
  const isNew = !existsSync(overlayOf(folder));
  if (isNew) await requireWhole(disk, reference);
  await prepareDisk(name, folder, await inspectDisk(disk.path, runTool), isDisposable, runTool);
  if (isNew && !isDisposable)
    await writeRecord(recordOf(folder), { ...(await lookAtBase(disk.path)), digest: disk.digest });
}

async function requireWhole(disk: PulledDisk & { readonly path: string }, reference: string): Promise<void> {
  const actual = await digestDisk(disk.path, { signal: new AbortController().signal, progress: () => undefined });
  if (actual === disk.digest) return;
  const { path: file, digest: expected } = disk;
  throw VmgateError.of(errors.WORK_IMAGE_DAMAGED, { file, reference, expected, actual });
}
