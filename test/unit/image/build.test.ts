import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CodedEvent } from '../../../src/core/coded.ts';
import { acquireLock } from '../../../src/home/index.ts';
import {
  assembleBoot,
  buildImage,
  findImage,
  importImage,
  listImages,
  pruneImages,
  pruneTemp,
  requireImage,
  writeCpio,
} from '../../../src/image/index.ts';
import { WorkshopFailure } from '../../../src/image/workshop.ts';
import { SAMPLE_FILES, SAMPLE_RECIPE, SampleWorkshop } from './samples.ts';

let root: string;
let images: string;
let workshop: SampleWorkshop;
let events: CodedEvent[];

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'vmgate-image-'));
  images = path.join(root, 'images');
  mkdirSync(path.join(root, 'provision/image'), { recursive: true });
  mkdirSync(path.join(root, 'provision/gateway/rootfs/etc'), { recursive: true });
  writeFileSync(path.join(root, 'provision/image/gateway.yaml'), SAMPLE_RECIPE);
  writeFileSync(path.join(root, 'provision/gateway/rootfs/init'), '#!/bin/sh\n', { mode: 0o600 });
  writeFileSync(path.join(root, 'provision/gateway/rootfs/etc/passwd'), 'root:*:0:0::/root:/bin/sh\n', { mode: 0o777 });
  workshop = new SampleWorkshop();
  events = [];
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function build(more: { cachedPackages?: boolean; signal?: AbortSignal; imagesFolder?: string } = {}) {
  return buildImage('gateway', 'amd64', {
    imagesFolder: images,
    provision: path.join(root, 'provision'),
    workshop,
    progress: (event) => events.push(event),
    ...more,
  });
}

/** Path to mode, as cpio(5) headers say. */
function contentsOf(archive: Buffer): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (let at = 0; archive.toString('latin1', at, at + 6) === '070701'; ) {
    const field = (index: number) =>
      Number.parseInt(archive.toString('latin1', at + 6 + index * 8, at + 14 + index * 8), 16);
    const name = archive.toString('latin1', at + 110, at + 109 + field(11));
    const align = (value: number) => (value + 3) & ~3;
    if (name !== 'TRAILER!!!') found.set(name, field(1).toString(8));
    at = align(align(at + 110 + field(11)) + field(6));
  }
  return found;
}

