/** From a work VM as configured to what the driver starts: its folder, its seed, its overlay. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { WorkConfig } from '../config/index.ts';
import { type Arch, type DiskLayer, serialConsole, type WorkBoot, type WorkSpec } from '../drivers/index.ts';
import { assembleBoot, requireImage, writeCpio } from '../image/index.ts';
import { inspectDisk } from './inspect-disk.ts';
import { prepareDisk } from './prepare-disk.ts';
import { sshSeed } from './ssh-access.ts';
import { disposableOf, overlayOf } from './vm-files.ts';

/** Where this VM lives and which wire is its own. */
export interface WorkPlace {
  readonly folder: string;
  readonly images: string;
  readonly arch: Arch;
  readonly mac: string;
  readonly wire: { readonly localPath: string; readonly remotePath: string };
}

const TINY_MIB = 96;
const DISK_MIB = 2_048;

/**
 * What the VM must consist of; touches nothing, so it also serves to judge one that runs. Which overlay it runs on is
 * read from its folder, and is settled before its start.
 *
 * @throws WORK_DISK_*
 */
export async function describeWork(config: WorkConfig, place: WorkPlace): Promise<WorkSpec> {
  const { name, cpus, hardware, firmware, display, source } = config;
  const fallback = source.kind === 'disk' ? DISK_MIB : TINY_MIB;
  return {
    name,
    folder: place.folder,
    arch: place.arch,
    memoryMiB: config.memoryMiB ?? fallback,
    cpus,
    hardware,
    firmware,
    display,
    mac: place.mac,
    wire: place.wire,
    boot: await bootOf(config, place),
  };
}

/** Makes everything `describeWork` names, before the VM's start. Under its lock. @throws IMAGE_*, WORK_DISK_* */
export async function prepareWork(config: WorkConfig, place: WorkPlace, isDisposable: boolean): Promise<void> {
  await mkdir(place.folder, { recursive: true, mode: 0o700 });
  switch (config.source.kind) {
    case 'template':
      return seedTiny(config, place);
    case 'disk':
      return prepareDisk(config.name, place.folder, await inspectDisk(config.source.disk), isDisposable);
    case 'kernel':
      return;
  }
}

async function bootOf({ source, display }: WorkConfig, { folder, arch }: WorkPlace): Promise<WorkBoot> {
  switch (source.kind) {
    case 'template':
      return {
        kind: 'kernel',
        kernel: path.join(folder, 'kernel'),
        initramfs: path.join(folder, 'initramfs'),
        // Without a serial console Linux talks to a screen alone, and vmgate console shows nothing. Its first console is what a
        // screen shows: what the kernel says as it boots. Its last one is /dev/console.
        append: display === 'none' ? `${serialConsole(arch)} quiet` : `console=tty0 ${serialConsole(arch)}`,
      };
    case 'disk': {
      const { path: base, format } = await inspectDisk(source.disk);
      return diskBoot(folder, { path: base, format });
    }
    case 'kernel':
      return { kind: 'kernel', kernel: source.kernel, initramfs: source.initramfs, append: source.append };
  }
}

function diskBoot(folder: string, base: DiskLayer): WorkBoot {
  const [kept, dropped] = [overlayOf(folder), disposableOf(folder)];
  if (!existsSync(dropped)) return { kind: 'disk', overlay: kept, base };
  const under: DiskLayer = existsSync(kept) ? { path: kept, format: 'qcow2', over: base } : base;
  return { kind: 'disk', overlay: dropped, base: under };
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
