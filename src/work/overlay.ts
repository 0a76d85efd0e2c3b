/** A work VM writes to an overlay; the disk it was given is never changed. */
import { rm } from 'node:fs/promises';
import { VmgateError } from '../core/coded.ts';
import { settleFile } from '../home/index.ts';
import { type Run, type RunRequest, type RunResult, run } from '../host/index.ts';
import { errors } from './codes.ts';
import { type InspectedDisk, readHeader } from './inspect-disk.ts';
import { draftOf } from './vm-files.ts';

const CREATE_TIMEOUT_MS = 30_000;

/** What an overlay lies over. */
export type BaseDisk = Pick<InspectedDisk, 'path' | 'format'>;

/** The guest cannot write the header of its overlay, but other programs of this user can. @throws WORK_DISK_OVERLAY_FOREIGN, WORK_DISK_MISSING */
export async function inspectOverlay(base: BaseDisk, file: string): Promise<{ readonly virtualBytes: number }> {
  const { header } = await readHeader(file);
  const foreign = (why: string) => VmgateError.of(errors.WORK_DISK_OVERLAY_FOREIGN, { file, why });
  if (header.format !== 'qcow2') throw foreign(`it is no qcow2 image but ${header.format}`);
  if (header.backingFile !== base.path)
    throw foreign(`it lies over ${header.backingFile ?? 'nothing'}, not ${base.path}`);
  if (header.dataFile !== undefined) throw foreign(`it keeps its data in ${header.dataFile}`);
  if (header.encrypted || header.unknownFeatures.length > 0) throw foreign('it has features vmgate does not use');
  return { virtualBytes: header.virtualBytes };
}

/**
 * A fresh overlay in the place of whatever has the name: made beside and renamed, so that half an overlay never has it.
 * `-F`: the base's format is said, not guessed. `virtualBytes`: as large as the base unless said.
 */
export async function createOverlay(
  base: BaseDisk,
  overlay: string,
  { runTool = run, virtualBytes }: { readonly runTool?: Run; readonly virtualBytes?: number } = {},
): Promise<void> {
  const size = virtualBytes === undefined ? [] : [String(virtualBytes)];
  await replaceOverlay(overlay, async (draft) => {
    const argv = ['create', '-q', '-f', 'qcow2', '-F', base.format, '-b', base.path, draft, ...size];
    await overlayTool(overlay, { tool: 'qemu-img', argv, timeoutMs: CREATE_TIMEOUT_MS }, runTool);
  });
}

/** `make` writes a whole disk to the draft it is given, which then takes the overlay's name. Fails without a trace. */
export async function replaceOverlay(overlay: string, make: (draft: string) => Promise<void>): Promise<void> {
  const draft = draftOf(overlay);
  try {
    await make(draft);
    await settleFile(draft, overlay);
  } finally {
    await rm(draft, { force: true });
  }
}

/** @throws WORK_DISK_OVERLAY_FAILED, HOST_TOOL_MISSING */
export async function overlayTool(overlay: string, request: RunRequest, runTool: Run): Promise<void> {
  const result = await runTool(request);
  if (result.code === 0 && !result.timedOut) return;
  request.signal?.throwIfAborted();
  const { why, evidence } = complaint(result);
  throw VmgateError.of(errors.WORK_DISK_OVERLAY_FAILED, { file: overlay, why }, { evidence });
}

/** What qemu-img says of its failure: the last line is the reason. */
export function complaint(result: RunResult): { readonly why: string; readonly evidence: readonly string[] } {
  const evidence = result.stderr.split('\n').filter((line) => line !== '');
  return { why: result.timedOut ? 'qemu-img did not end' : (evidence.at(-1) ?? `status ${result.code}`), evidence };
}
