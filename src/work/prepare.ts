/** From a work VM as configured to what the driver starts: its folder, its seed, its overlay. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { WorkConfig } from '../config/index.ts';
import { type Arch, type DiskLayer, serialConsole, type WorkBoot, type WorkSpec } from '../drivers/index.ts';
import { assembleBoot, requireImage, requireIntactDisk, writeCpio } from '../image/index.ts';
import { imageBase, recordBase } from './image-disk.ts';
import { inspectDisk } from './inspect-disk.ts';
import { namedDisk, prepareOciDisk } from './oci-disk.ts';
import { prepareDisk } from './prepare-disk.ts';
import { requirePublished } from './published-disk.ts';
import { writeSeed } from './seed/write-seed.ts';
import { sshSeed } from './ssh-access.ts';
import { disposableOf, overlayOf, seedOf } from './vm-files.ts';

/** Where this VM lives and which wire is its own. */
export interface WorkPlace {
  readonly folder: string;
  readonly images: string;
  readonly arch: Arch;
  readonly mac: string;
  readonly wire: { readonly localPath: string; readonly remotePath: string };
}

const TINY_MIB = 96;
const MIB: Readonly<Record<string, number>> = { debian: 1_024, browser: 2_048 };
const DISK_MIB = 2_048;

/**
 * What the VM must consist of; touches nothing, so it also serves to judge one that runs. Which overlay it runs on is
 * read from its folder, and is settled before its start.
 *
 * @throws WORK_DISK_*, WORK_IMAGE_*
 */
export async function describeWork(config: WorkConfig, place: WorkPlace): Promise<WorkSpec> {
  const { name, cpus, hardware, firmware, display } = config;
  return {
    name,
    folder: place.folder,
    arch: place.arch,
    memoryMiB: config.memoryMiB ?? memoryFor(config.source),
    cpus,
    hardware,
    firmware,
    display,
    mac: place.mac,
    wire: place.wire,
    boot: await bootOf(config, place),
  };
}

function memoryFor(source: WorkConfig['source']): number {
  if (source.kind === 'disk' || source.kind === 'oci') return DISK_MIB;
  return source.kind === 'template' ? (MIB[source.template] ?? TINY_MIB) : TINY_MIB;
}

/** Makes everything `describeWork` names, before the VM's start. Under its lock. @throws IMAGE_*, WORK_DISK_*, WORK_IMAGE_* */
export async function prepareWork(config: WorkConfig, place: WorkPlace, isDisposable: boolean): Promise<void> {
  const { name, source, setUp } = config;
  const { folder } = place;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (setUp !== undefined) await writeSeed(folder, name, setUp);
  switch (source.kind) {
    case 'template':
      return source.template === 'tiny' ? seedTiny(config, place) : prepareImage(config, place, isDisposable);
    case 'disk':
      if (!existsSync(overlayOf(folder))) await requirePublished(source.disk, source.from, place.arch);
      return prepareDisk(name, folder, await inspectDisk(source.disk), isDisposable);
    case 'oci':
      return prepareOciDisk(name, source.reference, place, isDisposable);
    case 'kernel':
      return;
  }
}

async function bootOf({ name, source, display, setUp }: WorkConfig, place: WorkPlace): Promise<WorkBoot> {
  const { folder, arch, images } = place;
  const own = {
    kernel: path.join(folder, 'kernel'),
    initramfs: path.join(folder, 'initramfs'),
    // Without a serial console Linux talks to a screen alone, and vmgate console shows nothing. Its first console is what a
    // screen shows: what the kernel says as it boots. Its last one is /dev/console.
    append: display === 'none' ? `${serialConsole(arch)} quiet` : `console=tty0 ${serialConsole(arch)}`,
  };
  const seed = setUp === undefined ? {} : { seed: seedOf(folder) };
  switch (source.kind) {
    case 'template': {
      if (source.template === 'tiny') return { kind: 'kernel', ...own };
      const { disk } = await imageBase({ name, folder }, source.template, images, arch);
      return { ...diskBoot(folder, { path: disk, format: 'qcow2' }), kernel: own, ...seed };
    }
    case 'oci': {
      const { path: base } = await namedDisk(name, source.reference, place);
      const { format } = await inspectDisk(base);
      return { ...diskBoot(folder, { path: base, format }), ...seed };
    }
    case 'disk': {
      const { path: base, format } = await inspectDisk(source.disk);
      return { ...diskBoot(folder, { path: base, format }), ...seed };
    }
    case 'kernel':
      return { kind: 'kernel', kernel: source.kernel, initramfs: source.initramfs, append: source.append };
  }
}

function diskBoot(folder: string, base: DiskLayer): Extract<WorkBoot, { kind: 'disk' }> {
  const [kept, dropped] = [overlayOf(folder), disposableOf(folder)];
  if (!existsSync(dropped)) return { kind: 'disk', overlay: kept, base };
  const under: DiskLayer = existsSync(kept) ? { path: kept, format: 'qcow2', over: base } : base;
  return { kind: 'disk', overlay: dropped, base: under };
}

/** Kernel and initramfs are those of the image under the disk: its modules are on that disk. */
async function prepareImage({ name, source }: WorkConfig, place: WorkPlace, isDisposable: boolean): Promise<void> {
  if (source.kind !== 'template') return;
  const { folder, images, arch } = place;
  const { image, disk } = await imageBase({ name, folder }, source.template, images, arch);
  const isNew = !existsSync(overlayOf(folder));
  if (isNew) await requireIntactDisk(image);
  await prepareDisk(name, folder, await inspectDisk(disk), isDisposable);
  if (isNew && !isDisposable) await recordBase(folder, { image, disk });
  await assembleBoot(
    image,
    image.manifest.layers.map((layer) => layer.name),
    Buffer.alloc(0),
    folder,
  );
}

async function seedTiny({ name }: WorkConfig, { folder, arch, images }: WorkPlace): Promise<void> {
  const [image, seed] = await Promise.all([requireImage(images, 'tiny', arch), sshSeed(folder, name)]);
  const file = (part: string, data: string | Buffer) =>
    ({ path: `etc/vmgate/${part}`, type: 'file', mode: 0o600, data }) as const;
  const settings = writeCpio([
    file('authorized_keys', seed.authorizedKey),
    file('dropbear_ed25519_host_key', seed.hostKey),
    file('hostname', `${name}\n`),
  ]);
  await assembleBoot(
    image,
    image.manifest.layers.map((layer) => layer.name),
    settings,
    folder,
  );
}