describe('buildImage', () => {
  test('keeps what the recipe reaches and nothing else', async () => {
    const { folder } = await build();
    const base = contentsOf(readFileSync(path.join(folder, 'base.cpio')));
    const names = [...base.keys()];
    for (const wanted of [
      'usr/bin/busybox',
      'usr/lib/x86_64-linux-gnu/libtiny.so.1.0',
      'usr/lib64/ld-tiny.so',
      'usr/lib/modules/6.12.1-cloud/kernel/net/net_core.ko',
      'init',
    ])
      expect(names).toContain(wanted);
    expect(names.filter((name) => /unused|unwanted|tunnel|extra|doc/.test(name))).toEqual([]);
  });

  test('sets modes by content, not by what the disk says', async () => {
    const { folder } = await build();
    const base = contentsOf(readFileSync(path.join(folder, 'base.cpio')));
    expect(base.get('init')).toBe('100755');
    expect(base.get('etc/passwd')).toBe('100644');
    expect(base.get('usr/sbin/tool')).toBe('100755');
    expect(base.get('.')).toBe('40755');
    expect(base.get('usr/bin/cat')).toBe('120777');
    // A real program of that name is there already.
    expect(base.has('usr/bin/tool')).toBe(false);
  });

  test('gives a later layer only what the first lacks, and the first an index of all modules', async () => {
    const { folder } = await build();
    const later = [...contentsOf(readFileSync(path.join(folder, 'wireguard.cpio'))).keys()];
    expect(later.filter((name) => name.includes('modules.') || name.includes('libtiny'))).toEqual([]);
    expect(later).toContain('usr/lib/modules/6.12.1-cloud/kernel/net/tunnel.ko');
    expect(later).not.toContain('usr/lib/modules/6.12.1-cloud/kernel/net/net_core.ko');
    expect(readFileSync(path.join(folder, 'base.cpio'), 'latin1')).toContain('tunnel.ko: kernel/crypto/cipher.ko');
  });

  test('is the same for the same packages in any order, elsewhere, fetched or remembered', async () => {
    const first = await build();
    const remembered = await build({ cachedPackages: true });
    workshop.files = [...SAMPLE_FILES].sort((a, b) => Number('hardLinkTo' in a) - Number('hardLinkTo' in b)).reverse();
    workshop.files = workshop.files.filter(({ hardLinkTo }) => hardLinkTo === undefined);
    const elsewhere = await build({ imagesFolder: path.join(root, 'else where') });
    expect(remembered.digest).toBe(first.digest);
    expect(elsewhere.digest).toBe(first.digest);
    expect(workshop.calls.filter((call) => call === 'unpack')).toHaveLength(2);
  });

  test('compresses nothing twice when only a script changed', async () => {
    const before = await build();
    workshop.calls.length = 0;
    appendFileSync(path.join(root, 'provision/gateway/rootfs/init'), 'true\n');
    const after = await build({ cachedPackages: true });
    expect(workshop.calls).toEqual(['close']);
    expect(after.digest).not.toBe(before.digest);
  });

  test('has a kernel that does not unpack itself compressed, once, and any other as it is', async () => {
    const untouched = await build();
    expect(readFileSync(path.join(untouched.folder, 'kernel'), 'utf8')).toBe('a kernel');
    expect(workshop.calls).not.toContain('compress with gzip');
    const kernel = Buffer.concat([Buffer.alloc(56), Buffer.from('ARMd'), Buffer.alloc(4)]);
    workshop.files = SAMPLE_FILES.map((file) => (file.name.includes('vmlinuz') ? { ...file, data: kernel } : file));
    events = [];
    const packed = await build();
    expect(readFileSync(path.join(packed.folder, 'kernel'), 'utf8')).toBe('as gzip');
    expect(packed.manifest.kernel.bytes).toBe('as gzip'.length);
    expect(events.map(({ text }) => text)).toContain('compressing the kernel (0.0 MB)');
    expect((await build({ cachedPackages: true })).digest).toBe(packed.digest);
    expect(workshop.calls.filter((call) => call === 'compress with gzip')).toHaveLength(1);
  });

  test('says before it downloads how much, and then what apt says', async () => {
    await build();
    expect(events.map(({ code }) => code)).toEqual([
      'IMAGE_BUILD_STARTED',
      'IMAGE_DOWNLOAD',
      'IMAGE_PACKING',
      'IMAGE_PACKING',
      'IMAGE_BUILT',
    ]);
    expect(events[0]?.text).toContain('about 5.0 MB');
    expect(events[1]?.payload).toEqual({ kind: 'gateway', missingBytes: 1_500_000, totalBytes: 2_000_000 });
  });

  test('writes packages.lock beside the manifest', async () => {
    const { folder } = await build();
    const lock = readFileSync(path.join(folder, 'packages.lock'), 'utf8').trim().split('\n');
    expect(lock).toHaveLength(2);
    expect(lock[0]).toMatch(/^busybox 1\.37-6 sha256:[0-9a-f]{64}$/);
  });

  test.each([
    ['IMAGE_DOWNLOAD_FAILED', new WorkshopFailure('mmdebstrap ended with status 25', ['E: Unable to fetch'])],
    ['IMAGE_NO_SPACE', new WorkshopFailure('mmdebstrap ended with status 1', ['tar: No space left on device'])],
    ['IMAGE_NO_SPACE', Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })],
  ])('answers %s, keeps the image there was, and leaves nothing behind', async (code, failure) => {
    const before = await build();
    workshop.failure = failure;
    await expect(build()).rejects.toMatchObject({ code });
    expect((await findImage(images, 'gateway', 'amd64'))?.digest).toBe(before.digest);
    expect(readdirSync(images).filter((name) => name.startsWith('draft'))).toEqual([]);
    expect(workshop.calls.at(-1)).toBe('close');
  });

  test('answers IMAGE_BUILD_INTERRUPTED when it was', async () => {
    workshop.failure = new WorkshopFailure('mmdebstrap was ended by SIGTERM', []);
    await expect(build({ signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'IMAGE_BUILD_INTERRUPTED',
      exit: 130,
    });
  });

  test('two in one home folder take turns, and the second says that it waits', async () => {
    const [one, other] = await Promise.all([build(), build()]);
    expect(one.digest).toBe(other.digest);
    expect(workshop.calls.filter((call) => call !== 'compress')).toEqual(['unpack', 'close', 'unpack', 'close']);
    expect(events.filter(({ code }) => code === 'IMAGE_WAITING')).toHaveLength(1);
  });

  test('one that waits for its turn can be interrupted, and leaves the other alone', async () => {
    const stop = new AbortController();
    const first = build();
    const second = build({ signal: stop.signal });
    const refused = expect(second).rejects.toMatchObject({ code: 'IMAGE_BUILD_INTERRUPTED', exit: 130 });
    stop.abort();
    await refused;
    await expect(first).resolves.toMatchObject({ digest: expect.stringMatching(/^sha256:/) });
  });

  test('names what the recipe wants and the packages lack', async () => {
    workshop.files = SAMPLE_FILES.filter(({ name }) => !name.endsWith('libtiny.so.1.0'));
    await expect(build()).rejects.toMatchObject({
      code: 'IMAGE_RECIPE_UNMET',
      what: expect.stringContaining('libtiny'),
    });
  });
});

