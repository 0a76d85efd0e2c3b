/** Disks of work VMs: what of Debian's files is left out, what of ours goes in, and how such an image travels. */
import { createReadStream, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Header } from 'tar-stream';
import { hostPlatform, sha256 } from '../../../src/host/index.ts';
import {
  buildImage,
  diskOf,
  findImage,
  importImage,
  requireIntactDisk,
  type StoredImage,
} from '../../../src/image/index.ts';
import { entriesOf } from '../../../src/image/package-tree.ts';
import { DISK_TOOLS, mmdebstrapArguments } from '../../../src/image/workshop.ts';
import { SAMPLE_FILES, SAMPLE_RECIPE, SampleWorkshop } from './samples.ts';

const RECIPE = `${SAMPLE_RECIPE}
disk:
  gigabytes: 4
  packages: [systemd-sysv, openssh-server]
  rootfs: work/debian
  links: {etc/resolv.conf: ../run/stub.conf}
  remove: [etc/ssh/ssh_host_, var/log/]
`;
const { arch } = hostPlatform();

let root: string;
let images: string;
let workshop: SampleWorkshop;

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'vmgate-disk-'));
  images = path.join(root, 'images');
  for (const folder of ['image', 'gateway/rootfs', 'work/debian/etc/ssh'])
    mkdirSync(path.join(root, 'provision', folder), { recursive: true });
  writeFileSync(path.join(root, 'provision/image/debian.yaml'), RECIPE);
  writeFileSync(path.join(root, 'provision/gateway/rootfs/init'), '#!/bin/sh\n');
  writeFileSync(path.join(root, 'provision/work/debian/etc/ssh/ours.conf'), 'HostKey /etc/vmgate/key\n');
  workshop = new SampleWorkshop();
  workshop.files = [
    ...SAMPLE_FILES,
    { name: './etc/ssh/ssh_host_ed25519_key', data: 'the key of the machine that built it' },
    { name: './etc/ssh/ours.conf', data: 'a packaged one' },
    { name: './etc/resolv.conf', data: 'nameserver 192.0.2.1' },
    { name: './var/log/dpkg.log', data: 'yesterday' },
    { name: './etc/passwd', data: 'root:*:0:0::/root:/bin/sh\n' },
  ];
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function build(): Promise<StoredImage> {
  return buildImage('debian', arch, { imagesFolder: images, provision: path.join(root, 'provision'), workshop });
}

/** The sample workshop's disk is the archive it was made of. */
async function filesOn(image: StoredImage): Promise<ReadonlyMap<string, Header & { readonly text: string }>> {
  const found = new Map<string, Header & { readonly text: string }>();
  for await (const { name, header, content } of entriesOf(createReadStream(diskOf(image) ?? ''))) {
    if (found.has(name)) throw new Error(`${name} is there twice`);
    found.set(name, { ...header, text: header.type === 'file' ? (await content()).toString('utf8') : '' });
  }
  return found;
}

test('nothing of the machine that built it is on the disk, and ours wins over a package’s', async () => {
  const files = await filesOn(await build());
  expect([...files.keys()].filter((name) => /ssh_host|dpkg\.log|\.deb$/.test(name))).toEqual([]);
  expect(files.get('etc/ssh/ours.conf')?.text).toBe('HostKey /etc/vmgate/key\n');
  expect(files.get('etc/resolv.conf')).toMatchObject({ type: 'symlink', linkname: '../run/stub.conf' });
  expect(files.get('etc/passwd')?.text).toContain('root');
});

test('the disk is part of what the image is, and another file in its place is noticed', async () => {
  const image = await build();
  const disk = diskOf(image) ?? '';
  expect(image.manifest.disk).toMatchObject({ name: 'disk', digest: sha256(readFileSync(disk)) });
  await requireIntactDisk(image);
  writeFileSync(disk, 'another');
  await expect(requireIntactDisk(image)).rejects.toMatchObject({ code: 'IMAGE_DIGEST_MISMATCH' });
});

test('such an image is taken in elsewhere, and one whose disk was changed is not', async () => {
  const image = await build();
  const elsewhere = path.join(root, 'elsewhere');
  const taken = await importImage(image.folder, elsewhere, { expect: image.digest });
  expect((await findImage(elsewhere, 'debian', arch))?.digest).toBe(image.digest);
  expect(readFileSync(diskOf(taken) ?? '')).toEqual(readFileSync(diskOf(image) ?? ''));
  writeFileSync(diskOf(image) ?? '', 'another');
  await expect(importImage(image.folder, path.join(root, 'third'))).rejects.toMatchObject({
    code: 'IMAGE_DIGEST_MISMATCH',
  });
  expect(readdirSync(path.join(root, 'third'))).toEqual([]);
});

test('for another architecture it is refused before anything is fetched', async () => {
  const other = arch === 'amd64' ? 'arm64' : 'amd64';
  const options = { imagesFolder: images, provision: path.join(root, 'provision'), workshop };
  await expect(buildImage('debian', other, options)).rejects.toMatchObject({ code: 'IMAGE_FOREIGN_ARCH' });
  expect(workshop.calls).toEqual([]);
});

test('packages are installed by a namespace where nobody is root, and only unpacked for layers', () => {
  const request = { suite: 'trixie', arch, packages: ['a', 'b'], debs: "/home/it's/debs" } as const;
  const install = mmdebstrapArguments({ ...request, install: { kernel: 'linux_1_amd64.deb' }, asRoot: false });
  expect(install).toContain('--mode=unshare');
  expect(install).toContain('--variant=minbase');
  expect(install).toContain(`--customize-hook=upload '/home/it'\\''s/debs/linux_1_amd64.deb' /kernel.deb`);
  expect(mmdebstrapArguments({ ...request, asRoot: false })).toContain('--mode=chrootless');
  expect(DISK_TOOLS).toEqual(['mke2fs', 'qemu-img']);
});
