/**
 * QEMUs of other Debian releases, unpacked in a folder of their own and run from there with their own libraries: this
 * machine's QEMU stays what it is. Mirror and keys are those of mmdebstrap and of this machine's apt.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Arch } from '../../../src/drivers/index.ts';
import { findTool, hostPlatform, messageOf } from '../../../src/host/index.ts';

export interface QemuRelease {
  /** For the names of tests. */
  readonly name: string;
  readonly suite: string;
  /** Backports to take QEMU, and what it needs of them, from. */
  readonly backports?: string;
  /** What `--version` must begin with, so that no test is of another version than it says. */
  readonly version: RegExp;
}

export const QEMU_RELEASES: readonly QemuRelease[] = [
  { name: 'QEMU 7.2', suite: 'bookworm', version: /^7\.2\./ },
  { name: 'QEMU 10.0', suite: 'bookworm', backports: 'bookworm-backports', version: /^10\.0\./ },
  // Backports follow the newest there is, so the number is not said; it is printed.
  { name: 'the newest QEMU', suite: 'trixie', backports: 'trixie-backports', version: /^\d\d\.\d/ },
];

export type UnpackedQemu =
  | { readonly root: string; readonly programs: Record<Arch, string> }
  | { readonly obstacle: string };

const CACHE = fileURLToPath(new URL('../../../node_modules/.cache/vmgate', import.meta.url));
const PROGRAMS: Readonly<Record<Arch, string>> = { amd64: 'qemu-system-x86_64', arm64: 'qemu-system-aarch64' };
const FETCH_MS = 300_000;

/** Fetched once a day: some 60 MB to download, 230 MB on disk. */
export function unpackQemu(release: QemuRelease): UnpackedQemu {
  if (hostPlatform().os !== 'linux') return { obstacle: 'packages of Debian run on Linux only' };
  const missing = ['mmdebstrap', 'sed'].filter((tool) => findTool(tool) === undefined);
  if (missing.length > 0) return { obstacle: `${missing.join(' and ')} not installed` };
  const name = `qemu-${release.backports ?? release.suite}`;
  const root = path.join(CACHE, `${name}@${new Date().toISOString().slice(0, 10)}`);
  try {
    if (!existsSync(root)) fetch(release, name, root);
    return { root, programs: { amd64: launcher(root, 'amd64'), arm64: launcher(root, 'arm64') } };
  } catch (cause) {
    const stderr = String((cause as { stderr?: unknown }).stderr ?? '');
    const lines = stderr.split('\n').filter((line) => line.startsWith('E: '));
    return { obstacle: lines[0] ?? messageOf(cause).split('\n')[0] ?? 'it could not be unpacked' };
  }
}

function fetch({ suite, backports }: QemuRelease, name: string, root: string): void {
  mkdirSync(CACHE, { recursive: true });
  for (const old of readdirSync(CACHE)) {
    if (old.startsWith(`${name}@`)) rmSync(path.join(CACHE, old), { recursive: true, force: true });
  }
  const draft = `${root}.part`;
  const from =
    backports === undefined
      ? []
      : [
          `--aptopt=APT::Default-Release "${backports}"`,
          `--setup-hook=sed -n "s/ ${suite} main/ ${backports} main/p" "$1"/etc/apt/sources.list >"$1"/etc/apt/sources.list.d/backports.list`,
        ];
  const argv = [
    '--quiet',
    `--mode=${process.geteuid?.() === 0 ? 'root' : 'chrootless'}`,
    '--variant=extract',
    `--architectures=${hostPlatform().arch}`,
    '--include=qemu-system-x86,qemu-system-arm',
    '--dpkgopt=path-exclude=/usr/share/doc/*',
    ...from,
    suite,
    draft,
  ];
  try {
    execFileSync(findTool('mmdebstrap') ?? '', argv, { stdio: ['ignore', 'ignore', 'pipe'], timeout: FETCH_MS });
    renameSync(draft, root);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/**
 * A program that starts the unpacked QEMU: by its own loader, with its own libraries, modules and firmware. It becomes
 * QEMU (exec), so pids, locks and signals are those of the real thing.
 */
function launcher(root: string, arch: Arch): string {
  const program = PROGRAMS[arch];
  // Where an older release has two folders, a newer one has the second only: nothing merged them here.
  const folders = [path.join(root, 'lib'), path.join(root, 'usr', 'lib')].flatMap((lib) =>
    existsSync(lib)
      ? readdirSync(lib).flatMap((name) => (name.endsWith('-linux-gnu') ? path.join(lib, name) : []))
      : [],
  );
  const loader = folders
    .flatMap((folder) => readdirSync(folder).map((name) => path.join(folder, name)))
    .find((file) => /^ld-linux-.*\.so\.\d+$/.test(path.basename(file)));
  if (loader === undefined) throw new Error(`no loader in ${folders.join(' or ')}`);
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const [binary, data] = [path.join(root, 'usr', 'bin', program), path.join(root, 'usr', 'share')];
  const lines = [
    '#!/bin/sh',
    `QEMU_MODULE_DIR=${quoted(path.join(folders.at(-1) ?? '', 'qemu'))}`,
    'export QEMU_MODULE_DIR',
    `exec ${quoted(loader)} --library-path ${quoted(folders.join(':'))} ${quoted(binary)} \\`,
    `  -L ${quoted(path.join(data, 'qemu'))} -L ${quoted(path.join(data, 'seabios'))} "$@"`,
    '',
  ];
  const file = path.join(root, program);
  writeFileSync(file, lines.join('\n'), { mode: 0o755 });
  return file;
}
