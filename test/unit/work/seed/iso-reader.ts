/** A reader of ISO 9660 written after the standard and not after the writer: descriptor, root, entries, extents. */

const SECTOR = 2_048;

export interface ReadIso {
  readonly label: string;
  /** Name in small letters to content in hex. */
  readonly files: ReadonlyMap<string, string>;
}

export function readIso9660(image: Buffer): ReadIso {
  const descriptor = image.subarray(16 * SECTOR, 17 * SECTOR);
  if (descriptor.toString('latin1', 0, 7) !== '\x01CD001\x01') throw new Error('no primary descriptor');
  if (image.toString('latin1', 17 * SECTOR, 17 * SECTOR + 7) !== '\xffCD001\x01') throw new Error('no terminator');
  if (both(descriptor, 80) * SECTOR !== image.length) throw new Error('the size is told wrongly');
  const root = descriptor.subarray(156, 190);
  const [start, length] = [both(root, 2) * SECTOR, both(root, 10)];
  const files = new Map<string, string>();
  for (let at = start; at < start + length; ) {
    const bytes = image[at] ?? 0;
    if (bytes === 0) break;
    const entry = image.subarray(at, at + bytes);
    const name = entry.toString('latin1', 33, 33 + (entry[32] ?? 0));
    if (name !== '\0' && name !== '\x01') {
      const extent = both(entry, 2) * SECTOR;
      const known = name.toLowerCase().replace(/\.?;1$/, '');
      files.set(known, image.toString('hex', extent, extent + both(entry, 10)));
    }
    at += bytes;
  }
  return { label: descriptor.toString('latin1', 40, 72).trimEnd(), files };
}

function both(bytes: Buffer, at: number): number {
  const [little, big] = [bytes.readUInt32LE(at), bytes.readUInt32BE(at + 4)];
  if (little !== big) throw new Error('a number is two different ones');
  return little;
}
