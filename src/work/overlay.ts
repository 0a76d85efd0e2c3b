/** A work VM writes to an overlay; the disk it was given is never changed. */
import { rename, rm } from 'node:fs/promises';
import { VmgateError } from '../core/coded.ts';
import { type Run, run } from '../host/index.ts';
import { errors } from './codes.ts';
import { type InspectedDisk, readHeader } from './inspect-disk.ts';

const CREATE_TIMEOUT_MS = 30_000;

/**
 * Makes sure that `overlay` exists and lies over `base` and nothing else. What the VM wrote before is kept.
 *
 * @throws WORK_DISK_OVERLAY_FOREIGN the file there is another one; WORK_DISK_OVERLAY_FAILED, HOST_TOOL_MISSING
 */
export async function ensureOverlay(base: InspectedDisk, overlay: string, runTool: Run = run): Promise<void> {
  try {
    await inspectOverlay(base, overlay);
  } catch (cause) {
    if (!VmgateError.is(cause) || cause.code !== errors.WORK_DISK_MISSING.code) throw cause;
    await createOverlay(base, overlay, runTool);
  }
}

/** The guest cannot write the header of its overlay, but other programs of this user can. */
async function inspectOverlay(base: InspectedDisk, file: string): Promise<void> {
  const { header } = await readHeader(file);
  const foreign = (why: string) => VmgateError.of(errors.WORK_DISK_OVERLAY_FOREIGN, { file, why });
  if (header.format !== 'qcow2') throw foreign(`it is no qcow2 image but ${header.format}`);
  if (header.backingFile !== base.path)
    throw foreign(`it lies over ${header.backingFile ?? 'nothing'}, not ${base.path}`);
  if (header.dataFile !== undefined) throw foreign(`it keeps its data in ${header.dataFile}`);
  if (header.encrypted || header.unknownFeatures.length > 0) throw foreign('it has features vmgate does not use');
}

/** `-F`: the base's format is said, not guessed. Made beside and renamed, so that half an overlay never has the name. */
async function createOverlay(base: InspectedDisk, overlay: string, runTool: Run): Promise<void> {
  const unfinished = `${overlay}.new`;
  const argv = ['create', '-q', '-f', 'qcow2', '-F', base.format, '-b', base.path, unfinished];
  try {
    const result = await runTool({ tool: 'qemu-img', argv, timeoutMs: CREATE_TIMEOUT_MS });
    if (result.code !== 0 || result.timedOut) {
      const evidence = result.stderr.split('\n').filter((line) => line !== '');
      const why = result.timedOut ? 'qemu-img did not end' : (evidence.at(-1) ?? `status ${result.code}`);
      throw VmgateError.of(errors.WORK_DISK_OVERLAY_FAILED, { file: overlay, why }, { evidence });
    }
    await rename(unfinished, overlay);
  } finally {
    await rm(unfinished, { force: true });
  }
}
