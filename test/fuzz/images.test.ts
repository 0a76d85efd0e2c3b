import { createReadStream, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { pack } from 'tar-stream';
import { messageOf, sha256 } from '../../src/host/index.ts';
import { aptProgress } from '../../src/image/apt-progress.ts';
import { applets } from '../../src/image/busybox.ts';
import { type CpioEntry, writeCpio } from '../../src/image/cpio.ts';
import { isElf, readElf, readModuleInfo } from '../../src/image/elf.ts';
import type { ImageManifest } from '../../src/image/image.ts';
import { importImage } from '../../src/image/import.ts';
import { canonicalManifest, digestOf, fileOf, parseManifest } from '../../src/image/manifest.ts';
import { readPackageTar, resolveIn } from '../../src/image/package-tree.ts';
import { HEADER_BYTES, readDiskHeader } from '../../src/work/disk-header.ts';
import { elf, kernelModule, sampleTar } from '../unit/image/samples.ts';
import { readCpio } from './cpio-reader.ts';
import { fuzz, orCodedLater } from './fuzz.ts';
import { growsLinearly } from './growth.ts';
import { mutatedJson } from './json-mutate.ts';
import { mutated } from './mutate.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'vmgate-fuzz-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What docs/interop/qcow2.txt lays out: a clean disk, one with a backing file, one with a data file. */
function qcow2({ version = 3, backing = '', dataFile = '' }): Buffer {
  const head = Buffer.alloc(1_024);
  head.write('QFI\xfb', 'latin1');
  head.writeUInt32BE(version, 4);
  head.writeUInt32BE(16, 20);
  head.writeBigUInt64BE(64n << 20n, 24);
  if (version === 3) head.writeUInt32BE(104, 100);
  const at = version === 3 ? 104 : 72;
  if (dataFile !== '') {
    head.writeBigUInt64BE(4n, 72);
    head.write('DATA', at, 'latin1');
    head.writeUInt32BE(dataFile.length, at + 4);
    head.write(dataFile, at + 8);
  }
  if (backing !== '') {
    head.writeBigUInt64BE(512n, 8);
    head.writeUInt32BE(backing.length, 16);
    head.write(backing, 512);
  }
  return head;
}

fuzz({
  name: 'disk-header',
  around: [qcow2({}), qcow2({ version: 2 })],
  inputs: mutated(
    [
      qcow2({}),
      qcow2({ version: 2 }),
      qcow2({ backing: '/etc/shadow' }),
      qcow2({ dataFile: 'nbd://192.0.2.1/x' }),
      Buffer.from('# Disk DescriptorFile\n'),
    ],
    ['QFI\xfb', 'KDMV', 'vhdxfile', 'LUKS', Buffer.from('DATA'), Buffer.alloc(8)],
  ),
  judge: (head) => {
    const header = readDiskHeader(head);
    if (header.format === 'raw') expect(head.toString('latin1', 0, 4)).not.toBe('QFI\xfb');
    if (header.format !== 'qcow2') return;
    // What QEMU goes by: any offset is a backing file, the feature bit is a data file.
    if (header.backingFile === undefined) expect(head.readBigUInt64BE(8)).toBe(0n);
    const features = head.readUInt32BE(4) === 3 ? head.readBigUInt64BE(72) : 0n;
    if (header.dataFile === undefined) expect(features & 4n).toBe(0n);
    if (header.unknownFeatures.length === 0) expect(features & ~0b11111n).toBe(0n);
    if (!header.encrypted) expect(head.readUInt32BE(32)).toBe(0);
    expect((header.backingFile ?? '').length + (header.dataFile ?? '').length).toBeLessThan(2_100);
    expect(Number.isSafeInteger(header.virtualBytes)).toBe(true);
  },
});

/** Either facts or a RangeError: what selects files turns it into a failed build. */
function orRange<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (fault) {
    if (fault instanceof RangeError || (fault as { name?: unknown }).name === 'RangeError') return undefined;
    throw fault;
  }
}

