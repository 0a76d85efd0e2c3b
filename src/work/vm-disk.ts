/**
 * What `vmgate vm` does to the disks of a work VM that stands still. Each either happened or did not, whenever the
 * process is killed: the new disk is made beside the old one and takes its name last. The disk that the VM was given is
 * only ever read.
 */
import { existsSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { type Run, run } from '../host/index.ts';
import { type BaseRecord, isTouched, lookAtBase, readRecord, refuseTouched, writeRecord } from './base-record.ts';
import { errors } from './codes.ts';
import { copyDisk, digestDisk, requireSpace, type Task } from './copy-disk.ts';
import { inspectDisk } from './inspect-disk.ts';
import { createOverlay, inspectOverlay, overlayTool, replaceOverlay } from './overlay.ts';
import { dropDisposable, ensureOverlay } from './prepare-disk.ts';
import { overlayOf, recordOf } from './vm-files.ts';
import type { Vm } from './vm-lock.ts';

/** A work VM with a disk, stopped and locked. */
export interface VmDisk extends Vm {
  /** The disk that it was given. */
  readonly disk: string;
}

const RESIZE_TIMEOUT_MS = 60_000;

/** What the VM wrote is gone; its next start is as its first. False when there was nothing. */
export async function resetDisk({ folder }: Vm): Promise<boolean> {
  await dropDisposable(folder);
  const overlay = overlayOf(folder);
  const had = existsSync(overlay);
  // A VM that makes its host keys at its first boot makes new ones now.
  await rm(path.join(folder, 'ssh', 'known_hosts'), { force: true });
  await rm(overlay, { force: true });
  await rm(recordOf(folder), { force: true });
  return had;
}

export interface BaseComparison {
  /** `same`: byte for byte what the overlay was made over. `unrecorded`: nobody read it then, and it was touched since. */
  readonly outcome: 'same' | 'changed' | 'unrecorded' | 'no overlay';
  readonly made: BaseRecord | undefined;
  readonly today: BaseRecord;
}

/** Reads the whole base, unless its size alone tells. Where it is the same, that is written down: the VM starts again. */
export async function compareBase({ folder, disk }: VmDisk, task: Task): Promise<BaseComparison> {
  const { path: base } = await inspectDisk(disk);
  const [made, now] = [await readRecord(recordOf(folder)), await lookAtBase(base)];
  const today = { ...now, digest: await digestDisk(base, task) };
  if (!existsSync(overlayOf(folder))) return { outcome: 'no overlay', made, today };
  if (made === undefined || (isTouched(made, now) && made.digest === null))
    return { outcome: 'unrecorded', made, today };
  if (made.digest !== null && made.digest !== today.digest) return { outcome: 'changed', made, today };
  await writeRecord(recordOf(folder), today);
  return { outcome: 'same', made, today };
}

/**
 * A fresh overlay over today's base in the place of the old one. Its record comes last: killed between the two, the new
 * overlay counts as made over the old base and is refused, which another rebuild puts right.
 */
export async function rebuildDisk({ folder, disk }: VmDisk, today: BaseRecord, runTool: Run = run): Promise<void> {
  await dropDisposable(folder);
  await rm(path.join(folder, 'ssh', 'known_hosts'), { force: true });
  await createOverlay(await inspectDisk(disk, runTool), overlayOf(folder), { runTool });
  await writeRecord(recordOf(folder), today);
}

/** Larger only. On a copy: qemu-img writes in place. @throws WORK_VM_SHRINK, WORK_VM_NO_SPACE, WORK_DISK_* */
export async function resizeDisk(vm: VmDisk, bytes: number, task: Task, runTool: Run = run): Promise<boolean> {
  const base = await inspectDisk(vm.disk, runTool);
  const overlay = overlayOf(vm.folder);
  const now = existsSync(overlay) ? await soundOverlay(vm, base) : base;
  if (bytes < now.virtualBytes) {
    throw VmgateError.of(errors.WORK_VM_SHRINK, { name: vm.name, bytes: now.virtualBytes, asked: bytes });
  }
  if (bytes === now.virtualBytes) return false;
  if (!existsSync(overlay)) {
    await requireSpace(vm.folder, 0);
    await ensureOverlay(vm.folder, base, { runTool, virtualBytes: bytes });
    return true;
  }
  await replaceOverlay(overlay, async (draft) => {
    await copyDisk(overlay, draft, task);
    const argv = ['resize', '-q', '-f', 'qcow2', draft, String(bytes)];
    await overlayTool(overlay, { tool: 'qemu-img', argv, timeoutMs: RESIZE_TIMEOUT_MS, signal: task.signal }, runTool);
  });
  return true;
}

/** The overlay, judged to be ours and over the bytes that it was made over. @throws WORK_DISK_* */
export async function soundOverlay(
  { name, folder }: Vm,
  base: { readonly path: string; readonly format: 'qcow2' | 'raw' },
): Promise<{ readonly virtualBytes: number }> {
  const found = await inspectOverlay(base, overlayOf(folder));
  await refuseTouched(name, base.path, recordOf(folder));
  return found;
}

/** Bytes on disk, not the size of a sparse file; 0 for none. */
export async function allocated(file: string): Promise<number> {
  return stat(file).then(
    ({ blocks }) => blocks * 512,
    () => 0,
  );
}
