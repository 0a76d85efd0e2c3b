/**
 * The first bytes of a disk image, read by vmgate itself: a hostile image is refused before any QEMU tool has seen it
 * (leak case 66; CVE-2024-4467 was `qemu-img info` following a data file). Layout: QEMU's docs/interop/qcow2.txt.
 */

/** How much of the file to hand to {@link readDiskHeader}: the largest qcow2 cluster, which holds header and extensions. */
export const HEADER_BYTES = 2_097_152;

export type DiskHeader =
  | {
      readonly format: 'qcow2';
      readonly virtualBytes: number;
      /** Names inside the image, as they stand there: hostile text. */
      readonly backingFile: string | undefined;
      readonly dataFile: string | undefined;
      readonly encrypted: boolean;
      readonly markedCorrupt: boolean;
      /** Numbers of incompatible feature bits beyond those known here. */
      readonly unknownFeatures: readonly number[];
    }
  | { readonly format: 'raw' }
  /** A container that is neither: given to a guest as raw it would only be garbage. */
  | { readonly format: 'other'; readonly name: string }
  | { readonly format: 'broken'; readonly why: string };

const QCOW_MAGIC = 0x5146_49fb;
const V2_LENGTH = 72;
const V3_LENGTH = 104;
const MAX_NAME = 1_023;

/** Incompatible features: dirty, corrupt, external data file, compression type, extended L2 entries. */
const [CORRUPT_BIT, DATA_FILE_BIT, KNOWN_BITS] = [1, 2, 5];
const DATA_FILE_EXTENSION = 0x4441_5441;

const OTHER_FORMATS: readonly { readonly name: string; readonly at: number; readonly magic: string }[] = [
  { name: 'VMDK', at: 0, magic: 'KDMV' },
  { name: 'VMDK', at: 0, magic: 'COWD' },
  { name: 'VMDK', at: 0, magic: '# Disk DescriptorFile' },
  { name: 'VHDX', at: 0, magic: 'vhdxfile' },
  { name: 'VHD', at: 0, magic: 'conectix' },
  { name: 'VDI', at: 64, magic: '\x7f\x10\xda\xbe' },
  { name: 'QED', at: 0, magic: 'QED\0' },
  { name: 'LUKS', at: 0, magic: 'LUKS\xba\xbe' },
  { name: 'Parallels', at: 0, magic: 'WithoutFreeSpace' },
  { name: 'Parallels', at: 0, magic: 'WithouFreSpacExt' },
  { name: 'Bochs', at: 0, magic: 'Bochs Virtual HD Image' },
];

/** `head`: the file's first HEADER_BYTES, or all of it. Never throws. */
export function readDiskHeader(head: Buffer): DiskHeader {
  if (head.length >= 4 && head.readUInt32BE(0) === QCOW_MAGIC) return readQcow(head);
  const latin = head.subarray(0, 128).toString('latin1');
  const other = OTHER_FORMATS.find(({ at, magic }) => latin.startsWith(magic, at));
  return other === undefined ? { format: 'raw' } : { format: 'other', name: other.name };
}

function readQcow(head: Buffer): DiskHeader {
  const broken = (why: string): DiskHeader => ({ format: 'broken', why });
  if (head.length < V2_LENGTH) return broken('its header is cut short');
  const version = head.readUInt32BE(4);
  if (version === 1) return { format: 'other', name: 'QCOW (version 1)' };
  if (version !== 2 && version !== 3) return broken(`it says it is qcow2 version ${version}`);
  if (version === 3 && head.length < V3_LENGTH) return broken('its header is cut short');
  const clusterBits = head.readUInt32BE(20);
  if (clusterBits < 9 || clusterBits > 21) return broken(`its clusters have 2^${clusterBits} bytes`);
  const virtualBytes = head.readBigUInt64BE(24);
  if (virtualBytes > BigInt(Number.MAX_SAFE_INTEGER)) return broken('it says it is larger than any disk');
  const features = version === 3 ? head.readBigUInt64BE(72) : 0n;
  const has = (bit: number) => ((features >> BigInt(bit)) & 1n) === 1n;
  const backingOffset = head.readBigUInt64BE(8);
  const dataFile = dataFileName(head, version === 3 ? head.readUInt32BE(100) : V2_LENGTH);
  return {
    format: 'qcow2',
    virtualBytes: Number(virtualBytes),
    backingFile: backingOffset === 0n ? undefined : nameAt(head, backingOffset, head.readUInt32BE(16)),
    dataFile: has(DATA_FILE_BIT) || dataFile !== undefined ? (dataFile ?? 'unnamed') : undefined,
    encrypted: head.readUInt32BE(32) !== 0,
    markedCorrupt: has(CORRUPT_BIT),
    unknownFeatures: Array.from({ length: 64 - KNOWN_BITS }, (_, index) => index + KNOWN_BITS).filter(has),
  };
}

/** Header extensions: type, length, data padded to 8 bytes; type 0 ends them. A bad chain ends the search, not the judgement. */
function dataFileName(head: Buffer, from: number): string | undefined {
  for (let at = from; at + 8 <= head.length; ) {
    const type = head.readUInt32BE(at);
    const length = head.readUInt32BE(at + 4);
    if (type === 0) return undefined;
    if (type === DATA_FILE_EXTENSION) return nameAt(head, BigInt(at + 8), length);
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return undefined;
}

function nameAt(head: Buffer, offset: bigint, length: number): string {
  const name = head.subarray(Number(offset), Number(offset) + Math.min(length, MAX_NAME)).toString('utf8');
  return name === '' ? 'unnamed' : name;
}
