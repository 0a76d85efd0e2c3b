/**
 * An image without a machine: its own files with this checkout's scripts over them, started by its own init in namespaces of
 * its own (network, processes, mounts). What is everybody's of a kernel is stood in for: modules, panics, the console.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { homeRoot, layoutOf } from '../../../../src/home/index.ts';
import { hostPlatform } from '../../../../src/host/index.ts';
import { findImage, type StoredImage } from '../../../../src/image/index.ts';
import { ip, quietly } from '../../../contract/policy/namespaces.ts';
import { unpackLayer, writeLayer } from '../../../fuzz/image-layer.ts';

type Kind = 'gateway' | 'lab';

const ROOTFS = path.join(import.meta.dirname, '../../../../provision');
const DEVICES = [
  ['null', 1, 3],
  ['zero', 1, 5],
  ['full', 1, 7],
  ['random', 1, 8],
  ['urandom', 1, 9],
  ['tty', 5, 0],
] as const;
/** Of the whole machine that the test runs on, and nobody's to change here. */
const NOT_OURS = ['/proc/sys/kernel', '/proc/sys/net/netfilter'];
const MODPROBE = '#!/bin/sh\nexit 0\n';
/** The last thing of an init that talks to its host by a device. */
const FOREVER = 'while :; do sleep 1; done';

/** Why it cannot run here; undefined when it can. */
export async function whyNoMachine(...kinds: readonly Kind[]): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid?.() !== 0) return 'needs root for network namespaces';
  if (!existsSync('/dev/net/tun')) return 'needs /dev/net/tun';
  for (const kind of kinds) {
    if ((await imageOf(kind)) === undefined) return `needs the image: vmgate image build ${kind}`;
  }
  return undefined;
}

function imageOf(kind: Kind): Promise<StoredImage | undefined> {
  return findImage(layoutOf(homeRoot()).images, kind, hostPlatform().arch);
}

export class ImageMachine {
  readonly name: string;
  readonly root = mkdtempSync(path.join(tmpdir(), 'vgm-'));
  #init: ChildProcess | undefined;
  #pid = 0;

  /** Its network is there, and empty; nothing runs yet. */
  constructor(name: string) {
    this.name = `vgm-${process.pid}-${name}`;
    ip('netns', 'add', this.name);
  }

  async unpack(kind: Kind, layers: readonly string[], settings?: Buffer): Promise<void> {
    const image = await imageOf(kind);
    if (image === undefined) throw new Error(`no ${kind} image`);
    for (const layer of layers) {
      unpackLayer(path.join(image.folder, `${layer}.cpio`), this.root);
    }
    cpSync(path.join(ROOTFS, kind, 'rootfs'), this.root, { recursive: true });
    if (settings !== undefined) writeLayer(settings, this.root);
    for (const folder of ['proc', 'sys', 'dev', 'run', 'tmp/kernel', 'tmp/netfilter']) {
      mkdirSync(path.join(this.root, folder), { recursive: true });
    }
    writeFileSync(path.join(this.root, 'tmp/netfilter/nf_conntrack_max'), '');
    for (const file of this.#scripts(kind)) {
      const ours = NOT_OURS.reduce(
        (text, folder) => text.replaceAll(`${folder}/`, `/tmp/${path.basename(folder)}/`),
        readFileSync(file, 'utf8'),
      );
      writeFileSync(
        file,
        ours
          .replaceAll(/^mount -t devtmpfs .*$/gm, ':')
          .replaceAll(/^exec vmgate-relay$/gm, FOREVER)
          .replaceAll('while :; do /usr/lib/lab/agent; done', FOREVER)
          // No kernel here has it; of the other kinds nobody asks for it.
          .replaceAll(/^\/usr\/lib\/lab\/wireguard up$/gm, ':'),
      );
      chmodSync(file, 0o755);
    }
    const modprobe = path.join(this.root, 'usr/sbin/modprobe');
    rmSync(modprobe, { force: true });
    writeFileSync(modprobe, MODPROBE, { mode: 0o755 });
  }

  /** Resolves once its init has got as far as it gets. */
  async boot(isUp: () => boolean): Promise<void> {
    const devices = DEVICES.map(([name, major, minor]) => `mknod -m 666 "$1/dev/${name}" c ${major} ${minor}`);
    const prepare = `
      mount --make-rprivate / && mount --bind "$1" "$1" && mount -t tmpfs dev "$1/dev"
      ${devices.join('\n')}
      mkdir "$1/dev/net" && mknod -m 666 "$1/dev/net/tun" c 10 200
      : >"$1/dev/kmsg"
      ln -s /proc/self/fd "$1/dev/fd"
      ln -s /console "$1/dev/console"
      cd "$1" && exec chroot . /init`;
    const unshare = ['unshare', '--mount', '--pid', '--ipc', '--uts', '--fork', '--kill-child', 'sh', '-ec', prepare];
    const argv = ['netns', 'exec', this.name, ...unshare, 'sh', this.root];
    const init = spawn('ip', argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#init = init;
    for (const stream of [init.stdout, init.stderr]) {
      stream.on('data', (chunk: Buffer) => appendFileSync(path.join(this.root, 'console'), chunk));
    }
    for (const end = performance.now() + 60_000; ; ) {
      if (init.exitCode !== null || performance.now() > end) throw new Error(`no ${this.name}: ${this.console()}`);
      this.#pid = childOf(init.pid ?? 0);
      if (this.#pid !== 0 && isUp()) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  console(): string {
    const file = path.join(this.root, 'console');
    return existsSync(file) ? readFileSync(file, 'latin1').slice(-4_000) : '';
  }

  /** Whether its file system has this, as its own processes see it. */
  has(name: string): boolean {
    return this.#pid !== 0 && existsSync(`/proc/${this.#pid}/root/${name}`);
  }

  /** A command of the image's. */
  run(...argv: readonly string[]): string {
    return execFileSync('nsenter', this.enter(...argv), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** For nsenter(1): the same as its argv. */
  enter(...argv: readonly string[]): readonly string[] {
    return ['-t', String(this.#pid), '-m', '-p', '-n', '-i', '-r', '-w', ...argv];
  }

  close(): void {
    if (this.#pid !== 0) quietly(() => process.kill(this.#pid, 'SIGKILL'));
    this.#init?.kill('SIGKILL');
    quietly(() => ip('netns', 'del', this.name));
    rmSync(this.root, { recursive: true, force: true });
  }

  #scripts(kind: Kind): readonly string[] {
    const rootfs = path.join(ROOTFS, kind, 'rootfs');
    return readdirSync(rootfs, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name).slice(rootfs.length))
      .filter((name) => !name.startsWith('/etc/'))
      .map((name) => path.join(this.root, name))
      .filter((file) => statSync(file).isFile());
  }
}

/** Two machines' cards on one wire: names, and MACs where they matter. */
export function wire(
  [one, card, mac]: readonly [string, string, string?],
  [other, farCard, farMac]: readonly [string, string, string?],
): void {
  ip('-n', one, 'link', 'add', card, 'type', 'veth', 'peer', 'name', farCard, 'netns', other);
  if (mac !== undefined) ip('-n', one, 'link', 'set', card, 'address', mac);
  if (farMac !== undefined) ip('-n', other, 'link', 'set', farCard, 'address', farMac);
}

function childOf(pid: number): number {
  try {
    const [first = '0'] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ');
    return Number(first);
  } catch {
    return 0;
  }
}
