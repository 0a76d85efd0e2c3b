/**
 * A VMDK's header and the descriptor inside it, from VMware's "Virtual Disk Format 5.0" as QEMU's block/vmdk.c has it. A
 * descriptor names the files that hold the data, and a parent: any file of this machine. So only a disk that is one file
 * and lies over none is taken, and of its descriptor nothing is used.
 */
import type { ForeignHeader } from './vdi.ts';

const SECTOR = 512;
const MAX_DESCRIPTOR_SECTORS = 2_048;
const QEMU_DESCRIPTOR_BYTES = 10_240;
const MAX_NAME = 1_023;

/** `head`: the file's first 2 MiB, or all of it. Never throws. */
export function readVmdk(head: Buffer): ForeignHeader {
  const broken = (why: string): ForeignHeader => ({ kind: 'broken', why });
  const magic = head.subarray(0, 4).toString('latin1');
  // A descriptor alone is text; ESX's COWD names its parent in its header.
  if (magic === '# Di') return { kind: 'extent', name: extentsOf(head.toString('latin1'))[0] ?? 'unnamed' };
  if (magic === 'COWD') return { kind: 'differencing' };
  if (magic !== 'KDMV' || head.length < SECTOR) return broken('its header is cut short');
  const version = head.readUInt32LE(4);
  if (version < 1 || version > 3) return broken(`it is of the unknown VMDK version ${version}`);
  const [capacity, at, length] = [head.readBigUInt64LE(12), head.readBigUInt64LE(28), head.readBigUInt64LE(36)];
  // Zero: QEMU would open the embedded descriptor as if it stood alone, with every file it names.
  if (capacity === 0n) return { kind: 'extent', name: 'a descriptor in its place' };
  if (capacity > BigInt(Number.MAX_SAFE_INTEGER) / BigInt(SECTOR)) return broken('it says it is larger than any disk');
  const end = (at + length) * BigInt(SECTOR);
  if (length > BigInt(MAX_DESCRIPTOR_SECTORS) || end > BigInt(head.length))
    return broken('its descriptor is cut short');
  const descriptor = head.subarray(Number(at) * SECTOR, Number(end)).toString('latin1');
  // QEMU looks for a parent in the second sector, wherever the header says the descriptor is.
  const second = head.subarray(SECTOR, SECTOR + QEMU_DESCRIPTOR_BYTES).toString('latin1');
  return judgeDescriptor(descriptor, second, Number(capacity) * SECTOR);
}

function judgeDescriptor(descriptor: string, second: string, virtualBytes: number): ForeignHeader {
  const parent = /parentFileNameHint/i.test(`${descriptor}\n${second}`);
  const cid = /parentCID\s*=\s*([0-9a-f]*)/i.exec(descriptor)?.[1] ?? 'ffffffff';
  if (parent || cid.toLowerCase() !== 'ffffffff') return { kind: 'differencing' };
  const extents = extentsOf(descriptor);
  const [first] = extents;
  // One file names itself, without a folder.
  const foreign = extents.find((name) => name.includes('/') || name.includes('\\') || name !== first);
  return foreign === undefined ? { kind: 'whole', virtualBytes } : { kind: 'extent', name: foreign };
}

/** Names in lines like `RW 4192256 SPARSE "disk-s001.vmdk"`: hostile text. */
function extentsOf(descriptor: string): readonly string[] {
  const lines = descriptor.split(/[\r\n\0]+/).filter((line) => /^\s*(RW|RDONLY|NOACCESS)\s/.test(line));
  return lines.map((line) => (/"([^"]*)"/.exec(line)?.[1] ?? line.trim()).slice(0, MAX_NAME));
}
