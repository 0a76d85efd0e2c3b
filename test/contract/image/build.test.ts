/** The real mmdebstrap, zstd and gzip: equal packages give equal bytes, whatever differs around the build. */

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { requireTool } from '../../../src/host/index.ts';
import { buildImage, type StoredImage, writeCpio } from '../../../src/image/index.ts';
import { localWorkshop } from '../../../src/image/local-workshop.ts';
import { compressorArguments } from '../../../src/image/workshop.ts';
import { describeUnless, missing } from '../../obstacle.ts';

const MINUTES = 60_000;
const describeHere = describeUnless(missing('mmdebstrap', 'zstd', 'cpio'), 'building images');

let root: string;

beforeAll(() => {
  root = mkdtempSync(path.join(tmpdir(), 'vmgate-images-'));
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

describeHere('the tiny image', () => {
  let first: StoredImage;

  test(
    'is built from Debian packages',
    async () => {
      first = await buildImage('tiny', 'amd64', { imagesFolder: path.join(root, 'a') });
      const bytes = [first.manifest.kernel, ...first.manifest.layers].reduce((sum, part) => sum + part.bytes, 0);
      expect(bytes).toBeLessThan(18_000_000);
      expect(first.manifest.packages.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['busybox', 'dropbear-bin']),
      );
    },
    10 * MINUTES,
  );

  test(
    'has the same bytes in another folder, with another umask, time zone and locale, and with what other images left there',
    async () => {
      const another = path.join(root, 'another, longer folder');
      const debs = path.join(another, 'cache', 'debs', 'amd64');
      mkdirSync(debs, { recursive: true });
      writeFileSync(path.join(debs, 'stranger_1_amd64.deb'), 'of another image');
      const { TZ, LANG } = process.env;
      const umask = process.umask(0o077);
      process.env['TZ'] = 'Pacific/Kiritimati';
      process.env['LANG'] = 'C.UTF-8';
      try {
        const again = await buildImage('tiny', 'amd64', { imagesFolder: another });
        expect(again.digest).toBe(first.digest);
        expect(readdirSync(debs)).toContain('stranger_1_amd64.deb');
      } finally {
        process.umask(umask);
        restore('TZ', TZ);
        restore('LANG', LANG);
      }
    },
    10 * MINUTES,
  );

  test(
    'is built again from remembered packages in seconds',
    async () => {
      const again = await buildImage('tiny', 'amd64', { imagesFolder: path.join(root, 'a'), cachedPackages: true });
      expect(again.digest).toBe(first.digest);
    },
    MINUTES,
  );

  test('holds archives that cpio(1) reads', () => {
    const [layer] = first.manifest.layers;
    const packed = path.join(first.folder, `${layer?.name}.cpio`);
    const unpacked = spawnSync(requireTool('zstd'), ['-dcq', packed], { maxBuffer: 100_000_000 }).stdout;
    const names = execFileSync(requireTool('cpio'), ['-t', '--quiet'], { input: unpacked, encoding: 'utf8' }).split(
      '\n',
    );
    expect(names).toEqual(expect.arrayContaining(['usr/bin/busybox', 'usr/bin/udhcpc', 'usr/sbin/dropbear', 'proc']));
  });
});

describeUnless(missing('gzip'), 'gzip')('a kernel', () => {
  test('is compressed to what says nothing of when and where, and is the kernel again', async () => {
    const kernel = Buffer.from('ARMd'.repeat(20_000));
    const packed = await localWorkshop.compress(kernel, 'gzip', undefined);
    expect(gunzipSync(packed).equals(kernel)).toBe(true);
    // RFC 1952: deflate, no field for a name, no time, the slowest algorithm, made on Unix.
    expect(packed.subarray(0, 10).toString('hex')).toBe('1f8b0800000000000203');
    // As in a container, where it is a file with a name and a time.
    const file = path.join(root, 'layer');
    writeFileSync(file, kernel);
    const argv = [...compressorArguments('gzip', kernel.length), file];
    expect(execFileSync(requireTool('gzip'), argv).equals(packed)).toBe(true);
  });
});

describeHere('writeCpio', () => {
  test('writes what cpio(1) reads', () => {
    const folder = mkdtempSync(path.join(root, 'cpio-'));
    const archive = writeCpio([
      { path: 'init', type: 'file', mode: 0o755, data: '#!/bin/sh\n' },
      { path: 'bin', type: 'link', target: 'usr/bin' },
    ]);
    execFileSync(requireTool('cpio'), ['-idm', '--quiet', '--no-preserve-owner'], { cwd: folder, input: archive });
    expect(readFileSync(path.join(folder, 'init'), 'utf8')).toBe('#!/bin/sh\n');
  });
});

function restore(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}
