/** The few facts about 64-bit little-endian ELF files that decide what must be in an image (elf(5)). */

export interface ElfFacts {
  /** Dynamic loader, absolute (`/lib64/ld-linux-x86-64.so.2`); undefined for libraries and static programs. */
  readonly interpreter: string | undefined;
  /** Names of libraries this file needs (`libc.so.6`). */
  readonly needed: readonly string[];
}

/** NAME_MAX of Linux: longer ones are no file's. */
const MAX_NAME = 255;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NEEDED = 1;
const DT_STRTAB = 5;

export function isElf(data: Buffer): boolean {
  return data.length >= 64 && data.readUInt32BE(0) === 0x7f454c46 && data[4] === 2 && data[5] === 1;
}

/** @throws RangeError when the headers point outside of the file. */
export function readElf(data: Buffer): ElfFacts {
  const segments = programHeaders(data);
  const interpreter = segments.find(({ type }) => type === PT_INTERP);
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  return {
    interpreter: interpreter && text(data, interpreter.offset),
    needed: dynamic === undefined ? [] : neededNames(data, segments, dynamic),
  };
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

function programHeaders(data: Buffer): readonly Segment[] {
  const table = number64(data, 32);
  const entrySize = data.readUInt16LE(54);
  return Array.from({ length: data.readUInt16LE(56) }, (_, index) => {
    const at = table + index * entrySize;
    return {
      type: data.readUInt32LE(at),
      offset: number64(data, at + 8),
      address: number64(data, at + 16),
      size: number64(data, at + 32),
    };
  });
}

function neededNames(data: Buffer, segments: readonly Segment[], dynamic: Segment): readonly string[] {
  const tags: { readonly tag: number; readonly value: number }[] = [];
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16)
    tags.push({ tag: number64(data, at), value: number64(data, at + 8) });
  const strings = tags.find(({ tag }) => tag === DT_STRTAB)?.value ?? 0;
  const home = segments.find(
    ({ type, address, size }) => type === PT_LOAD && strings >= address && strings < address + size,
  );
  if (home === undefined) return [];
  const base = strings - home.address + home.offset;
  return tags.filter(({ tag }) => tag === DT_NEEDED).map(({ value }) => text(data, base + value));
}

/** The `key=value` strings of a kernel module's `.modinfo` section. */
export function readModuleInfo(data: Buffer): readonly (readonly [key: string, value: string])[] {
  const section = sectionNamed(data, '.modinfo');
  return section
    .toString('latin1')
    .split('\0')
    .filter((line) => line.includes('='))
    .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const);
}

function sectionNamed(data: Buffer, name: string): Buffer {
  const table = number64(data, 40);
  const entrySize = data.readUInt16LE(58);
  const header = (index: number) => table + index * entrySize;
  const names = number64(data, header(data.readUInt16LE(62)) + 24);
  for (let index = 0; index < data.readUInt16LE(60); index++) {
    const at = header(index);
    if (text(data, names + data.readUInt32LE(at)) !== name) continue;
    const offset = number64(data, at + 24);
    return data.subarray(offset, offset + number64(data, at + 32));
  }
  return Buffer.alloc(0);
}

/** File offsets fit a double by far; dynamic tags above 2^53 are none that are read here. */
function number64(data: Buffer, at: number): number {
  return Number(data.readBigUInt64LE(at));
}

/** Bounded: a hostile file could have each of its thousand names be the whole rest of it. */
function text(data: Buffer, at: number): string {
  const length = data.subarray(at, at + MAX_NAME + 1).indexOf(0);
  if (length < 0) throw new RangeError('a name without an end');
  return data.toString('latin1', at, at + length);
}
