/** Hand-made packages: an ELF program with a library, kernel modules, a busybox with three applets. */
import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import type { Compression, DiskRequest, UnpackRequest, Workshop } from '../../../src/image/workshop.ts';

export const KERNEL_VERSION = '6.12.1-cloud';
const MODULES = `usr/lib/modules/${KERNEL_VERSION}/kernel`;

/** A 64-bit ELF file with a dynamic section naming `needed`, loaded at 0x1000. */
export function elf(needed: readonly string[], interpreter?: string, rest = ''): Buffer {
  const strings = Buffer.from(`\0${needed.map((name) => `${name}\0`).join('')}`);
  const loader = Buffer.from(interpreter === undefined ? '' : `${interpreter}\0`);
  const headers = interpreter === undefined ? 2 : 3;
  const dynamicAt = 64 + headers * 56;
  const dynamic = Buffer.alloc((needed.length + 2) * 16);
  const stringsAt = dynamicAt + dynamic.length;
  let offset = 1;
  needed.forEach((name, index) => {
    dynamic.writeBigUInt64LE(1n, index * 16);
    dynamic.writeBigUInt64LE(BigInt(offset), index * 16 + 8);
    offset += name.length + 1;
  });
  dynamic.writeBigUInt64LE(5n, needed.length * 16);
  dynamic.writeBigUInt64LE(BigInt(0x1000 + stringsAt), needed.length * 16 + 8);
  const total = stringsAt + strings.length + loader.length;
  const segments = [segment(1, 0, 0x1000, total), segment(2, dynamicAt, 0x1000 + dynamicAt, dynamic.length)];
  if (interpreter !== undefined) segments.push(segment(3, stringsAt + strings.length, 0, loader.length));
  const header = elfHeader();
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(headers, 56);
  return Buffer.concat([header, ...segments, dynamic, strings, loader, Buffer.from(rest)]);
}

/** A kernel module: nothing but a `.modinfo` section. */
export function kernelModule(info: readonly string[]): Buffer {
  const modinfo = Buffer.from(info.map((line) => `${line}\0`).join(''));
  const names = Buffer.from('\0.modinfo\0.shstrtab\0');
  const header = elfHeader();
  header.writeBigUInt64LE(BigInt(64 + modinfo.length + names.length), 40);
  header.writeUInt16LE(64, 58);
  header.writeUInt16LE(3, 60);
  header.writeUInt16LE(2, 62);
  const sections = [section(0, 0, 0), section(1, 64, modinfo.length), section(10, 64 + modinfo.length, names.length)];
  return Buffer.concat([header, modinfo, names, ...sections]);
}

function elfHeader(): Buffer {
  const header = Buffer.alloc(64);
  header.write('\x7fELF\x02\x01', 'latin1');
  return header;
}

function segment(type: number, offset: number, address: number, size: number): Buffer {
  const header = Buffer.alloc(56);
  header.writeUInt32LE(type, 0);
  header.writeBigUInt64LE(BigInt(offset), 8);
  header.writeBigUInt64LE(BigInt(address), 16);
  header.writeBigUInt64LE(BigInt(size), 32);
  return header;
}

function section(name: number, offset: number, size: number): Buffer {
  const header = Buffer.alloc(64);
  header.writeUInt32LE(name, 0);
  header.writeBigUInt64LE(BigInt(offset), 24);
  header.writeBigUInt64LE(BigInt(size), 32);
  return header;
}

export interface SampleFile {
  readonly name: string;
  readonly data?: Buffer | string;
  readonly mode?: number;
  readonly linkTo?: string;
  readonly hardLinkTo?: string;
}

