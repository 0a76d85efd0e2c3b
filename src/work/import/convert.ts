/** A disk of another format as qcow2, by qemu-img: read with its format said and without whatever it names. */

import path from 'node:path';
import * as z from 'zod';
import { VmgateError } from '../../core/coded.ts';
import { parseJson, type Run, run } from '../../host/index.ts';
import { errors } from '../codes.ts';
import { requireSpace, type Task } from '../copy-disk.ts';
import { complaint } from '../overlay.ts';
import { allocated } from '../vm-disk.ts';
import type { ImportedDisk } from './source.ts';

const MEASURE_TIMEOUT_MS = 60_000;
const CONVERT_TIMEOUT_MS = 24 * 3_600_000;
const POLL_MS = 500;

const sized = z.looseObject({ 'virtual-size': z.number() });
const measured = z.looseObject({ required: z.int().nonnegative() });

/** `target` is new. @throws WORK_VM_NO_SPACE, WORK_VM_COPY_FAILED, HOST_TOOL_MISSING */
export async function convertDisk(disk: ImportedDisk, target: string, task: Task, runTool: Run = run): Promise<void> {
  await refuseOtherSize(disk, target, runTool);
  const required = await measure(disk, target, runTool);
  await requireSpace(path.dirname(target), required);
  const watch = setInterval(() => {
    void allocated(target).then((bytes) => task.progress(Math.min(bytes, required), required));
  }, POLL_MS);
  try {
    const argv = ['convert', '-q', '-O', 'qcow2', sourceOf(disk), target];
    await tool(argv, CONVERT_TIMEOUT_MS, target, runTool, task.signal);
  } finally {
    clearInterval(watch);
  }
}

/** Two readers of the same bytes: where they disagree, one of them was fooled. QEMU rounds up to whole sectors. */
async function refuseOtherSize(disk: ImportedDisk, target: string, runTool: Run): Promise<void> {
  const argv = ['info', '--output=json', sourceOf(disk)];
  const parsed = sized.safeParse(parseJson(await tool(argv, MEASURE_TIMEOUT_MS, target, runTool)));
  if (parsed.success && parsed.data['virtual-size'] === Math.ceil(disk.virtualBytes / 512) * 512) return;
  throw VmgateError.of(errors.WORK_DISK_CORRUPT, { file: disk.path, why: 'its size is told differently by qemu-img' });
}

/** Bytes that the converted disk will need. */
async function measure(disk: ImportedDisk, target: string, runTool: Run): Promise<number> {
  const argv = ['measure', '--output=json', '-O', 'qcow2', sourceOf(disk)];
  const parsed = measured.safeParse(parseJson(await tool(argv, MEASURE_TIMEOUT_MS, target, runTool)));
  if (parsed.success) return parsed.data.required;
  throw VmgateError.of(errors.WORK_VM_COPY_FAILED, { file: target, why: 'qemu-img says nothing usable' });
}

/** `json:` with every node named: nothing is guessed from the file's bytes, and no backing file is opened. */
function sourceOf({ path: filename, format }: ImportedDisk): string {
  const file = { driver: 'file', filename, 'read-only': true };
  const backing = format === 'vmdk' ? { backing: null } : {};
  return `json:${JSON.stringify({ driver: format, file, 'read-only': true, ...backing })}`;
}

async function tool(
  argv: readonly string[],
  timeoutMs: number,
  file: string,
  runTool: Run,
  signal?: AbortSignal,
): Promise<string> {
  const result = await runTool({ tool: 'qemu-img', argv, timeoutMs, ...(signal === undefined ? {} : { signal }) });
  signal?.throwIfAborted();
  if (result.code === 0 && !result.timedOut) return result.stdout;
  const { why, evidence } = complaint(result);
  throw VmgateError.of(errors.WORK_VM_COPY_FAILED, { file, why }, { evidence });
}
