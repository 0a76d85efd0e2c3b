/**
 * The smallest ISO 9660 image that holds a few files in its root (ECMA-119, interchange level 2): deterministic, so that
 * equal files are equal bytes. No Rock Ridge, no Joliet: Linux shows `USER-DATA.;1` as `user-data` by itself.
 */

const SECTOR = 2_048;
/** Sectors 0 to 15 are for systems that boot from it. */
const DESCRIPTOR = 16;
const [PATHS_LITTLE, PATHS_BIG, ROOT, FIRST_FILE] = [18, 19, 20, 21] as const;
/** Year since 1900, month, day, hour, minute, second, offset from UTC. */
const DATE = [80, 1, 1, 0, 0, 0, 0] as const;
const NAME = /^[a-z0-9_-]{1,28}$/;

export interface IsoFile {
  /** Small letters, digits, `_` and `-`. */
  readonly name: string;
  readonly data: Uint8Array;
}

/**
 * @param label volume label, up to 32 of A-Z, 0-9 and `_`
 * @throws RangeError for a name that does not fit, or more files than one sector of entries holds
 */
export function writeIso9660(label: string, files: readonly IsoFile[]): Buffer {
  const sorted = files.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  let next: number = FIRST_FILE;
  const placed = sorted.map(({ name, data }) => {
    if (!NAME.test(name)) throw new RangeError(`${JSON.stringify(name)} is no name for a file of a seed`);
    const sector = next;
    next += Math.ceil(data.length / SECTOR);
    return { identifier: Buffer.from(`${name.toUpperCase()}.;1`), sector, data };
  });
  const image = Buffer.alloc(next * SECTOR);
  const root = entry(Buffer.from([0]), ROOT, SECTOR, true);
  primaryDescriptor(label, next, root).copy(image, DESCRIPTOR * SECTOR);
  Buffer.from('\xffCD001\x01', 'latin1').copy(image, (DESCRIPTOR + 1) * SECTOR);
  pathTable('LE').copy(image, PATHS_LITTLE * SECTOR);
  pathTable('BE').copy(image, PATHS_BIG * SECTOR);
  const parent = entry(Buffer.from([1]), ROOT, SECTOR, true);
  const entries = placed.map(({ identifier, sector, data }) => entry(identifier, sector, data.length, false));
  const folder = Buffer.concat([root, parent, ...entries]);
  if (folder.length > SECTOR) throw new RangeError(`${files.length} files are more than a seed holds`);
  folder.copy(image, ROOT * SECTOR);
  for (const { sector, data } of placed) Buffer.from(data).copy(image, sector * SECTOR);
  return image;
}

function primaryDescriptor(label: string, sectors: number, root: Buffer): Buffer {
  const descriptor = Buffer.alloc(SECTOR);
  descriptor.write('\x01CD001\x01', 'latin1');
  descriptor.fill(0x20, 8, 72);
  descriptor.write(label, 40, 'latin1');
  both32(sectors).copy(descriptor, 80);
  for (const at of [120, 124]) both16(1).copy(descriptor, at); // one volume, and this is it
  both16(SECTOR).copy(descriptor, 128);
  both32(PATH_TABLE_BYTES).copy(descriptor, 132);
  descriptor.writeUInt32LE(PATHS_LITTLE, 140);
  descriptor.writeUInt32BE(PATHS_BIG, 148);
  root.copy(descriptor, 156);
  descriptor.fill(0x20, 190, 813); // names of people and files: none
  const never = `${'0'.repeat(16)}\0`;
  for (const at of [813, 830, 847, 864]) descriptor.write(never, at, 'latin1');
  descriptor[881] = 1;
  return descriptor;
}

const PATH_TABLE_BYTES = 10;

function pathTable(order: 'LE' | 'BE'): Buffer {
  const table = Buffer.alloc(PATH_TABLE_BYTES);
  table[0] = 1; // the root's name is one byte, 0
  if (order === 'LE') {
    table.writeUInt32LE(ROOT, 2);
    table.writeUInt16LE(1, 6);
  } else {
    table.writeUInt32BE(ROOT, 2);
    table.writeUInt16BE(1, 6);
  }
  return table;
}

/** A directory record (ECMA-119 9.1), padded to an even length. */
function entry(identifier: Buffer, sector: number, bytes: number, isFolder: boolean): Buffer {
  const length = 33 + identifier.length + ((identifier.length + 1) % 2);
  const record = Buffer.alloc(length);
  record[0] = length;
  both32(sector).copy(record, 2);
  both32(bytes).copy(record, 10);
  Buffer.from(DATE).copy(record, 18);
  record[25] = isFolder ? 2 : 0;
  both16(1).copy(record, 28);
  record[32] = identifier.length;
  identifier.copy(record, 33);
  return record;
}

/** Numbers stand there twice, in either order of bytes. */
function both32(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(value, 0);
  bytes.writeUInt32BE(value, 4);
  return bytes;
}

function both16(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16LE(value, 0);
  bytes.writeUInt16BE(value, 2);
  return bytes;
}
