/**
 * Images from the wrong hands: archives and folders that try to be written elsewhere, or to be read as something else.
 *
 * @leakCase 51 none: an image whose archive leads out of its folder, has links or devices, a name twice, a changed byte or a
 *   part that grows without end is refused, and nothing is written outside the store
 */
import { createHash } from 'node:crypto';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { describe, expect, test } from '@jest/globals';
import { type Header, pack } from 'tar-stream';
import { canonicalManifest, type ImageManifest, importImage } from '../../../src/image/index.ts';
import { rejectionOf } from '../faults.ts';
import { temporaryFolders } from '../home/temp-folder.ts';

const temporary = temporaryFolders();

const KERNEL = Buffer.from('a kernel');
const LAYER = Buffer.from('a layer');
const part = (name: string, content: Buffer) => ({
  name,
  digest: `sha256:${createHash('sha256').update(content).digest('hex')}`,
  bytes: content.length,
});
const MANIFEST: ImageManifest = {
  version: 1,
  kind: 'tiny',
  arch: 'amd64',
  kernel: part('kernel', KERNEL),
  layers: [part('base', LAYER)],
  packages: [],
};
const JSON_TEXT = Buffer.from(canonicalManifest(MANIFEST));

type Entry = readonly [Partial<Header> & Pick<Header, 'name'>, Buffer?];
const GOOD: readonly Entry[] = [
  [{ name: 'manifest.json' }, JSON_TEXT],
  [{ name: 'kernel' }, KERNEL],
  [{ name: 'base.cpio' }, LAYER],
];
const without = (name: string) => GOOD.filter(([header]) => header.name !== name);

async function tarOf(folder: string, entries: readonly Entry[]): Promise<string> {
  const archive = pack();
  const file = path.join(folder, 'image.tar');
  const written = pipeline(archive, createWriteStream(file));
  for (const [header, content] of entries) archive.entry(header, content ?? Buffer.alloc(0));
  archive.finalize();
  await written;
  return file;
}

/** All below a folder that holds the store, so that what leads out of it would be seen. */
async function imported(entries: readonly Entry[]) {
  const folder = temporary();
  const images = path.join(folder, 'deep/images');
  mkdirSync(images, { recursive: true });
  const file = await tarOf(folder, entries);
  const before = everything(folder, images);
  const taken = importImage(file, images);
  return { taken, images, outside: () => everything(folder, images).filter((each) => !before.includes(each)) };
}

const everything = (folder: string, but: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (each) => !path.join(folder, each).startsWith(`${but}/`),
  );

