/** How old an image is: by what its packages say of themselves, so that the same packages are the same image. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { installationExaminations } from '../../../src/cli/doctor/installation.ts';
import { ageText, daysSince } from '../../../src/core/age.ts';
import { hostPlatform, sha256 } from '../../../src/host/index.ts';
import { debDate, newestDate } from '../../../src/image/deb-date.ts';
import { buildImage, canonicalManifest, type ImageManifest, importImage } from '../../../src/image/index.ts';
import { Laptop } from '../cli/command-line.ts';
import { temporaryFolders } from '../home/temp-folder.ts';
import { SAMPLE_FILES, SAMPLE_RECIPE, SampleWorkshop } from './samples.ts';

jest.setTimeout(30_000);

const temporary = temporaryFolders();

/** ar(5), as dpkg-deb writes it: seconds in 12 characters behind the name in 16. */
const deb = (seconds: number | string, name = 'debian-binary', magic = '!<arch>\n') =>
  Buffer.from(`${magic}${name.padEnd(16)}${String(seconds).padEnd(12)}0     0     100644  4         \`\n2.0\n`);
const secondsOf = (day: string) => Date.parse(`${day}T10:00:00Z`) / 1_000;

describe('the day of a package', () => {
  test.each([
    ['as Debian has it', deb(1_778_186_025), '2026-05-07'],
    ['with a slash behind the name', deb(1_778_186_025, 'debian-binary/'), '2026-05-07'],
    ['that is no archive', Buffer.from('a deb'), undefined],
    ['that is empty', Buffer.alloc(0), undefined],
    ['cut within its time', deb(1_778_186_025).subarray(0, 30), undefined],
    ['with another first member', deb(1_778_186_025, 'control.tar.xz'), undefined],
    ['without a time', deb(''), undefined],
    ['of the year 1970', deb(0), undefined],
    ['of the far future', deb(99_999_999_999), undefined],
    ['before time', deb(-5), undefined],
    ['in letters', deb('1778186025x'), undefined],
  ])('%s', (_, bytes, day) => {
    expect(debDate(bytes)).toBe(day);
  });

  test('the newest counts', () => {
    expect(newestDate(['2026-01-02', undefined, '2026-03-04', '2025-12-31'])).toBe('2026-03-04');
    expect(newestDate([undefined])).toBeUndefined();
  });
});

test('an age in words; a clock that is behind makes nothing younger than today', () => {
  const now = Date.parse('2026-03-04T12:00:00Z');
  expect(['2026-03-04', '2026-03-03', '2025-12-01', '2027-01-01'].map((day) => ageText(daysSince(day, now)))).toEqual([
    'today',
    '1 day old',
    '93 days old',
    'today',
  ]);
});

describe('an image that is built', () => {
  const build = async (day: string, images: string, cachedPackages = false) => {
    const root = temporary();
    mkdirSync(path.join(root, 'image'), { recursive: true });
    mkdirSync(path.join(root, 'gateway/rootfs'), { recursive: true });
    writeFileSync(path.join(root, 'image/gateway.yaml'), SAMPLE_RECIPE);
    writeFileSync(path.join(root, 'gateway/rootfs/init'), '#!/bin/sh\n');
    const workshop = new SampleWorkshop();
    workshop.files = SAMPLE_FILES.map((file) => {
      if (!file.name.endsWith('.deb')) return file;
      const isNewest = file.name.includes('busybox');
      return { ...file, data: deb(secondsOf(isNewest ? day : '2025-01-01')) };
    });
    return await buildImage('gateway', 'amd64', { imagesFolder: images, provision: root, workshop, cachedPackages });
  };

  test('is as old as its newest package, fetched or remembered, wherever and whenever', async () => {
    const images = temporary();
    const fetched = await build('2026-03-04', images);
    expect(fetched.manifest.newestPackage).toBe('2026-03-04');
    expect(fetched.manifest.packages[0]).not.toHaveProperty('date');
    expect((await build('2026-03-04', images, true)).digest).toBe(fetched.digest);
    expect((await build('2026-03-04', temporary())).digest).toBe(fetched.digest);
    expect((await build('2026-03-05', temporary())).digest).not.toBe(fetched.digest);
  });
});

describe('lists and doctor', () => {
  let laptop: Laptop;
  beforeEach(() => {
    laptop = new Laptop();
    mkdirSync(laptop.layout.gates, { recursive: true, mode: 0o700 });
  });
  afterEach(() => laptop.clear());

  const dayBefore = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
  /** A gateway of this machine's with a word for a kernel. */
  const have = async (newestPackage: string | undefined) => {
    const folder = temporary();
    const content = Buffer.from(newestPackage ?? 'no day');
    const part = (name: string) => ({ name, digest: sha256(content), bytes: content.length });
    const manifest: ImageManifest = {
      ...{ version: 1, kind: 'gateway', arch: hostPlatform().arch, kernel: part('kernel'), layers: [part('base')] },
      ...(newestPackage === undefined ? {} : { newestPackage }),
      packages: [],
    };
    writeFileSync(path.join(folder, 'manifest.json'), canonicalManifest(manifest));
    for (const name of ['kernel', 'base.cpio']) writeFileSync(path.join(folder, name), content);
    await importImage(folder, laptop.layout.images);
  };
  const finding = async () => {
    const examined = await Promise.all(
      installationExaminations(laptop.layout, laptop.project).map((examine) => examine()),
    );
    return examined.flat().find(({ id }) => id === 'image-gateway');
  };

  test('say the day and the age', async () => {
    await have(dayBefore(12));
    expect((await laptop.type('image', 'list')).stdout).toMatch(new RegExp(`of ${dayBefore(12)}, 1[12] days old`));
    const [listed] = (await laptop.type('image', 'list', '--json')).json();
    expect(listed).toMatchObject({ images: [{ newestPackage: dayBefore(12), ageDays: 12 }] });
    expect(await finding()).toMatchObject({ state: 'ok' });
    expect(JSON.stringify(await finding())).toContain(`packages of ${dayBefore(12)} (12 days old)`);
  });

  test('an old one is a note with the command, and no reason to fail', async () => {
    await have(dayBefore(91));
    expect(await finding()).toMatchObject({
      state: 'note',
      fix: expect.stringContaining('vmgate image build gateway'),
    });
    // Anti-test: it is the age that says so.
    await have(dayBefore(90));
    expect(await finding()).toMatchObject({ state: 'ok' });
  });

  test('one that does not say is not called new', async () => {
    await have(undefined);
    expect((await laptop.type('image', 'list')).stdout).toContain('age unknown');
    expect(JSON.stringify(await finding())).toContain('age unknown');
    const [listed] = (await laptop.type('image', 'list', '--json')).json();
    expect(listed).toMatchObject({ images: [{ newestPackage: null, ageDays: null }] });
  });

  test('a day that is none is no manifest', async () => {
    await expect(have('2026-13-40')).rejects.toMatchObject({ code: 'IMAGE_UNREADABLE' });
    await expect(have('\u001b[2J')).rejects.toMatchObject({ code: 'IMAGE_UNREADABLE' });
  });
});