fuzz({
  name: 'elf',
  inputs: mutated([
    elf(['libc.so.6', 'libtiny.so.1'], '/lib64/ld-tiny.so'),
    elf(['a']),
    kernelModule(['depends=a,b', 'alias=x']),
    elf([], undefined, '\0[\0[[\0cat\0sh\0\0'),
  ]),
  judge: (data) => {
    for (const name of applets(data)) expect(name).toMatch(/^[\w[.-]+$/);
    if (!isElf(data)) return;
    const facts = orRange(() => readElf(data));
    const info = orRange(() => readModuleInfo(data));
    expect(
      Math.max(...(facts?.needed ?? []).map(({ length }) => length), facts?.interpreter?.length ?? 0),
    ).toBeLessThan(256);
    expect((info ?? []).flat().join('').length).toBeLessThanOrEqual(data.length);
  },
});

/** Most of the archive: a flipped bit in it must be noticed by its digest alone. */
const BASE = 'base files '.repeat(400);
const part = (name: string, data: string) => ({ name, digest: sha256(data), bytes: data.length });
const manifest: ImageManifest = {
  version: 1,
  kind: 'gateway',
  arch: 'amd64',
  source: sha256('source'),
  kernel: { ...part('kernel', 'a kernel'), name: 'kernel' },
  layers: [part('base', BASE), part('wireguard', 'wg files')],
  packages: [{ name: 'busybox', version: '1:1.37.0-6', digest: sha256('deb') }],
};

fuzz({
  name: 'manifest',
  inputs: mutatedJson([manifest], ['"kernel"', '../', '"name":"base"']),
  judge: (json) => {
    let read: ImageManifest;
    try {
      read = parseManifest(json.toString('utf8'));
    } catch (fault) {
      expect(messageOf(fault).length).toBeLessThan(1_000);
      return;
    }
    for (const { name } of [read.kernel, ...read.layers]) expect(fileOf(name)).toMatch(/^[a-z][a-z0-9-]*(\.cpio)?$/);
    expect(parseManifest(canonicalManifest(read))).toEqual(read);
  },
});

/** An image as `vmgate image import` takes it: one tar. */
const imageTar = await tar({
  'manifest.json': canonicalManifest(manifest),
  kernel: 'a kernel',
  'base.cpio': BASE,
  'wireguard.cpio': 'wg files',
});

async function tar(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const archive = pack();
  for (const [name, data] of Object.entries(files)) archive.entry({ name }, data);
  archive.finalize();
  return await buffer(Readable.from(archive));
}

test('the archive that is mutated below is an image', async () => {
  const file = path.join(folder, 'image.tar');
  writeFileSync(file, imageTar);
  expect((await importImage(file, path.join(folder, 'images'))).digest).toBe(digestOf(manifest));
});

fuzz({
  name: 'image-tar',
  batch: 20,
  inputs: mutated(
    [imageTar, await tar({ '../../manifest.json': '{}', '/kernel': 'x' })],
    ['../../', '/etc/passwd', 'manifest.json', 'kernel', '00000000001\0', '77777777777\0'],
  ),
  judge: async (bytes) => {
    const images = path.join(folder, 'images');
    const file = path.join(folder, 'image.tar');
    rmSync(images, { recursive: true, force: true });
    mkdirSync(images);
    writeFileSync(file, bytes);
    const image = await orCodedLater(['IMAGE_UNREADABLE', 'IMAGE_DIGEST_MISMATCH'], () => importImage(file, images));
    // Nothing outside, nothing half done.
    expect(readdirSync(folder).filter((name) => !['images', 'image.tar', 'disk'].includes(name))).toEqual([]);
    const left = readdirSync(images)
      .filter((name) => name !== 'lock')
      .toSorted();
    if (image === undefined) return void expect(left).toEqual([]);
    // What came in is what its own digest says, whatever stood round it in the archive.
    expect(digestOf(image.manifest)).toBe(image.digest);
    for (const { name, digest } of [image.manifest.kernel, ...image.manifest.layers]) {
      expect(sha256(readFileSync(path.join(image.folder, fileOf(name))))).toBe(digest);
    }
    expect(left).toEqual([image.digest.slice('sha256:'.length), 'current.json'].toSorted());
    return undefined;
  },
});

const packageTar = await buffer(sampleTar());

fuzz({
  name: 'package-tar',
  batch: 20,
  inputs: mutated(
    [packageTar],
    ['../', './var/cache/apt/archives/', '_1%zz_amd64.deb', '0000644\0', 'ustar\0', '00000000001\0'],
  ),
  judge: async (bytes) => {
    const file = path.join(folder, 'disk');
    writeFileSync(file, bytes);
    try {
      const { tree, packages } = await readPackageTar(createReadStream(file), async (name) => {
        expect(name).not.toContain('/');
      });
      let size = 0;
      for (const [name, entry] of tree) {
        expect(name.startsWith('/')).toBe(false);
        if (entry.type === 'file') size = Math.max(size, entry.data.length);
        else resolveIn(tree, name);
      }
      expect(size).toBeLessThanOrEqual(bytes.length);
      expect(packages.every(({ digest }) => /^sha256:[0-9a-f]{64}$/.test(digest))).toBe(true);
    } catch (fault) {
      if (typeof fault !== 'object' || fault === null || 'matcherResult' in fault) throw fault;
      expect(messageOf(fault)).not.toMatch(/undefined|not a function|Maximum call/);
    }
  },
});

test('an archive is read back as it was written', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9.-]{0,8}(\/[a-zé][a-z0-9]{0,4}){0,3}$/);
  const data = fc.uint8Array({ maxLength: 40 });
  const entry: fc.Arbitrary<CpioEntry> = fc.oneof(
    fc.record({ path: name, type: fc.constant('file' as const), mode: fc.nat(0o777), data }),
    fc.record({ path: name, type: fc.constant('link' as const), target: fc.stringMatching(/^[a-z/.]{1,9}$/) }),
  );
  fc.assert(
    fc.property(
      fc.uniqueArray(entry, { selector: ({ path: place }) => place, maxLength: 8 }),
      fc.nat(5),
      (entries, gap) => {
        const archive = writeCpio(entries);
        expect(archive.length % 4).toBe(0);
        const files = readCpio(Buffer.concat([archive, Buffer.alloc(4 * gap), writeCpio([])]));
        for (const one of entries) {
          const found = files.filter((file) => file.name === one.path);
          expect(found).toHaveLength(1);
          if (one.type === 'file') expect(found[0]?.data).toEqual(Buffer.from(one.data));
          if (one.type === 'link') expect(found[0]?.data.toString()).toBe(one.target);
        }
        // The kernel drops a file whose folder did not come before it.
        const seen = new Set(['.']);
        for (const { name: place } of files) {
          expect(seen.has(path.posix.dirname(place))).toBe(true);
          seen.add(place);
        }
      },
    ),
  );
});