describe('case 51: an image that comes as an archive', () => {
  test('anti-test, case 51: a good one is taken, by its own names whatever folder it was packed in', async () => {
    for (const prefix of ['', './', 'gateway-amd64/', '../../../']) {
      const { taken, outside } = await imported(
        GOOD.map(([header, content]) => [{ ...header, name: `${prefix}${header.name}` }, content] as Entry),
      );
      expect(readdirSync((await taken).folder).sort()).toEqual([
        'base.cpio',
        'kernel',
        'manifest.json',
        'packages.lock',
      ]);
      expect(outside()).toEqual([]);
    }
  });

  test.each<[string, readonly Entry[], string]>([
    [
      'a byte was changed',
      [...without('kernel'), [{ name: 'kernel' }, Buffer.from('a Kernel')]],
      'IMAGE_DIGEST_MISMATCH',
    ],
    ['a part is missing', without('base.cpio'), 'IMAGE_UNREADABLE'],
    [
      'a part is a link',
      [...without('kernel'), [{ name: 'kernel', type: 'symlink', linkname: '/etc/passwd' }]],
      'IMAGE_UNREADABLE',
    ],
    [
      'a part is a hard link',
      [...without('kernel'), [{ name: 'kernel', type: 'link', linkname: '/etc/passwd' }]],
      'IMAGE_UNREADABLE',
    ],
    [
      'a part is a device',
      [...without('kernel'), [{ name: 'kernel', type: 'character-device', devmajor: 1, devminor: 5 }]],
      'IMAGE_UNREADABLE',
    ],
    ['a part is a pipe', [...without('kernel'), [{ name: 'kernel', type: 'fifo' }]], 'IMAGE_UNREADABLE'],
    ['a part is there twice', [...GOOD, [{ name: 'b/kernel' }, KERNEL]], 'IMAGE_UNREADABLE'],
    ['the manifest is there twice', [...GOOD, [{ name: 'b/manifest.json' }, JSON_TEXT]], 'IMAGE_UNREADABLE'],
    [
      'the manifest has a part with a path',
      [[{ name: 'manifest.json' }, Buffer.from(JSON_TEXT.toString().replace('"base"', '"../x"'))], ...GOOD.slice(1)],
      'IMAGE_UNREADABLE',
    ],
    [
      'the manifest has two parts of one name',
      [
        [
          { name: 'manifest.json' },
          Buffer.from(
            canonicalManifest({
              ...MANIFEST,
              layers: [part('base', LAYER), part('base', LAYER), part('kernel', KERNEL)],
            }),
          ),
        ],
        ...GOOD.slice(1),
      ],
      'IMAGE_UNREADABLE',
    ],
    [
      'the manifest has more than a megabyte',
      [[{ name: 'manifest.json' }, Buffer.concat([JSON_TEXT, Buffer.alloc(1_048_577, ' ')])], ...GOOD.slice(1)],
      'IMAGE_UNREADABLE',
    ],
    [
      'the manifest is no UTF-8',
      [[{ name: 'manifest.json' }, Buffer.from([0xff, 0xfe, 0x00])], ...GOOD.slice(1)],
      'IMAGE_UNREADABLE',
    ],
  ])('%s', async (_, entries, code) => {
    const { taken, images, outside } = await imported(entries);
    expect((await rejectionOf(taken)).code).toBe(code);
    expect(outside()).toEqual([]);
    expect(readdirSync(images)).toEqual([]);
  });

  test.each(['../../../out', '/tmp/vmgate-hostile-import', 'a/../../../out'])(
    'what no image has, named %s, is left where it is',
    async (name) => {
      const { taken, outside } = await imported([...GOOD, [{ name }, Buffer.from('x')], [{ name, type: 'directory' }]]);
      await taken;
      expect(outside()).toEqual([]);
      expect(existsSync('/tmp/vmgate-hostile-import')).toBe(false);
    },
  );

  test('a link over which another entry would be written', async () => {
    const { taken, outside } = await imported([
      [{ name: 'base.cpio', type: 'symlink', linkname: '../../../../out' }],
      ...GOOD,
    ]);
    await taken;
    expect(outside()).toEqual([]);
  });

  test('a size that is more than there is', async () => {
    const folder = temporary();
    const file = await tarOf(folder, GOOD);
    writeFileSync(path.join(folder, 'cut.tar'), readFileSync(file).subarray(0, 1_300));
    const images = path.join(folder, 'images');
    expect((await rejectionOf(importImage(path.join(folder, 'cut.tar'), images))).code).toBe('IMAGE_UNREADABLE');
    expect(readdirSync(images)).toEqual([]);
  });
});

test('case 51: a folder whose part is a link to a file of this machine is not that image', async () => {
  const folder = temporary();
  const source = path.join(folder, 'image');
  mkdirSync(source);
  writeFileSync(path.join(source, 'manifest.json'), JSON_TEXT);
  writeFileSync(path.join(source, 'base.cpio'), LAYER);
  symlinkSync('/etc/passwd', path.join(source, 'kernel'));
  const images = path.join(folder, 'images');
  expect((await rejectionOf(importImage(source, images))).code).toBe('IMAGE_DIGEST_MISMATCH');
  expect(readdirSync(images)).toEqual([]);
});
