/**
 * A disk as somebody else would have made it: a partition table, a FAT partition with a Debian kernel, and GRUB both for
 * BIOS and for UEFI. amd64 only, as GRUB for BIOS is.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { homeRoot, layoutOf } from '../../../src/home/index.ts';
import { hostPlatform } from '../../../src/host/index.ts';
import { writeCpio } from '../../../src/image/index.ts';
import { localWorkshop } from '../../../src/image/local-workshop.ts';
import { cachedPackages, fetchPackages, isCached } from '../../../src/image/package-set.ts';
import { packagesOf, type Recipe } from '../../../src/image/recipe.ts';
import { selectLayers } from '../../../src/image/select.ts';
import { PROVISION } from '../../../src/image/source.ts';
import { missing } from '../../obstacle.ts';

const exec = promisify(execFile);
const GRUB = '/usr/lib/grub';
const INIT = fileURLToPath(new URL('./foreign-init.sh', import.meta.url));

const SECTOR = 512;
const PARTITION = { startSector: 2_048, sectors: 126 * 2_048, type: 0xef } as const;
/** Of which the last one is behind the partition. */
const DISK_MIB = 128;

/** The tiny VM's system on a kernel with drivers for old hardware: the cloud kernel has no Intel card. */
const RECIPE: Recipe = {
  kind: 'tiny',
  suite: 'trixie',
  kernel: { amd64: 'linux-image-amd64', arm64: 'linux-image-arm64' },
  downloadMegabytes: 130,
  layers: [
    {
      name: 'base',
      packages: ['busybox'],
      keep: ['usr/bin/busybox'],
      keepOn: {},
      modules: ['ahci', 'sd_mod', 'e1000e', 'virtio_blk', 'virtio_net', 'virtio_pci', 'evdev', 'button'],
      modulesOn: {},
      links: { bin: 'usr/bin', sbin: 'usr/sbin', lib: 'usr/lib', lib64: 'usr/lib64' },
      rootfs: ['work/tiny/rootfs'],
    },
  ],
};

/** Why it cannot be made here. */
export function foreignDiskObstacle(): string | undefined {
  if (hostPlatform().arch !== 'amd64') return 'GRUB for BIOS is there for amd64 only';
  const modules = ['i386-pc', 'x86_64-efi'].filter((kind) => !existsSync(path.join(GRUB, kind)));
  if (modules.length > 0) return `not installed: GRUB for ${modules.join(', ')}`;
  return missing('grub-mkimage', 'mformat', 'mcopy', 'mmd', 'mmdebstrap');
}

/** Writes `disk.img` into `folder`, raw, and gives its path. */
export async function makeForeignDisk(folder: string): Promise<string> {
  const { kernel, initrd } = await system();
  await mkdir(folder, { recursive: true });
  const file = (name: string) => path.join(folder, name);
  await writeFile(file('kernel'), kernel);
  await writeFile(file('initrd'), initrd);
  await writeFile(file('grub.cfg'), 'set root=(hd0,msdos1)\nlinux /kernel console=ttyS0 quiet\ninitrd /initrd\nboot\n');
  const modules = ['part_msdos', 'fat', 'linux', 'boot'];
  const image = (format: string, out: string, more: readonly string[]) =>
    exec('grub-mkimage', ['-O', format, '-o', file(out), '-c', file('grub.cfg'), '-p', '/', ...modules, ...more]);
  await image('i386-pc', 'core.img', ['biosdisk']);
  await image('x86_64-efi', 'bootx64.efi', []);
  const disk = file('disk.img');
  await writeFile(disk, '');
  await truncate(disk, DISK_MIB * 2 ** 20);
  await partition(disk, file('core.img'));
  const inside = ['-i', `${disk}@@${PARTITION.startSector * SECTOR}`];
  await exec('mformat', [...inside, '-T', String(PARTITION.sectors), '-h', '64', '-s', '32', '::']);
  await exec('mmd', [...inside, '::/EFI', '::/EFI/BOOT']);
  for (const [from, to] of [
    ['kernel', '::/kernel'],
    ['initrd', '::/initrd'],
    ['bootx64.efi', '::/EFI/BOOT/BOOTX64.EFI'],
  ] as const)
    await exec('mcopy', [...inside, file(from), to]);
  return disk;
}

async function system(): Promise<{ readonly kernel: Buffer; readonly initrd: Buffer }> {
  const { arch } = hostPlatform();
  const cache = path.join(layoutOf(homeRoot()).images, 'cache');
  const set = { suite: RECIPE.suite, arch, packages: packagesOf(RECIPE, arch), cache };
  const unpacked = (await isCached(set))
    ? await cachedPackages(set)
    : await fetchPackages(set, localWorkshop, () => {}, undefined);
  const { kernel, layers } = await selectLayers(unpacked.tree, RECIPE, arch, PROVISION);
  const entries = layers.flatMap(({ packaged, own }) => [...packaged, ...own]);
  const init = { path: 'init', type: 'file', mode: 0o755, data: await readFile(INIT) } as const;
  return { kernel, initrd: writeCpio([...entries.filter((entry) => entry.path !== 'init'), init]) };
}

/** GRUB's first sector around the table, its core in the gap before the first partition. */
async function partition(disk: string, coreFile: string): Promise<void> {
  const boot = Buffer.alloc(SECTOR);
  (await readFile(path.join(GRUB, 'i386-pc', 'boot.img'))).copy(boot, 0, 0, 440);
  const entry = boot.subarray(446, 462);
  entry[0] = 0x80;
  entry[4] = PARTITION.type;
  entry.writeUInt32LE(PARTITION.startSector, 8);
  entry.writeUInt32LE(PARTITION.sectors, 12);
  boot.writeUInt16LE(0xaa55, 510);
  const core = await readFile(coreFile);
  if (core.length > (PARTITION.startSector - 1) * SECTOR) throw new Error('GRUB does not fit before the partition');
  const handle = await open(disk, 'r+');
  try {
    await handle.write(boot, 0, boot.length, 0);
    await handle.write(core, 0, core.length, SECTOR);
  } finally {
    await handle.close();
  }
}
