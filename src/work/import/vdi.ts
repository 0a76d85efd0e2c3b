/** A VDI header, from VirtualBox's VDICore.h as QEMU's block/vdi.c has it; little-endian. */

export type ForeignHeader =
  | { readonly kind: 'whole'; readonly virtualBytes: number }
  /** Lies over another disk. */
  | { readonly kind: 'differencing' }
  /** Its data is in the file of this name: hostile text. */
  | { readonly kind: 'extent'; readonly name: string }
  | { readonly kind: 'broken'; readonly why: string };

const HEADER_BYTES = 456;
const VERSION_1_1 = 0x0001_0001;
const [DYNAMIC, FIXED, DIFFERENCING] = [1, 2, 4];

/** `head`: the first bytes of the file. Never throws. */
export function readVdi(head: Buffer): ForeignHeader {
  const broken = (why: string): ForeignHeader => ({ kind: 'broken', why });
  if (head.length < HEADER_BYTES) return broken('its header is cut short');
  if (head.readUInt32LE(68) !== VERSION_1_1) return broken('it is of an unknown VDI version');
  const type = head.readUInt32LE(76);
  // UUIDs of the disk below, and of the snapshot it belongs to.
  const links = head.subarray(424, 456);
  if (type === DIFFERENCING || links.some((byte) => byte !== 0)) return { kind: 'differencing' };
  if (type !== DYNAMIC && type !== FIXED) return broken(`it is a VDI of the unknown kind ${type}`);
  const bytes = head.readBigUInt64LE(368);
  return bytes > BigInt(Number.MAX_SAFE_INTEGER)
    ? broken('it says it is larger than any disk')
    : { kind: 'whole', virtualBytes: Number(bytes) };
}
