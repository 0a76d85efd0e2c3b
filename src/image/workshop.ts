/** Where packages are unpacked, layers compressed and disks made: this machine, or a Docker container with the same tools. */
import type { Writable } from 'node:stream';
import type { Arch } from '../drivers/driver.ts';

export interface UnpackRequest {
  readonly suite: string;
  readonly arch: Arch;
  readonly packages: readonly string[];
  /** Folder of `.deb` files that need not be downloaded again. */
  readonly debs: string;
  /**
   * Install them, as apt does, instead of only unpacking them. `kernel` names the `.deb` in `debs` whose modules are
   * added; the package itself is not installed, for it would bring a boot loader's and an initramfs's tools along.
   */
  readonly install?: { readonly kernel: string };
  /** Takes mmdebstrap's tar. */
  readonly output: Writable;
  /** mmdebstrap's and apt's messages, a line at a time; hostile text. */
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal | undefined;
}

export interface DiskRequest {
  /** provision/image/make-disk.sh. */
  readonly script: string;
  readonly tar: string;
  /** Where disk.qcow2 is made. */
  readonly folder: string;
  readonly gigabytes: number;
  readonly signal: AbortSignal | undefined;
}

/** How a tool ended, when it did not end well: `mmdebstrap ended with status 25`. */
export class WorkshopFailure extends Error {
  readonly evidence: readonly string[];

  constructor(outcome: string, evidence: readonly string[]) {
    super(outcome);
    this.name = 'WorkshopFailure';
    this.evidence = evidence;
  }
}

/** What a reader needs of apt's and mmdebstrap's last lines: the errors themselves; everything where none is marked so. */
export function tellingLines(lines: readonly string[]): readonly string[] {
  const errors = lines.filter((line) => line.startsWith('E: ') && !/^E: (mmdebstrap|apt-get\b.*) failed/.test(line));
  return errors.length > 0 ? errors : lines;
}

/** zstd for what the guest's kernel unpacks, gzip for what QEMU does. */
export type Compression = 'zstd' | 'gzip';

export interface Workshop {
  /** Completes `building the gateway image ...`: `with mmdebstrap`. */
  readonly description: string;
  /** What setting the workshop up may download by itself. */
  readonly setupBytes: number;
  /** @throws WorkshopFailure */
  unpack(request: UnpackRequest): Promise<void>;
  /** One frame or member, the same bytes for the same input. @throws WorkshopFailure */
  compress(data: Buffer, format: Compression, signal: AbortSignal | undefined): Promise<Buffer>;
  /** disk.qcow2 in `folder`, of the files in `tar`. @throws WorkshopFailure */
  makeDisk(request: DiskRequest): Promise<void>;
  close(): Promise<void>;
}

/** What a workshop is made of: the tools it is looked for by, and the packages of Debian that bring them. */
export const WORKSHOP_TOOLS = ['mmdebstrap', 'zstd'] as const;
export const DISK_TOOLS = ['mke2fs', 'qemu-img'] as const;
export const DISK_PACKAGES = ['e2fsprogs', 'qemu-utils'] as const;

/**
 * Extracts and never runs: maintainer scripts are not executed, which makes foreign architectures possible, and
 * ordinary users without user namespaces (mode chrootless, of which only the unpacking is used). To install, an ordinary
 * user needs such a namespace, and the machine has to be of the same architecture.
 * No mirror is named: mmdebstrap's default, and the machine's apt configuration, decide. The downloaded `.deb` files
 * stay in the tar (cleanup of apt's cache is skipped) to be hashed and kept.
 */
export function mmdebstrapArguments(
  request: Pick<UnpackRequest, 'suite' | 'arch' | 'packages' | 'debs' | 'install'> & { readonly asRoot: boolean },
): string[] {
  const { asRoot, install, debs } = request;
  const userMode = install === undefined ? 'chrootless' : 'unshare';
  return [
    `--mode=${asRoot ? 'root' : userMode}`,
    '--verbose',
    `--variant=${install === undefined ? 'extract' : 'minbase'}`,
    `--architectures=${request.arch}`,
    `--include=${request.packages.join(',')}`,
    '--skip=cleanup/apt/cache',
    '--aptopt=Acquire::Retries "3"',
    '--setup-hook=mkdir -p "$1"/var/cache/apt/archives',
    `--setup-hook=sync-in ${quoted(debs)} /var/cache/apt/archives`,
    ...(install === undefined ? [] : installation(`${debs}/${install.kernel}`)),
    ...usedOnly(install === undefined ? 'extract' : 'customize'),
    request.suite,
    '-',
  ];
}

/**
 * What other images are made of was offered to apt, and is no part of this one: each package has a folder or link of its own
 * in /usr/share/doc (Debian policy, section 12.5). And of what is, only the version that apt took, not an older one.
 *
 * @param hook the last one that runs: what is only extracted is not customized
 */
function usedOnly(hook: 'extract' | 'customize'): string[] {
  const each = 'name=$(basename "$deb" | cut -d_ -f1); doc="$1"/usr/share/doc/"$name"';
  return [
    `--${hook}-hook=for deb in "$1"/var/cache/apt/archives/*.deb; do ${each}; test -e "$doc" || test -L "$doc" || rm "$deb"; done`,
    `--${hook}-hook=APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -q autoclean`,
  ];
}

/** The essential packages' files stay in apt's cache too, to be listed and kept. */
function installation(kernel: string): string[] {
  return [
    '--skip=download/empty',
    '--skip=essential/unlink',
    `--customize-hook=upload ${quoted(kernel)} /kernel.deb`,
    '--customize-hook=chroot "$1" dpkg-deb --extract /kernel.deb /kernel',
    '--customize-hook=mv "$1"/kernel/usr/lib/modules "$1"/usr/lib/modules',
    '--customize-hook=chroot "$1" sh -c \'cd /usr/lib/modules && for version in *; do depmod "$version"; done\'',
    '--customize-hook=rm -r "$1"/kernel "$1"/kernel.deb',
  ];
}

/** mmdebstrap hands hooks to a shell. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * zstd: level 19 on one thread, for several would cut the input by their number, and the bytes with it. The length is
 * said, or the bytes would tell whether the input came from a file or a pipe.
 * gzip: without the file's name and time. GNU's own, which brings its deflate along: node's zlib, and that of a zstd that
 * writes gzip, give other bytes from one release or fork of zlib to the next.
 */
export function compressorArguments(format: Compression, inputBytes: number): string[] {
  if (format === 'gzip') return ['-9', '--no-name', '--stdout'];
  return ['-19', '--single-thread', '--no-check', '--quiet', `--stream-size=${inputBytes}`, '--stdout'];
}
