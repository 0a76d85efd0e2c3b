/** What lies in a work VM's folder beside the files of its process. docs/files-on-disk.md explains each. */
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { isAbandonedWrite } from '../home/index.ts';

/** What the VM wrote. */
export function overlayOf(folder: string): string {
  return path.join(folder, 'overlay.qcow2');
}

/** What the VM writes while it runs with `--disposable`: that it is there says that the VM does. */
export function disposableOf(folder: string): string {
  return path.join(folder, 'disposable.qcow2');
}

/** What the overlay was made over: see base-record.ts. */
export function recordOf(folder: string): string {
  return path.join(folder, 'overlay.json');
}

/** A disk that `vm import` converted; the overlay's base. */
export function importedOf(folder: string): string {
  return path.join(folder, 'imported.qcow2');
}

/** Host name, keys and account of the VM, for the system in it: made anew for each start. */
export function seedOf(folder: string): string {
  return path.join(folder, 'seed.iso');
}

export function snapshotsOf(folder: string): string {
  return path.join(folder, 'snapshots');
}

/** Held by whoever starts the VM or changes its disks. */
export function lockOf(folder: string): string {
  return path.join(folder, 'lock');
}

/** How the name of what is not whole yet ends. */
export const DRAFT = '.new';

/** The name a file or folder has until it is whole. */
export function draftOf(file: string): string {
  return `${file}${DRAFT}`;
}

/** What a process that was killed left half made. Only under the VM's lock: the draft may be somebody's else. */
export async function sweepDrafts(folder: string): Promise<void> {
  for (const place of [folder, snapshotsOf(folder)]) {
    const names = await readdir(place).catch(() => []);
    const drafts = names.filter((name) => name.endsWith(DRAFT) || isAbandonedWrite(name));
    await Promise.all(drafts.map((name) => rm(path.join(place, name), { recursive: true, force: true })));
  }
}
