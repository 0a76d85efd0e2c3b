/** The gateway that is installed beside vmgate: found as npm lays packages, believed by its digest alone. */
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CodedEvent } from '../../../src/core/coded.ts';
import { buildImage, findImage, findPackaged, takePackaged } from '../../../src/image/index.ts';
import { SAMPLE_RECIPE, SampleWorkshop } from './samples.ts';

let root: string;
let images: string;
/** `lib` of an npm prefix: `node_modules/vmgate` and, beside it, `node_modules/@vmgate/gateway-amd64`. */
let vmgate: string;
let packaged: string;
let provision: string;
let digest: string;
let events: CodedEvent[];

beforeEach(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'vmgate-packaged-'));
  images = path.join(root, 'images');
  provision = path.join(root, 'provision');
  vmgate = path.join(root, 'lib/node_modules/vmgate');
  packaged = path.join(root, 'lib/node_modules/@vmgate/gateway-amd64');
  events = [];
  mkdirSync(path.join(provision, 'image'), { recursive: true });
  mkdirSync(path.join(provision, 'gateway/rootfs'), { recursive: true });
  mkdirSync(vmgate, { recursive: true });
  writeFileSync(path.join(provision, 'image/gateway.yaml'), SAMPLE_RECIPE);
  writeFileSync(path.join(provision, 'gateway/rootfs/init'), '#!/bin/sh\n');
  const built = await build(path.join(root, 'elsewhere'));
  digest = built.digest;
  cpSync(built.folder, packaged, { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const build = (imagesFolder: string) =>
  buildImage('gateway', 'amd64', { imagesFolder, provision, workshop: new SampleWorkshop() });
const options = () => ({
  ...{ digests: { amd64: digest }, from: vmgate, provision },
  progress: (event: CodedEvent) => void events.push(event),
});
const take = () => takePackaged(images, 'amd64', options());
const inUse = async () => (await findImage(images, 'gateway', 'amd64'))?.digest;
const edit = (text: string) => appendFileSync(path.join(provision, 'gateway/rootfs/init'), text);

describe('where it is looked for', () => {
  test.each([
    ['beside vmgate, as npm install --global lays it', 'lib/node_modules/vmgate'],
    ['from inside vmgate', 'lib/node_modules/vmgate/dist/chunks'],
  ])('%s', (_, from) => {
    expect(findPackaged('amd64', { ...options(), from: path.join(root, from) })).toEqual({ folder: packaged, digest });
  });

  test('below vmgate, where npm puts what only vmgate needs', () => {
    const below = path.join(vmgate, 'node_modules/@vmgate/gateway-amd64');
    cpSync(packaged, below, { recursive: true });
    expect(findPackaged('amd64', options())).toEqual({ folder: below, digest });
  });

  test('not where nobody installed it, and not for another architecture', () => {
    expect(findPackaged('amd64', { ...options(), from: root })).toBeUndefined();
    expect(findPackaged('arm64', options())).toBeUndefined();
  });

  test('a vmgate that was not released with one takes none', async () => {
    expect(findPackaged('amd64', { from: vmgate })).toBeUndefined();
    expect(await takePackaged(images, 'amd64', { from: vmgate, provision })).toBeUndefined();
  });
});

describe('when it is taken', () => {
  test('where there is no gateway; once', async () => {
    expect(await take()).toMatchObject({ digest });
    expect(events.map(({ code }) => code)).toEqual(['IMAGE_FROM_PACKAGE']);
    expect(await inUse()).toBe(digest);
    expect(await take()).toBeUndefined();
  });

  test('in place of one that was made from the guest files of another vmgate', async () => {
    edit('old\n');
    const old = await build(images);
    expect(old.digest).not.toBe(digest);
    writeFileSync(path.join(provision, 'gateway/rootfs/init'), '#!/bin/sh\n');
    expect(await take()).toMatchObject({ digest });
    expect(await inUse()).toBe(digest);
  });

  test('not in place of one that was built here from these files, though it be another', async () => {
    edit('new\n');
    const own = await build(images);
    expect(await take()).toBeUndefined();
    expect(await inUse()).toBe(own.digest);
  });
});

describe('what is not the image of this release is refused, exit 6, and nothing of it is kept', () => {
  const refusal = { code: 'IMAGE_PACKAGE_FOREIGN', exit: 6, remedy: expect.stringContaining('rm -r ') };
  const refused = async () => {
    await expect(take()).rejects.toMatchObject(refusal);
    expect(await inUse()).toBeUndefined();
    expect(readdirSync(images).filter((name) => name.startsWith('draft-') || /^[0-9a-f]{64}$/.test(name))).toEqual([]);
  };

  test('a part that was changed', async () => {
    appendFileSync(path.join(packaged, 'kernel'), 'x');
    await refused();
  });

  test('a manifest that was changed together with its parts', async () => {
    edit('evil\n');
    const evil = await build(path.join(root, 'evil'));
    cpSync(evil.folder, packaged, { recursive: true });
    await refused();
  });

  test('a part that is missing', async () => {
    rmSync(path.join(packaged, 'kernel'));
    await refused();
  });

  test('a manifest that cannot be read', async () => {
    writeFileSync(path.join(packaged, 'manifest.json'), '{');
    await refused();
  });
});
