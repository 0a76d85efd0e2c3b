/** Looks at a disk image from outside before anything uses it: what it is, and that it refers to nothing but itself (P1). */
import type { Stats } from 'node:fs';
import { open, realpath, stat } from 'node:fs/promises';
import * as z from 'zod';
import { VmgateError } from '../core/coded.ts';
import { errnoOf, expectOk, messageOf, parseJson, type Run, run } from '../host/index.ts';
import { errors } from './codes.ts';
import { type DiskHeader, HEADER_BYTES, readDiskHeader } from './disk-header.ts';

export interface InspectedDisk {
  /** Absolute, symbolic links resolved: what is passed on is what was looked at. */
  readonly path: string;
  readonly format: 'qcow2' | 'raw';
  readonly virtualBytes: number;
}

const INFO_TIMEOUT_MS = 20_000;

const imageInfo = z.looseObject({
  'virtual-size': z.number().nonnegative(),
  format: z.string(),
  'backing-filename': z.string().optional(),
  'format-specific': z
    .looseObject({
      data: z.looseObject({ 'data-file': z.string().optional(), corrupt: z.boolean().optional() }),
    })
    .optional(),
});
type ImageInfo = z.infer<typeof imageInfo>;

/**
 * @throws WORK_DISK_MISSING, WORK_DISK_NOT_A_FILE, WORK_DISK_FORMAT, WORK_DISK_BACKING, WORK_DISK_DATA_FILE,
 *   WORK_DISK_ENCRYPTED, WORK_DISK_UNKNOWN_FEATURE, WORK_DISK_CORRUPT, WORK_DISK_TOO_LARGE, HOST_TOOL_MISSING
 */
export async function inspectDisk(file: string, runTool: Run = run): Promise<InspectedDisk> {
  const { path, bytes, header } = await readHeader(file);
  if (header.format === 'raw') {
    refuseTooLarge(path, bytes);
    return { path, format: 'raw', virtualBytes: bytes };
  }
  const { virtualBytes } = refuseReferences(path, header);
  refuseTooLarge(path, virtualBytes);
  const info = await imageInfoOf(path, runTool);
  // Two readers of the same bytes: where they disagree, one of them was fooled.
  if (info['backing-filename'] !== undefined || info['format-specific']?.data['data-file'] !== undefined) {
    throw VmgateError.of(errors.WORK_DISK_BACKING, { file: path, backing: info['backing-filename'] ?? 'a data file' });
  }
  if (info['virtual-size'] !== virtualBytes) {
    throw VmgateError.of(errors.WORK_DISK_CORRUPT, { file: path, why: 'its size is told differently by qemu-img' });
  }
  return { path, format: 'qcow2', virtualBytes };
}

/** More than this nobody means; tables of a disk that says so would fill memory and host. @throws WORK_DISK_TOO_LARGE */
export function refuseTooLarge(file: string, bytes: number): void {
  if (bytes > MOST_BYTES) throw VmgateError.of(errors.WORK_DISK_TOO_LARGE, { file, bytes, mostBytes: MOST_BYTES });
}

const MOST_BYTES = 2 ** 42;

/** The first bytes of a regular file, parsed. @throws WORK_DISK_MISSING, WORK_DISK_NOT_A_FILE */
export async function readHeader(file: string): Promise<{ path: string; bytes: number; header: DiskHeader }> {
  const { path, bytes, head } = await readHead(file);
  return { path, bytes, header: readDiskHeader(head) };
}

/** Up to HEADER_BYTES of a regular file, and how large it is. @throws WORK_DISK_MISSING, WORK_DISK_NOT_A_FILE */
export async function readHead(file: string): Promise<{ path: string; bytes: number; head: Buffer }> {
  try {
    const path = await realpath(file);
    const stats = await stat(path);
    // Before open(): a FIFO would keep us waiting for a writer.
    if (!stats.isFile()) throw VmgateError.of(errors.WORK_DISK_NOT_A_FILE, { file: path, kind: kindOf(stats) });
    const handle = await open(path, 'r');
    try {
      const head = Buffer.alloc(Math.min(HEADER_BYTES, stats.size));
      const { bytesRead } = await handle.read(head, 0, head.length, 0);
      return { path, bytes: stats.size, head: head.subarray(0, bytesRead) };
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (VmgateError.is(cause)) throw cause;
    const why = errnoOf(cause) ?? messageOf(cause);
    throw VmgateError.of(errors.WORK_DISK_MISSING, { file, why }, { cause });
  }
}

/** Most dangerous first: what reaches outside, then what merely does not work. */
function refuseReferences(file: string, header: DiskHeader): Extract<DiskHeader, { format: 'qcow2' }> {
  if (header.format === 'other') throw VmgateError.of(errors.WORK_DISK_FORMAT, { file, format: header.name });
  if (header.format === 'broken') throw VmgateError.of(errors.WORK_DISK_CORRUPT, { file, why: header.why });
  if (header.format === 'raw') throw VmgateError.of(errors.WORK_DISK_FORMAT, { file, format: 'raw' });
  const { backingFile, dataFile, encrypted, markedCorrupt, unknownFeatures } = header;
  if (backingFile !== undefined) throw VmgateError.of(errors.WORK_DISK_BACKING, { file, backing: backingFile });
  if (dataFile !== undefined) throw VmgateError.of(errors.WORK_DISK_DATA_FILE, { file, data: dataFile });
  if (encrypted) throw VmgateError.of(errors.WORK_DISK_ENCRYPTED, { file });
  if (unknownFeatures.length > 0) {
    const feature = `incompatible bit ${unknownFeatures.join(', ')}`;
    throw VmgateError.of(errors.WORK_DISK_UNKNOWN_FEATURE, { file, feature });
  }
  if (markedCorrupt) throw VmgateError.of(errors.WORK_DISK_CORRUPT, { file, why: 'QEMU marked it so' });
  return header;
}

/** `-f`: nothing is guessed. `-U`: the disk may be in use. The path is absolute, so it cannot read as `nbd:..`. */
async function imageInfoOf(file: string, runTool: Run): Promise<ImageInfo> {
  const argv = ['info', '--output=json', '-U', '-f', 'qcow2', file];
  const result = await runTool({ tool: 'qemu-img', argv, timeoutMs: INFO_TIMEOUT_MS, maxBytes: 262_144 });
  if (result.code === 1 && !result.timedOut) {
    const evidence = result.stderr.split('\n');
    throw VmgateError.of(errors.WORK_DISK_CORRUPT, { file, why: 'qemu-img cannot read it' }, { evidence });
  }
  const parsed = imageInfo.safeParse(parseJson(expectOk(result, `reading the header of ${file}`).stdout));
  if (!parsed.success) throw VmgateError.of(errors.WORK_DISK_CORRUPT, { file, why: 'qemu-img says nothing usable' });
  return parsed.data;
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a folder';
  if (stats.isBlockDevice()) return 'a block device';
  if (stats.isCharacterDevice()) return 'a character device';
  return stats.isFIFO() ? 'a pipe' : 'a socket';
}
