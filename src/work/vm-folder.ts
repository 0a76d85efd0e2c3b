/** Work VMs as folders: one more, one less, and what each holds. A folder appears and disappears by one rename. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { acquireLock, syncFolder } from '../home/index.ts';
import { lookAtBase, readRecord, writeRecord } from './base-record.ts';
import { errors } from './codes.ts';
import { copyDisk, type Task } from './copy-disk.ts';
import { inspectDisk, readHeader } from './inspect-disk.ts';
import { isDisposable } from './prepare-disk.ts';
import { listSnapshots, type Snapshot } from './snapshots.ts';
import { allocated, soundOverlay, type VmDisk } from './vm-disk.ts';
import { DRAFT, disposableOf, draftOf, importedOf, lockOf, overlayOf, recordOf } from './vm-files.ts';
import type { Vm } from './vm-lock.ts';

/** What is being removed: nobody uses it any more. */
const GRAVE = '.gone';

/** What a VM's folder holds, read without any tool. */
export interface VmHoldings {
  /** On disk: what the VM wrote, what was imported for it, its snapshots. */
  readonly bytes: number;
  /** Of the disk as the VM sees it; null before the first start, or where the overlay is not readable. */
  readonly virtualBytes: number | null;
  /** sha256 of the disk that the overlay was made over; null where nobody took it. */
  readonly madeFrom: string | null;
  readonly disposable: boolean;
  readonly snapshots: readonly Snapshot[];
}

export async function holdingsOf(folder: string): Promise<VmHoldings> {
  const snapshots = await listSnapshots(folder);
  const own = await Promise.all([overlayOf, disposableOf, importedOf].map((fileOf) => allocated(fileOf(folder))));
  const header = (await readHeader(overlayOf(folder)).catch(() => undefined))?.header;
  return {
    bytes: [...own, ...snapshots.map(({ bytes }) => bytes)].reduce((sum, bytes) => sum + bytes, 0),
    virtualBytes: header?.format === 'qcow2' ? header.virtualBytes : null,
    madeFrom: (await readRecord(recordOf(folder)))?.digest ?? null,
    disposable: isDisposable(folder),
    snapshots,
  };
}

/** Names of the VMs that have a folder below `vms`; what a killed process left half made or half removed goes. */
export async function vmFolders(vms: string): Promise<readonly string[]> {
  const names = await readdir(vms).catch(() => []);
  const graves = names.filter((name) => name.endsWith(GRAVE));
  await Promise.all(graves.map((name) => rm(path.join(vms, name), { recursive: true, force: true })));
  for (const name of names.filter((each) => each.endsWith(DRAFT))) {
    // One that somebody fills now is locked.
    await sweepVmDraft(path.join(vms, name)).catch(() => undefined);
  }
  return names.filter((name) => /^[a-z][a-z0-9-]*$/.test(name)).sort();
}

/** A folder for `name` with what `fill` puts into it. @throws WORK_VM_NAME_TAKEN, HOME_LOCKED */
export async function makeVmFolder({ name, folder }: Vm, fill: (draft: string) => Promise<void>): Promise<void> {
  if (existsSync(folder)) throw VmgateError.of(errors.WORK_VM_NAME_TAKEN, { name, folder });
  const draft = draftOf(folder);
  if (existsSync(draft)) await sweepVmDraft(draft);
  await mkdir(draft, { recursive: true, mode: 0o700 });
  const lock = await acquireLock(lockOf(draft));
  try {
    await fill(draft);
    await rename(draft, folder);
    await syncFolder(path.dirname(folder));
    await rm(lockOf(folder), { recursive: true, force: true });
  } finally {
    lock.release();
    await rm(draft, { recursive: true, force: true });
  }
}

/** @throws HOME_LOCKED when a living process fills it */
async function sweepVmDraft(draft: string): Promise<void> {
  const lock = await acquireLock(lockOf(draft));
  await rm(draft, { recursive: true, force: true });
  lock.release();
}

/** The same disk with what `source` wrote, for another VM; keys and snapshots are not copied. `source` stands still. */
export async function cloneVm(source: VmDisk, target: Vm, task: Task): Promise<void> {
  const base = await inspectDisk(source.disk);
  const overlay = overlayOf(source.folder);
  const has = existsSync(overlay);
  if (has) await soundOverlay(source, base);
  await makeVmFolder(target, async (draft) => {
    if (!has) return;
    await copyDisk(overlay, overlayOf(draft), task);
    await writeRecord(recordOf(draft), (await readRecord(recordOf(source.folder))) ?? (await lookAtBase(base.path)));
  });
}

/** Everything the VM had, its imported disk too; never the disk it was given. False when there was nothing. */
export async function removeVmFolder({ folder }: Vm): Promise<boolean> {
  const names = await readdir(folder).catch(() => []);
  const had = names.some((name) => name !== path.basename(lockOf(folder)));
  const grave = `${folder}${GRAVE}`;
  await rm(grave, { recursive: true, force: true });
  await rename(folder, grave);
  await rm(grave, { recursive: true, force: true });
  return had;
}
