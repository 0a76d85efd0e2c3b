/** What `vm import` is given, looked at from outside: which disk, which machine around it. Nothing is written. */
import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import path from 'node:path';
import { VmgateError } from '../../core/coded.ts';
import { messageOf } from '../../host/index.ts';
import { errors } from '../codes.ts';
import { readDiskHeader } from '../disk-header.ts';
import { inspectDisk, readHead, refuseTooLarge } from '../inspect-disk.ts';
import { readVbox, type VboxMachine } from './vbox.ts';
import { type ForeignHeader, readVdi } from './vdi.ts';
import { readVmdk } from './vmdk.ts';

export interface ImportedDisk {
  /** Absolute, symbolic links resolved. */
  readonly path: string;
  /** `vdi` and `vmdk` are converted; over the others an overlay is laid. */
  readonly format: 'qcow2' | 'raw' | 'vdi' | 'vmdk';
  readonly virtualBytes: number;
}

export interface ImportSource {
  readonly disk: ImportedDisk;
  /** Undefined for a disk by itself. */
  readonly machine: VboxMachine | undefined;
}

const MAX_VBOX_BYTES = 4_194_304;
const FORMATS: Readonly<Record<string, ImportedDisk['format']>> = {
  '.qcow2': 'qcow2',
  '.raw': 'raw',
  '.img': 'raw',
  '.vdi': 'vdi',
  '.vmdk': 'vmdk',
};
const NAMES: Readonly<Record<string, string>> = { qcow2: 'qcow2', raw: 'raw', vdi: 'VDI', vmdk: 'VMDK' };

/** @throws WORK_IMPORT_*, WORK_DISK_*, HOST_TOOL_MISSING */
export async function readImportSource(file: string): Promise<ImportSource> {
  if (path.extname(file).toLowerCase() !== '.vbox') return { disk: await readDisk(file), machine: undefined };
  const machine = await readMachine(file);
  return { disk: await readDisk(await besideVbox(file, machine.disk)), machine };
}

async function readDisk(file: string): Promise<ImportedDisk> {
  const format = FORMATS[path.extname(file).toLowerCase()];
  if (format === undefined) throw VmgateError.of(errors.WORK_IMPORT_KIND, { file });
  const { path: found, head } = await readHead(file);
  const header = readDiskHeader(head);
  if (header.format === 'other' && header.name === 'LUKS')
    throw VmgateError.of(errors.WORK_DISK_ENCRYPTED, { file: found });
  const kind = header.format === 'other' ? header.name : header.format;
  const named = NAMES[format] ?? format;
  // A broken one is told so below, by the reader of its format.
  if (kind !== named && kind !== 'broken')
    throw VmgateError.of(errors.WORK_IMPORT_MISMATCH, { file: found, named, found: kind });
  if (format === 'qcow2' || format === 'raw') return inspectDisk(file);
  return { path: found, format, virtualBytes: judge(found, format === 'vdi' ? readVdi(head) : readVmdk(head)) };
}

function judge(file: string, header: ForeignHeader): number {
  switch (header.kind) {
    case 'extent':
      throw VmgateError.of(errors.WORK_DISK_EXTENTS, { file, extent: header.name });
    case 'differencing':
      throw VmgateError.of(errors.WORK_IMPORT_DIFFERENCING, { file });
    case 'broken':
      throw VmgateError.of(errors.WORK_DISK_CORRUPT, { file, why: header.why });
    case 'whole':
      refuseTooLarge(file, header.virtualBytes);
      return header.virtualBytes;
  }
}

async function readMachine(file: string): Promise<VboxMachine> {
  const refuse = (why: string, cause?: unknown) => VmgateError.of(errors.WORK_IMPORT_VBOX, { file, why }, { cause });
  const reading = readVbox(await readText(file, refuse));
  switch (reading.kind) {
    case 'machine':
      return reading.machine;
    case 'refused':
      throw refuse(reading.why);
    case 'differencing':
      throw VmgateError.of(errors.WORK_IMPORT_DIFFERENCING, { file: reading.disk });
    case 'encrypted':
      throw VmgateError.of(errors.WORK_DISK_ENCRYPTED, { file: reading.disk });
  }
}

async function readText(file: string, refuse: (why: string, cause?: unknown) => VmgateError): Promise<string> {
  try {
    // Not blocking: a FIFO in its place must not hang the command.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const facts = await handle.stat();
      if (!facts.isFile()) throw refuse('it is not a file');
      if (facts.size > MAX_VBOX_BYTES) throw refuse('it is larger than 4 MiB');
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw VmgateError.is(cause) ? cause : refuse(messageOf(cause), cause);
  }
}

/** A machine file from elsewhere could name any disk of this machine: only those that came with it are taken. */
async function besideVbox(file: string, disk: string): Promise<string> {
  const folder = path.dirname(await realpath(file));
  const found = await realpath(path.resolve(folder, disk)).catch((cause: unknown) => {
    throw VmgateError.of(errors.WORK_DISK_MISSING, { file: disk, why: messageOf(cause) }, { cause });
  });
  if (found.startsWith(`${folder}${path.sep}`)) return found;
  throw VmgateError.of(errors.WORK_IMPORT_DISK_ELSEWHERE, { file, disk: found });
}
