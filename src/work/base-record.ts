/**
 * What an overlay was made over. An overlay holds only what differs from its base: over other bytes it is garbage that
 * looks like a disk. Size and time of the last change are compared at each start; reading a whole disk would take longer
 * than a start may, so its sha256 is taken by the commands of `vmgate vm`, and says whether a touched disk is the same.
 */
import { stat } from 'node:fs/promises';
import * as z from 'zod';
import { VmgateError } from '../core/coded.ts';
import { readPrivateFile, writeFileAtomic } from '../home/index.ts';
import { parseJson } from '../host/index.ts';
import { errors } from './codes.ts';

const record = z.strictObject({
  version: z.literal(1),
  /** Bytes of the file and nanoseconds of its mtime. */
  bytes: z.int().nonnegative(),
  changedNs: z.string().regex(/^\d{1,24}$/),
  /** `sha256:<hex>` of the file, where it was read whole. */
  digest: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/)
    .nullable(),
});
export type BaseRecord = z.infer<typeof record>;

const MAX_RECORD = 1_024;

export async function lookAtBase(base: string): Promise<BaseRecord> {
  const { size, mtimeNs } = await stat(base, { bigint: true });
  return { version: 1, bytes: Number(size), changedNs: String(mtimeNs), digest: null };
}

/** Undefined where there is none: the overlay is an older vmgate's, or not there yet. What cannot be read is none. */
export async function readRecord(file: string): Promise<BaseRecord | undefined> {
  const read = await readPrivateFile(file, MAX_RECORD);
  if (read.state !== 'read') return undefined;
  const parsed = record.safeParse(parseJson(read.content.toString('utf8')));
  return parsed.success ? parsed.data : undefined;
}

export async function writeRecord(file: string, base: BaseRecord): Promise<void> {
  await writeFileAtomic(file, `${JSON.stringify(base)}\n`);
}

/** By size and time. */
export function isTouched(made: BaseRecord, now: BaseRecord): boolean {
  return made.bytes !== now.bytes || made.changedNs !== now.changedNs;
}

/** Whether `made` is of the bytes that lie there now; `known` is the newest record of them. */
export function isOfToday(made: BaseRecord, known: BaseRecord | undefined, now: BaseRecord): boolean {
  if (!isTouched(made, now)) return true;
  return made.digest !== null && known?.digest === made.digest && !isTouched(known, now);
}

/** @throws WORK_DISK_BASE_CHANGED */
export async function refuseTouched(name: string, base: string, file: string): Promise<void> {
  const [made, now] = [await readRecord(file), await lookAtBase(base)];
  if (made === undefined) return writeRecord(file, now);
  if (isTouched(made, now))
    throw VmgateError.of(errors.WORK_DISK_BASE_CHANGED, { name, disk: base, made: made.digest });
}
