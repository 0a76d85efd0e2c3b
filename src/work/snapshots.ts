/**
 * Snapshots of a stopped work VM: copies of its overlay, each in a folder with the record of what it was made over. Not
 * QEMU's internal ones: those are written into the overlay itself, which a power cut in the middle could cost.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { settleFile, syncFolder } from '../home/index.ts';
import { isOfToday, lookAtBase, readRecord, writeRecord } from './base-record.ts';
import { errors } from './codes.ts';
import { copyDisk, type Task } from './copy-disk.ts';
import { inspectDisk } from './inspect-disk.ts';
import { inspectOverlay, replaceOverlay } from './overlay.ts';
import { dropDisposable, ensureOverlay } from './prepare-disk.ts';
import { allocated, soundOverlay, type VmDisk } from './vm-disk.ts';
import { draftOf, overlayOf, recordOf, snapshotsOf } from './vm-files.ts';
import type { Vm } from './vm-lock.ts';

export interface Snapshot {
  readonly name: string;
  /** ISO 8601. */
  readonly takenAt: string;
  readonly bytes: number;
}

function isSnapshotName(name: string): boolean {
  return /^[a-z0-9][a-z0-9-]{0,31}$/.test(name);
}

/** Oldest first. */
export async function listSnapshots(folder: string): Promise<readonly Snapshot[]> {
  const names = await readdir(snapshotsOf(folder)).catch(() => []);
  const found = await Promise.all(
    names.filter(isSnapshotName).map(async (name): Promise<Snapshot> => {
      const place = path.join(snapshotsOf(folder), name);
      const { mtime } = await stat(place);
      return { name, takenAt: mtime.toISOString(), bytes: await allocated(overlayOf(place)) };
    }),
  );
  return found.sort((a, b) => a.takenAt.localeCompare(b.takenAt));
}

/** A VM that never wrote is remembered as that. @throws WORK_SNAPSHOT_NAME, WORK_SNAPSHOT_TAKEN, WORK_VM_NO_SPACE, WORK_DISK_* */
export async function makeSnapshot(vm: VmDisk, snapshot: string, task: Task): Promise<void> {
  const place = placeOf(vm, snapshot);
  if (existsSync(place)) throw VmgateError.of(errors.WORK_SNAPSHOT_TAKEN, { name: vm.name, snapshot });
  const base = await inspectDisk(vm.disk);
  if (!existsSync(overlayOf(vm.folder))) await ensureOverlay(vm.folder, base);
  await soundOverlay(vm, base);
  const draft = draftOf(place);
  await mkdir(draft, { recursive: true, mode: 0o700 });
  try {
    const copy = draftOf(overlayOf(draft));
    await copyDisk(overlayOf(vm.folder), copy, task);
    await settleFile(copy, overlayOf(draft));
    await writeRecord(recordOf(draft), (await readRecord(recordOf(vm.folder))) ?? (await lookAtBase(base.path)));
    await rename(draft, place);
    await syncFolder(snapshotsOf(vm.folder));
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** What the VM wrote since is gone. The snapshot stays. @throws WORK_SNAPSHOT_UNKNOWN, WORK_SNAPSHOT_OTHER_BASE, WORK_VM_NO_SPACE, WORK_DISK_* */
export async function restoreSnapshot(vm: VmDisk, snapshot: string, task: Task): Promise<void> {
  const place = await known(vm, snapshot);
  const base = await inspectDisk(vm.disk);
  const [made, now] = [await readRecord(recordOf(place)), await lookAtBase(base.path)];
  if (made === undefined || !isOfToday(made, await readRecord(recordOf(vm.folder)), now)) {
    throw VmgateError.of(errors.WORK_SNAPSHOT_OTHER_BASE, { name: vm.name, snapshot, disk: base.path });
  }
  await inspectOverlay(base, overlayOf(place));
  await dropDisposable(vm.folder);
  await replaceOverlay(overlayOf(vm.folder), (draft) => copyDisk(overlayOf(place), draft, task));
  await writeRecord(recordOf(vm.folder), { ...now, digest: made.digest });
}

/** @throws WORK_SNAPSHOT_UNKNOWN */
export async function deleteSnapshot(vm: Vm, snapshot: string): Promise<void> {
  const place = await known(vm, snapshot);
  await rename(place, draftOf(place));
  await rm(draftOf(place), { recursive: true, force: true });
}

function placeOf({ folder }: Vm, snapshot: string): string {
  if (!isSnapshotName(snapshot)) throw VmgateError.of(errors.WORK_SNAPSHOT_NAME, { snapshot: snapshot.slice(0, 80) });
  return path.join(snapshotsOf(folder), snapshot);
}

async function known(vm: Vm, snapshot: string): Promise<string> {
  const place = placeOf(vm, snapshot);
  if (existsSync(place)) return place;
  const names = (await listSnapshots(vm.folder)).map(({ name }) => name);
  throw VmgateError.of(errors.WORK_SNAPSHOT_UNKNOWN, { name: vm.name, snapshot, known: names });
}