fuzz({
  name: 'apt-progress',
  inputs: mutated(
    [
      Buffer.from(
        'Need to get 1,500 kB/2.0 MB of archives.\nGet:1 http://x trixie/main amd64 a amd64 1 [1,108 B]\nGet:2 x [9e9 GB]\n',
      ),
    ],
    ['Need to get ', 'Get:1 ', ' [', 'kB', '/', '.', ',', ' of archives'],
  ),
  judge: (text) => {
    const told: number[] = [];
    const listen = aptProgress({
      planned: ({ missingBytes, totalBytes }) => told.push(missingBytes, totalBytes),
      advanced: ({ doneBytes, totalBytes }) => {
        told.push(doneBytes, totalBytes);
        expect(doneBytes).toBeLessThanOrEqual(totalBytes);
      },
    });
    for (const line of text.toString('utf8').split('\n')) listen(line);
    expect(told.filter((bytes) => !Number.isFinite(bytes) || bytes < 0)).toEqual([]);
  },
});

growsLinearly(
  'qcow2 header extensions',
  HEADER_BYTES,
  (n) => {
    const head = Buffer.alloc(n, Buffer.from([0, 0, 0, 1, 0, 0, 0, 0]));
    qcow2({}).copy(head, 0, 0, 104);
    return head;
  },
  readDiskHeader,
);
growsLinearly(
  'ELF whose every library has the same long name',
  400_000,
  (n) => {
    const names = Array<string>(n / 32).fill('x');
    const dynamicAt = 64 + 2 * 56;
    const file = elf(names, undefined, 'y'.repeat(n / 2));
    for (let index = 0; index < names.length; index += 1) file.writeBigUInt64LE(1n, dynamicAt + index * 16 + 8);
    // All of them begin at the first name, and no byte ends it before the file does.
    file.fill('x', dynamicAt + (names.length + 2) * 16 + 1, file.length - 1);
    file[file.length - 1] = 0;
    return file;
  },
  (file) => orRange(() => readElf(file)),
);
growsLinearly(
  'ELF whose every section has the same long name',
  400_000,
  (n) => {
    // One header serves as all of them (entries of 0 bytes), and names a text that goes on to the end.
    const file = Buffer.alloc(n, 'x');
    elf([]).copy(file, 0, 0, 64);
    file.fill(0, 64, 128);
    file.writeBigUInt64LE(64n, 40);
    file.writeUInt16LE(0, 58);
    file.writeUInt16LE(Math.floor(n / 8), 60);
    file.writeBigUInt64LE(128n, 64 + 24);
    return file;
  },
  (file) => orRange(() => readModuleInfo(file)),
);
