/** What machine this is: family of packages, architecture, and the line that installs a missing tool. */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { VmgateError } from '../core/coded.ts';
import type { Arch } from '../drivers/driver.ts';
import { errors } from './codes.ts';

export type PackageFamily = 'debian' | 'fedora' | 'arch' | 'macos' | 'other';

export interface HostPlatform {
  readonly os: 'linux' | 'macos';
  readonly arch: Arch;
  readonly family: PackageFamily;
  /** For people: `Debian GNU/Linux 12 (bookworm)`. */
  readonly name: string;
}

let known: HostPlatform | undefined;

/** @throws HOST_PLATFORM_UNSUPPORTED on anything but Linux or macOS on amd64 or arm64. */
export function hostPlatform(): HostPlatform {
  known ??= detect();
  return known;
}

function detect(): HostPlatform {
  const arch = hostArch();
  if (process.platform === 'darwin') return { os: 'macos', arch, family: 'macos', name: `macOS ${os.release()}` };
  if (process.platform !== 'linux') throw unsupported();
  const release = parseOsRelease(readOsRelease());
  return { os: 'linux', arch, family: familyOf(release), name: release.get('PRETTY_NAME') ?? 'Linux' };
}

/** A Node built for amd64 under Rosetta says x64; the guest has to match the CPU, or hvf refuses it. */
function hostArch(): Arch {
  if (process.platform === 'darwin' && os.cpus()[0]?.model.includes('Apple')) return 'arm64';
  if (process.arch === 'x64') return 'amd64';
  if (process.arch === 'arm64') return 'arm64';
  throw unsupported();
}

function unsupported(): VmgateError {
  return VmgateError.of(errors.HOST_PLATFORM_UNSUPPORTED, { platform: process.platform, arch: process.arch });
}

function readOsRelease(): string {
  for (const file of ['/etc/os-release', '/usr/lib/os-release']) {
    try {
      return readFileSync(file, 'utf8').slice(0, 16_384);
    } catch {}
  }
  return '';
}

/** os-release(5): shell-like assignments; only the quoting that distributions use is undone. */
export function parseOsRelease(text: string): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^([A-Z0-9_]+)=(["']?)(.*)\2$/.exec(line.trim());
    if (match?.[1] !== undefined && match[3] !== undefined) pairs.set(match[1], match[3]);
  }
  return pairs;
}

export function familyOf(release: ReadonlyMap<string, string>): PackageFamily {
  const ids = [release.get('ID') ?? '', ...(release.get('ID_LIKE') ?? '').split(' ')];
  if (ids.some((id) => id === 'debian' || id === 'ubuntu')) return 'debian';
  if (ids.some((id) => id === 'fedora' || id === 'rhel' || id === 'centos')) return 'fedora';
  if (ids.includes('arch')) return 'arch';
  return 'other';
}

type PackageNames = Readonly<Record<Exclude<PackageFamily, 'other'>, string | undefined>>;

/** Which package brings a tool. provision/host/setup.sh installs the same; a test holds the two together. */
const PACKAGES: Readonly<Record<string, PackageNames>> = {
  'qemu-system-x86_64': { debian: 'qemu-system-x86', fedora: 'qemu-system-x86-core', arch: 'qemu-base', macos: 'qemu' },
  'qemu-system-aarch64': {
    debian: 'qemu-system-arm',
    fedora: 'qemu-system-aarch64-core',
    arch: 'qemu-system-aarch64',
    macos: 'qemu',
  },
  "QEMU's own window": { debian: 'qemu-system-gui', fedora: 'qemu-ui-gtk', arch: 'qemu-ui-gtk', macos: 'qemu' },
  'virtio-gpu-pci': {
    debian: 'qemu-system-arm',
    fedora: 'qemu-device-display-virtio-gpu-pci',
    arch: 'qemu-hw-display-virtio-gpu-pci',
    macos: 'qemu',
  },
  vncviewer: { debian: 'tigervnc-viewer', fedora: 'tigervnc', arch: 'tigervnc', macos: 'tiger-vnc' },
  mke2fs: { debian: 'e2fsprogs', fedora: 'e2fsprogs', arch: 'e2fsprogs', macos: undefined },
  fakeroot: { debian: 'fakeroot', fedora: 'fakeroot', arch: 'fakeroot', macos: undefined },
  'qemu-img': { debian: 'qemu-utils', fedora: 'qemu-img', arch: 'qemu-img', macos: 'qemu' },
  'UEFI firmware for amd64': { debian: 'ovmf', fedora: 'edk2-ovmf', arch: 'edk2-ovmf', macos: 'qemu' },
  'UEFI firmware for arm64': {
    debian: 'qemu-efi-aarch64',
    fedora: 'edk2-aarch64',
    arch: 'edk2-aarch64',
    macos: 'qemu',
  },
  mmdebstrap: { debian: 'mmdebstrap', fedora: 'mmdebstrap', arch: undefined, macos: undefined },
  zstd: { debian: 'zstd', fedora: 'zstd', arch: 'zstd', macos: undefined },
  ssh: { debian: 'openssh-client', fedora: 'openssh-clients', arch: 'openssh', macos: 'openssh' },
  'ssh-keygen': { debian: 'openssh-client', fedora: 'openssh-clients', arch: 'openssh', macos: 'openssh' },
  nft: { debian: 'nftables', fedora: 'nftables', arch: 'nftables', macos: undefined },
};

/** The command that brings `tool` to this machine, for the remedy of an error. */
export function installLine(tool: string, platform: HostPlatform = hostPlatform(), root = isRoot()): string {
  const { family } = platform;
  const name = family === 'other' ? undefined : PACKAGES[tool]?.[family];
  if (family === 'other' || name === undefined) return `install ${tool} with this system's package manager`;
  if (family === 'macos') return `brew install ${name}`;
  const manager = {
    debian: 'apt-get install --no-install-recommends -y',
    fedora: 'dnf install -y --setopt=install_weak_deps=False',
    arch: 'pacman -S --needed --noconfirm',
  }[family];
  return `${root ? '' : 'sudo '}${manager} ${name}`;
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}
