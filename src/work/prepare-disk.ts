/** The disks of a work VM, made ready for its start: its overlay, or for one start a disposable one over it. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { type Run, run } from '../host/index.ts';
import { lookAtBase, refuseTouched, writeRecord } from './base-record.ts';
import type { InspectedDisk } from './inspect-disk.ts';
import { createOverlay, inspectOverlay } from './overlay.ts';
import { disposableOf, overlayOf, recordOf, sweepDrafts } from './vm-files.ts';

/**
 * What a crash left of an earlier disposable start is dropped. What the VM wrote to its overlay is kept, and is not
 * written either when `isDisposable`.
 *
 * @throws WORK_DISK_OVERLAY_FOREIGN, WORK_DISK_BASE_CHANGED, WORK_DISK_OVERLAY_FAILED, HOST_TOOL_MISSING
 */
export async function prepareDisk(
  name: string,
  folder: string,
  base: Pick<InspectedDisk, 'path' | 'format'>,
  isDisposable: boolean,
  runTool: Run = run,
): Promise<void> {
  await sweepDrafts(folder);
  await dropDisposable(folder);
  const overlay = overlayOf(folder);
  if (existsSync(overlay)) {
    await inspectOverlay(base, overlay);
    await refuseTouched(name, base.path, recordOf(folder));
  } else if (!isDisposable) {
    await ensureOverlay(folder, base, { runTool });
  }
  if (!isDisposable) return;
  const under = existsSync(overlay) ? ({ path: overlay, format: 'qcow2' } as const) : base;
  await createOverlay(under, disposableOf(folder), { runTool });
}

/** Record first: an overlay without one would count as made over whatever lies there today. */
export async function ensureOverlay(
  folder: string,
  base: Pick<InspectedDisk, 'path' | 'format'>,
  options: Parameters<typeof createOverlay>[2] = {},
): Promise<void> {
  await writeRecord(recordOf(folder), await lookAtBase(base.path));
  await createOverlay(base, overlayOf(folder), options);
}

/** The VM does not run. Idempotent. */
export async function dropDisposable(folder: string): Promise<void> {
  await rm(disposableOf(folder), { force: true });
}

/** Whether the VM in `folder` runs on a disposable overlay, or did when it crashed. */
export function isDisposable(folder: string): boolean {
  return existsSync(disposableOf(folder));
}