/** What mmdebstrap would print for the recipe of `provision()`. */
export const SAMPLE_FILES: readonly SampleFile[] = [
  { name: './var/cache/apt/archives/libtiny_1%3a2.0-1_amd64.deb', data: 'the deb of libtiny' },
  { name: './var/cache/apt/archives/busybox_1.37-6_amd64.deb', data: 'the deb of busybox' },
  { name: './usr/share/doc/busybox/copyright', data: 'left out' },
  {
    name: './usr/bin/busybox',
    mode: 0o755,
    data: elf(['libtiny.so.1'], '/lib64/ld-tiny.so', '\0[\0[[\0cat\0sh\0tool\0\0'),
  },
  { name: './usr/sbin/tool', mode: 0o700, data: '#!/bin/sh\n' },
  { name: './usr/lib64/ld-tiny.so', linkTo: '../lib/x86_64-linux-gnu/ld-tiny.so' },
  { name: './usr/lib/x86_64-linux-gnu/ld-tiny.so', mode: 0o755, data: elf([]) },
  { name: './usr/lib/x86_64-linux-gnu/libtiny.so.1', linkTo: 'libtiny.so.1.0' },
  { name: './usr/lib/x86_64-linux-gnu/libtiny.so.1.0', data: elf([]) },
  { name: './usr/lib/x86_64-linux-gnu/libtiny-again.so', hardLinkTo: './usr/lib/x86_64-linux-gnu/libtiny.so.1.0' },
  { name: './usr/lib/x86_64-linux-gnu/libunused.so.1', data: elf([]) },
  { name: './usr/bin/extra', mode: 0o755, data: elf(['libtiny.so.1']) },
  { name: `./boot/vmlinuz-${KERNEL_VERSION}`, data: 'a kernel' },
  { name: `./usr/lib/modules/${KERNEL_VERSION}/modules.builtin`, data: 'kernel/drivers/acpi/button.ko\n' },
  { name: `./${MODULES}/net/card.ko`, data: kernelModule(['depends=net-core', 'alias=virtio:d1v*', 'name=card']) },
  { name: `./${MODULES}/net/net_core.ko`, data: kernelModule(['depends=', 'name=net_core']) },
  { name: `./${MODULES}/net/tunnel.ko`, data: kernelModule(['depends=net_core', 'softdep=pre: cipher absent']) },
  { name: `./${MODULES}/crypto/cipher.ko`, data: kernelModule(['depends=', 'alias=crypto-cipher']) },
  { name: `./${MODULES}/net/unwanted.ko`, data: kernelModule(['depends=']) },
];

export function sampleTar(files: readonly SampleFile[] = SAMPLE_FILES): Readable {
  const archive = pack();
  for (const { name, data = '', mode = 0o644, linkTo, hardLinkTo } of files) {
    if (linkTo !== undefined) archive.entry({ name, type: 'symlink', linkname: linkTo });
    else if (hardLinkTo !== undefined) archive.entry({ name, type: 'link', linkname: hardLinkTo });
    else archive.entry({ name, mode }, data);
  }
  archive.finalize();
  return Readable.from(archive);
}

/** A workshop without tools: the sample packages, and a compression that is none, or only says its name. */
export class SampleWorkshop implements Workshop {
  readonly description = 'from samples';
  readonly setupBytes = 0;
  readonly calls: string[] = [];
  files: readonly SampleFile[] = SAMPLE_FILES;
  failure: Error | undefined;

  async unpack({ output, onLine }: UnpackRequest & { readonly output: Writable }): Promise<void> {
    this.calls.push('unpack');
    onLine('Need to get 1,500 kB/2.0 MB of archives.');
    if (this.failure !== undefined) throw this.failure;
    await pipeline(sampleTar(this.files), output);
  }

  /** A disk that is only the archive it would be made of. */
  async makeDisk({ tar, folder }: DiskRequest): Promise<void> {
    this.calls.push('makeDisk');
    await copyFile(tar, path.join(folder, 'disk.qcow2'));
  }

  compress(data: Buffer, format: Compression): Promise<Buffer> {
    this.calls.push(format === 'zstd' ? 'compress' : `compress with ${format}`);
    return Promise.resolve(format === 'zstd' ? data : Buffer.from(`as ${format}`));
  }

  close(): Promise<void> {
    this.calls.push('close');
    return Promise.resolve();
  }
}

export const SAMPLE_RECIPE = `
suite: trixie
kernel: {amd64: linux-image-cloud-amd64, arm64: linux-image-cloud-arm64}
downloadMegabytes: 5
layers:
  - name: base
    packages: [busybox]
    keep: [usr/bin/busybox, usr/sbin/]
    modules: [card, button]
    links: {bin: usr/bin}
    rootfs: gateway/rootfs
  - name: wireguard
    packages: [wireguard-tools]
    keep: [usr/bin/extra]
    modules: [tunnel]
`;