describe('stored images', () => {
  const settings = writeCpio([{ path: 'etc/vmgate/plan', type: 'file', mode: 0o600, data: 'x' }]);

  function run(): string {
    const folder = path.join(root, 'run');
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  test('assemble into private copies whose digests are the manifest’s', async () => {
    const image = await build();
    const boot = await assembleBoot(image, ['base', 'wireguard'], settings, run());
    expect(boot.parts.map(({ name }) => name)).toEqual(['kernel', 'base', 'wireguard']);
    const initramfs = readFileSync(boot.initramfs);
    expect(initramfs.length % 4).toBe(0);
    expect(initramfs.subarray(-settings.length).equals(settings)).toBe(true);
    // Again, over the read-only copies of the last boot.
    await expect(assembleBoot(image, ['base'], settings, run())).resolves.toBeDefined();
  });

  test('refuse to assemble when a part was changed', async () => {
    const image = await build();
    appendFileSync(path.join(image.folder, 'base.cpio'), 'x');
    await expect(assembleBoot(image, ['base'], settings, run())).rejects.toMatchObject({
      code: 'IMAGE_DIGEST_MISMATCH',
      exit: 4,
    });
    expect(readdirSync(run())).toEqual([]);
  });

  test('refuse a manifest that was changed along with its part: the recorded digest decides', async () => {
    const image = await build();
    const file = path.join(image.folder, 'manifest.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/"bytes": \d+/, '"bytes": 1'));
    await expect(requireImage(images, 'gateway', 'amd64')).rejects.toMatchObject({ code: 'IMAGE_DIGEST_MISMATCH' });
    expect(await listImages(images)).toEqual([]);
  });

  test('refuse a layer they do not have', async () => {
    await expect(assembleBoot(await build(), ['openvpn'], settings, run())).rejects.toMatchObject({
      code: 'IMAGE_LAYER_MISSING',
    });
  });

  test('are not there until built', async () => {
    expect(await findImage(images, 'gateway', 'amd64')).toBeUndefined();
    await expect(requireImage(images, 'gateway', 'amd64')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND', exit: 3 });
  });

  test('say so when the list of them is garbled', async () => {
    await build();
    writeFileSync(path.join(images, 'current.json'), '{"gateway/amd64": 5}');
    await expect(findImage(images, 'gateway', 'amd64')).rejects.toMatchObject({ code: 'IMAGE_STORE_UNREADABLE' });
  });

  test('are listed, the current one first, and old ones pruned', async () => {
    await build();
    appendFileSync(path.join(root, 'provision/gateway/rootfs/init'), 'true\n');
    const current = await build({ cachedPackages: true });
    const listed = await listImages(images);
    expect(listed.map((image) => image.current)).toEqual([true, false]);
    expect(listed[0]?.digest).toBe(current.digest);
    expect(await pruneImages(images)).toHaveLength(1);
    expect(await listImages(images)).toHaveLength(1);
  });

  test('are not pruned when a build makes them current again meanwhile', async () => {
    const old = await build();
    appendFileSync(path.join(root, 'provision/gateway/rootfs/init'), 'true\n');
    await build({ cachedPackages: true });
    const lock = await acquireLock(path.join(images, 'lock'));
    const pruning = pruneImages(images);
    await sleep(20);
    writeFileSync(path.join(images, 'current.json'), JSON.stringify({ 'gateway/amd64': old.digest }));
    lock.release();
    expect((await pruning).map(({ digest }) => digest)).not.toContain(old.digest);
    await expect(requireImage(images, 'gateway', 'amd64')).resolves.toMatchObject({ digest: old.digest });
  });

  test('stay as they are when they are built again, but for what was damaged: a work VM knows its disk by its time', async () => {
    const { folder } = await build();
    const facts = (name: string) => {
      const { ino, mtimeNs } = statSync(path.join(folder, name), { bigint: true });
      return `${ino} ${mtimeNs}`;
    };
    const before = facts('kernel');
    await build();
    expect(facts('kernel')).toBe(before);
    const layer = readFileSync(path.join(folder, 'base.cpio'));
    appendFileSync(path.join(folder, 'base.cpio'), 'x');
    rmSync(path.join(folder, 'wireguard.cpio'));
    rmSync(path.join(folder, 'packages.lock'));
    await importImage((await build({ imagesFolder: path.join(root, 'elsewhere') })).folder, images);
    expect(facts('kernel')).toBe(before);
    expect(readFileSync(path.join(folder, 'base.cpio')).equals(layer)).toBe(true);
    expect(readdirSync(folder).sort()).toEqual([
      'base.cpio',
      'kernel',
      'manifest.json',
      'packages.lock',
      'wireguard.cpio',
    ]);
    expect(readdirSync(images).filter((name) => name.startsWith('draft'))).toEqual([]);
  });

  test('leave no draft of a dead process, and keep one of a living', async () => {
    mkdirSync(path.join(images, 'draft-4194999-abc'), { recursive: true });
    mkdirSync(path.join(images, `draft-${process.pid}-abc`));
    expect(await pruneTemp(images)).toBe(1);
    expect(readdirSync(images)).toEqual([`draft-${process.pid}-abc`]);
  });
});

describe('importImage', () => {
  test('takes a folder or a tar, and records the same image', async () => {
    const { digest, folder } = await build();
    const there = path.join(root, 'there');
    expect((await importImage(folder, there)).digest).toBe(digest);
    const tar = path.join(root, 'image.tar');
    await writeTar(tar, folder, 'some-folder/');
    expect((await importImage(tar, path.join(root, 'too'), { expect: digest })).digest).toBe(digest);
    expect((await requireImage(there, 'gateway', 'amd64')).digest).toBe(digest);
  });

  test('refuses another image than expected', async () => {
    const { folder } = await build();
    const expectation = { expect: `sha256:${'0'.repeat(64)}` };
    await expect(importImage(folder, path.join(root, 'there'), expectation)).rejects.toMatchObject({
      code: 'IMAGE_DIGEST_MISMATCH',
    });
    expect(readdirSync(path.join(root, 'there'))).toEqual([]);
  });

  test('refuses a part that is not the manifest’s', async () => {
    const { folder } = await build();
    appendFileSync(path.join(folder, 'kernel'), 'x');
    await expect(importImage(folder, path.join(root, 'there'))).rejects.toMatchObject({
      code: 'IMAGE_DIGEST_MISMATCH',
    });
  });

  test.each([
    ['missing', undefined],
    ['not JSON', 'PK\x03\x04'],
    ['of another version', '{"version": 2}'],
    ['with a name that leads elsewhere', (json: string) => json.replace('"name": "base"', '"name": "../base"')],
  ])('refuses a manifest that is %s', async (_, change) => {
    const { folder } = await build();
    const file = path.join(folder, 'manifest.json');
    if (change === undefined) rmSync(file);
    else writeFileSync(file, typeof change === 'string' ? change : change(readFileSync(file, 'utf8')));
    await expect(importImage(folder, path.join(root, 'there'))).rejects.toMatchObject({
      code: 'IMAGE_UNREADABLE',
      exit: 2,
    });
  });

  test('refuses what is no tar at all, and a file that is not there', async () => {
    const file = path.join(root, 'noise');
    writeFileSync(file, Buffer.alloc(4096, 7));
    for (const source of [file, path.join(root, 'absent')])
      await expect(importImage(source, path.join(root, 'there'))).rejects.toMatchObject({ code: 'IMAGE_UNREADABLE' });
  });
});

async function writeTar(file: string, folder: string, prefix: string): Promise<void> {
  const { pack } = await import('tar-stream');
  const archive = pack();
  for (const name of readdirSync(folder)) archive.entry({ name: prefix + name }, readFileSync(path.join(folder, name)));
  archive.entry({ name: '../../escaped' }, 'x');
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  writeFileSync(file, Buffer.concat(chunks));
}
