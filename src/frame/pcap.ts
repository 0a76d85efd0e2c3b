/** Classic pcap files (pcap-savefile(5)), link type Ethernet, little-endian, microseconds. */

export interface CapturedFrame {
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  /** Bytes on the wire; `frame` may hold fewer. */
  readonly originalLength: number;
  readonly frame: Buffer;
}

export const PCAP_HEADER = 24;
export const PCAP_RECORD_HEADER = 16;
const MAGIC = 0xa1b2c3d4;
const MAGIC_NANOSECONDS = 0xa1b23c4d;
const ETHERNET = 1;
/** Longer records are not frames: libpcap's own MAXIMUM_SNAPLEN. */
const MAX_SNAPLEN = 262_144;
/** Read at once when a file is walked. */
const WINDOW = 1_048_576;

export function pcapHeader(snapLength: number): Buffer {
  const header = Buffer.alloc(PCAP_HEADER);
  header.writeUInt32LE(MAGIC, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(snapLength, 16);
  header.writeUInt32LE(ETHERNET, 20);
  return header;
}

/** One record; the frame is cut to `snapLength` bytes, and may have come here cut already. */
export function pcapRecord(
  atMs: number,
  frame: Uint8Array,
  snapLength: number,
  originalLength: number = frame.length,
): Buffer {
  const captured = frame.subarray(0, snapLength);
  const header = Buffer.alloc(PCAP_RECORD_HEADER);
  header.writeUInt32LE(Math.floor(atMs / 1_000) >>> 0, 0);
  header.writeUInt32LE(Math.floor((atMs % 1_000) * 1_000), 4);
  header.writeUInt32LE(captured.length, 8);
  header.writeUInt32LE(originalLength, 12);
  return Buffer.concat([header, captured]);
}

/**
 * The frames of a file, of either byte order and precision; undefined when it is no Ethernet pcap. A record cut short
 * (its writer was killed) ends the list.
 */
export function parsePcap(file: Buffer): CapturedFrame[] | undefined {
  if (file.length < PCAP_HEADER) return undefined;
  const little = isMagic(file.readUInt32LE(0));
  if (!little && !isMagic(file.readUInt32BE(0))) return undefined;
  const read = (at: number) => (little ? file.readUInt32LE(at) : file.readUInt32BE(at));
  if ((read(20) & 0xffff) !== ETHERNET) return undefined;
  const fractionsPerMs = read(0) === MAGIC ? 1e3 : 1e6;
  const frames: CapturedFrame[] = [];
  let at = PCAP_HEADER;
  while (at + PCAP_RECORD_HEADER <= file.length) {
    const length = read(at + 8);
    const end = at + PCAP_RECORD_HEADER + length;
    if (length > MAX_SNAPLEN || end > file.length) break;
    frames.push({
      atMs: read(at) * 1_000 + read(at + 4) / fractionsPerMs,
      originalLength: read(at + 12),
      frame: file.subarray(at + PCAP_RECORD_HEADER, end),
    });
    at = end;
  }
  return frames;
}

/**
 * Bytes of a file that {@link pcapHeader} began which hold whole records; what is behind them was cut short, and anything
 * written after that would be read as part of it. `readAt` gives what it can of `length` bytes.
 */
export function wholePcapBytes(size: number, readAt: (position: number, length: number) => Buffer): number {
  let at = PCAP_HEADER;
  let window: Buffer = Buffer.alloc(0);
  let start = 0;
  while (at + PCAP_RECORD_HEADER <= size) {
    if (at + PCAP_RECORD_HEADER > start + window.length) {
      start = at;
      window = readAt(at, WINDOW);
      if (window.length < PCAP_RECORD_HEADER) return at;
    }
    const length = window.readUInt32LE(at - start + 8);
    const end = at + PCAP_RECORD_HEADER + length;
    if (length > MAX_SNAPLEN || end > size) return at;
    at = end;
  }
  return at;
}

function isMagic(value: number): boolean {
  return value === MAGIC || value === MAGIC_NANOSECONDS;
}
