import { describe, expect, test } from '@jest/globals';
import { readDiskHeader } from '../../../src/work/disk-header.ts';

interface Fields {
  readonly version?: number;
  readonly backing?: string;
  readonly clusterBits?: number;
  readonly size?: bigint;
  readonly crypt?: number;
  readonly features?: bigint;
  readonly extensions?: readonly (readonly [type: number, data: string])[];
}

/** A qcow2 header as docs/interop/qcow2.txt lays it out. */
function qcow2({
  version = 3,
  backing,
  clusterBits = 16,
  size = 64n << 20n,
  crypt = 0,
  features = 0n,
  extensions = [],
}: Fields = {}): Buffer {
  const head = Buffer.alloc(65_536);
  head.write('QFI\xfb', 'latin1');
  head.writeUInt32BE(version, 4);
  head.writeUInt32BE(clusterBits, 20);
  head.writeBigUInt64BE(size, 24);
  head.writeUInt32BE(crypt, 32);
  if (version === 3) {
    head.writeBigUInt64BE(features, 72);
    head.writeUInt32BE(104, 100);
  }
  let at = version === 3 ? 104 : 72;
  for (const [type, data] of extensions) {
    head.writeUInt32BE(type, at);
    head.writeUInt32BE(Buffer.byteLength(data), at + 4);
    head.write(data, at + 8);
    at += 8 + Math.ceil(Buffer.byteLength(data) / 8) * 8;
  }
  if (backing !== undefined) {
    head.writeBigUInt64BE(BigInt(at + 8), 8);
    head.writeUInt32BE(Buffer.byteLength(backing), 16);
    head.write(backing, at + 8);
  }
  return head;
}

const DATA_FILE = 0x4441_5441;
const BACKING_FORMAT = 0xe279_2aca;

describe('a qcow2 header', () => {
  test.each([2, 3])('of version %i that refers to nothing', (version) => {
    expect(readDiskHeader(qcow2({ version }))).toEqual({
      format: 'qcow2',
      virtualBytes: 67_108_864,
      backingFile: undefined,
      dataFile: undefined,
      encrypted: false,
      markedCorrupt: false,
      unknownFeatures: [],
    });
  });

  test.each(['/etc/shadow', 'nbd://192.0.2.1/x', 'json:{"driver":"https"}', 'base.qcow2'])(
    'with backing file %s',
    (backing) => {
      const extensions = [[BACKING_FORMAT, 'raw']] as const;
      expect(readDiskHeader(qcow2({ backing, extensions }))).toMatchObject({ backingFile: backing });
      expect(readDiskHeader(qcow2({ backing, version: 2 }))).toMatchObject({ backingFile: backing });
    },
  );

  test('whose backing file name lies outside of what was read still has a backing file', () => {
    const head = qcow2({ backing: '/etc/shadow' });
    head.writeBigUInt64BE(1n << 40n, 8);
    expect(readDiskHeader(head)).toMatchObject({ backingFile: 'unnamed' });
  });

  test('whose backing file has no length still has a backing file', () => {
    const head = qcow2({ backing: '/etc/shadow' });
    head.writeUInt32BE(0, 16);
    expect(readDiskHeader(head)).toMatchObject({ backingFile: 'unnamed' });
  });

  test('with a data file, by feature bit, by extension, or both', () => {
    const extensions = [
      [BACKING_FORMAT, 'raw'],
      [DATA_FILE, '/dev/sda'],
    ] as const;
    expect(readDiskHeader(qcow2({ features: 4n }))).toMatchObject({ dataFile: 'unnamed' });
    expect(readDiskHeader(qcow2({ extensions }))).toMatchObject({ dataFile: '/dev/sda' });
    expect(readDiskHeader(qcow2({ extensions, features: 4n }))).toMatchObject({ dataFile: '/dev/sda' });
  });

  test('encrypted, marked corrupt, or of the future', () => {
    expect(readDiskHeader(qcow2({ crypt: 2 }))).toMatchObject({ encrypted: true });
    expect(readDiskHeader(qcow2({ features: 2n }))).toMatchObject({ markedCorrupt: true });
    expect(readDiskHeader(qcow2({ features: (1n << 5n) | (1n << 63n) }))).toMatchObject({ unknownFeatures: [5, 63] });
    expect(readDiskHeader(qcow2({ features: 0b11001n }))).toMatchObject({ unknownFeatures: [] });
  });

  test.each([
    ['a version nobody wrote', qcow2({ version: 9 })],
    ['impossible clusters', qcow2({ clusterBits: 40 })],
    ['an impossible size', qcow2({ size: 1n << 60n })],
    ['only its first bytes', qcow2().subarray(0, 60)],
    ['half of version 3', qcow2().subarray(0, 80)],
  ])('with %s is broken', (_, head) => {
    expect(readDiskHeader(head)).toMatchObject({ format: 'broken' });
  });
});

test.each([
  ['VMDK', Buffer.from('KDMV\x01\0\0\0')],
  ['VMDK', Buffer.from('# Disk DescriptorFile\nversion=1\n')],
  ['VHDX', Buffer.from('vhdxfile')],
  ['VDI', Buffer.concat([Buffer.alloc(64, 0x20), Buffer.from('\x7f\x10\xda\xbe', 'latin1')])],
  ['QED', Buffer.from('QED\0')],
  ['LUKS', Buffer.from('LUKS\xba\xbe', 'latin1')],
  ['QCOW (version 1)', qcow2({ version: 1 })],
])('%s is told by its first bytes', (name, head) => {
  expect(readDiskHeader(head)).toEqual({ format: 'other', name });
});

test('anything else is raw, an empty file too', () => {
  expect(readDiskHeader(Buffer.alloc(0))).toEqual({ format: 'raw' });
  expect(readDiskHeader(Buffer.alloc(512))).toEqual({ format: 'raw' });
});
