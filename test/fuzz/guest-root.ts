/**
 * The gateway's user land without a machine: the files of its own base layer with this checkout's scripts, in a chroot
 * of a namespace that owns nothing. Tools that would change a kernel are stand-ins that write down how they were called.
 * The shell, awk, sed and tr that the scripts run on are the gateway's.
 */
import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { homeRoot, layoutOf } from '../../src/home/index.ts';
import { hostPlatform, LineSplitter } from '../../src/host/index.ts';
import { findImage, type StoredImage } from '../../src/image/index.ts';
import { unpackLayer } from './image-layer.ts';

const ROOTFS = fileURLToPath(new URL('../../provision/gateway/rootfs', import.meta.url));
const NAMESPACE = ['--user', '--map-root-user', '--mount', '--pid', '--net', '--ipc', '--fork', '--kill-child'];

/**
 * How a verb is entered: the only lines that know. stdin is a pipe, as it is under dropbear; a client of `serve` sends a
 * second request only after the answer to the first.
 */
const ENTER = `
  { cat /case/stdin; [ ! -s /case/next ] || { until grep -q . /case/stdout; do :; done; cat /case/next; }; } |
    SSH_ORIGINAL_COMMAND="$(cat /case/command)" vmgate-gw >/case/stdout 2>/case/stderr`;

const LOOP = `
trap '' HUP
export PATH=/usr/sbin:/usr/bin
while read -r number; do
  ${ENTER}
  echo "$number $?"
done
`;

/** Writes down its name, its arguments and, where it would read it, its stdin; then says and does what the case wants. */
const STAND_IN = `#!/bin/sh
tool=\${0##*/}
printf '%s\\0' "$tool" "$@" >>/case/calls
printf '\\n' >>/case/calls
case "$tool $*" in
  'nft -j list ruleset') echo '{"nftables":[]}'; exit ;;
  'nft -j -f -' | 'nft --echo -f -' | 'wg setconf'*) cat >"/case/$tool" ;;
  'ip -j '*) echo '[]'; echo '[]'; exit ;;
  'ip link add'*) mkdir -p "/sys/class/net/$4" "/proc/sys/net/ipv4/conf/$4" ;;
  'ip link del'*) rm -rf "/sys/class/net/$4"; exit ;;
esac
read -r status </case/status
case "$tool $status" in
  nft*) grep -q '^list ' /case/nft && printf '{"nftables":[]}\\n{"nftables":[]}\\n' || cat /case/nft ;;
  wg*) cat /case/wg >&2 ;;
  dmesg*) cat /case/stdin ;;
esac
case $status in "$tool") exit 1 ;; esac
exit 0
`;
const TOOLS = ['nft', 'ip', 'wg', 'conntrack', 'date', 'dmesg', 'udhcpc', 'nc.openbsd'];

/** Why the machine here cannot run it; undefined when it can. */
export async function whyNoRoot(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'needs Linux';
  try {
    execFileSync('unshare', [...NAMESPACE, 'true'], { stdio: 'pipe' });
    execFileSync('zstd', ['--version'], { stdio: 'pipe' });
  } catch (cause) {
    return `needs user namespaces and zstd: ${String(cause).split('\n')[0]}`;
  }
  return (await gatewayImage()) === undefined ? 'needs the gateway image: vmgate image build gateway' : undefined;
}

function gatewayImage(): Promise<StoredImage | undefined> {
  return findImage(layoutOf(homeRoot()).images, 'gateway', hostPlatform().arch);
}

export interface Case {
  /** As the SSH client sent it. */
  readonly command: string;
  readonly stdin: Buffer;
  /** The stand-in that fails; '' for none. */
  readonly failing: string;
  /** What the client sends once it was answered. */
  readonly next?: string;
}

export interface Outcome {
  readonly exit: number;
  readonly stdout: Buffer;
  readonly stderr: string;
  /** Every tool's argv. */
  readonly calls: readonly (readonly string[])[];
  /** What nft and wg read; undefined where they read nothing. */
  readonly read: { readonly nft: Buffer | undefined; readonly wg: Buffer | undefined };
  /** Files the verb may write, and whether there is a tunnel. */
  readonly state: (name: 'resolvers' | 'dhcp-options' | 'tunnel-batch' | 'uplink') => string;
  readonly tunnel: boolean;
}

export class GuestRoot {
  readonly root: string;
  readonly #shell: ChildProcessByStdio<Writable, Readable, null>;
  /** Cases under way, by number: one that was given up must not be answered for the next. */
  readonly #waiting = new Map<string, (status: string) => void>();
  #number = 0;
  readonly #untouched: string;

  private constructor(root: string) {
    this.root = root;
    const enter = 'mount --bind /dev/null "$1/dev/null" && exec chroot "$1" /bin/sh /case/loop';
    this.#shell = spawn('unshare', [...NAMESPACE, 'sh', '-c', enter, 'sh', root], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = new LineSplitter((line) => {
      const [number = '', status = ''] = line.split(' ');
      this.#waiting.get(number)?.(status);
      this.#waiting.delete(number);
    });
    this.#shell.stdout.on('data', (chunk: Buffer) => lines.push(chunk));
    this.#shell.on('exit', () => {
      for (const answer of this.#waiting.values()) answer('gone');
    });
    this.#untouched = this.#outsideOfState();
  }

  /** `weaken`: takes a defence out of a script, to see that the loss is noticed. */
  static async build(weaken?: {
    readonly script: string;
    readonly edit: (text: string) => string;
  }): Promise<GuestRoot> {
    const image = await gatewayImage();
    if (image === undefined) throw new Error('no gateway image');
    const root = mkdtempSync(path.join(os.tmpdir(), 'vmgate-guest-'));
    unpackLayer(path.join(image.folder, 'base.cpio'), root);
    cpSync(ROOTFS, root, { recursive: true });
    for (const folder of ['usr/sbin', 'usr/lib/vmgate']) {
      for (const script of readdirSync(path.join(ROOTFS, folder))) chmodSync(path.join(root, folder, script), 0o755);
    }
    if (weaken !== undefined) {
      const script = path.join(root, weaken.script);
      writeFileSync(script, weaken.edit(readFileSync(script, 'utf8')));
    }
    for (const tool of TOOLS) {
      for (const folder of ['usr/bin', 'usr/sbin']) rmSync(path.join(root, folder, tool), { force: true });
      writeFileSync(path.join(root, 'usr/bin', tool), STAND_IN, { mode: 0o755 });
    }
    const facts: Readonly<Record<string, string>> = {
      'case/loop': LOOP,
      'dev/null': '',
      'dev/kmsg': '',
      'tmp/.keep': '',
      'proc/uptime': '12.34 5.00\n',
      'proc/sys/net/ipv4/ip_forward': '1\n',
      'proc/sys/net/ipv6/conf/up0/disable_ipv6': '1\n',
      'sys/class/net/up0/address': '52:54:01:00:01:00\n',
      'sys/class/net/up0/flags': '0x1003\n',
      ...Object.fromEntries(
        ['rx_packets', 'rx_bytes', 'tx_packets', 'tx_bytes'].map((name) => [
          `sys/class/net/up0/statistics/${name}`,
          '7\n',
        ]),
      ),
      'run/vmgate/boot-id': 'boot-1\n',
      // The loop itself, which a hang-up does not end.
      'run/vmgate/dnsmasq.pid': '1\n',
      'run/vmgate/uplink': '10.0.2.15 24 10.0.2.2\n',
    };
    for (const [name, text] of Object.entries(facts)) {
      mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
      writeFileSync(path.join(root, name), text);
    }
    return new GuestRoot(root);
  }

  async run({ command, stdin, failing, next = '' }: Case): Promise<Outcome> {
    const at = (name: string) => path.join(this.root, name);
    for (const name of this.#tunnels()) rmSync(at(`sys/class/net/${name}`), { recursive: true, force: true });
    for (const name of ['calls', 'nft', 'wg']) rmSync(at(`case/${name}`), { force: true });
    for (const name of ['resolvers', 'dhcp-options', 'tunnel-batch']) writeFileSync(at(`run/vmgate/${name}`), '');
    writeFileSync(at('case/command'), command);
    writeFileSync(at('case/stdin'), stdin);
    writeFileSync(at('case/next'), next);
    writeFileSync(at('case/stdout'), '');
    writeFileSync(at('case/status'), `${failing}\n`);
    this.#number += 1;
    const answered = new Promise<string>((resolve) => {
      this.#waiting.set(String(this.#number), resolve);
    });
    this.#shell.stdin.write(`${this.#number}\n`);
    const status = await answered;
    if (!/^\d+$/.test(status)) throw new Error(`the shell said ${status}`);
    const optional = (name: string) => (existsSync(at(name)) ? readFileSync(at(name)) : undefined);
    const calls = optional('case/calls')?.toString('latin1') ?? '';
    return {
      exit: Number(status),
      stdout: readFileSync(at('case/stdout')),
      stderr: readFileSync(at('case/stderr'), 'latin1'),
      calls: calls
        .split('\0\n')
        .slice(0, -1)
        .map((call) => call.split('\0')),
      read: { nft: optional('case/nft'), wg: optional('case/wg') },
      state: (name) => readFileSync(at(`run/vmgate/${name}`), 'latin1'),
      tunnel: this.#tunnels().length > 0,
    };
  }

  /** Files that were added, removed or changed by all cases so far outside of the verbs' own state. */
  strayChanges(): boolean {
    return this.#outsideOfState() !== this.#untouched;
  }

  close(): void {
    this.#shell.stdin.end();
    this.#shell.kill('SIGKILL');
    rmSync(this.root, { recursive: true, force: true });
  }

  /** Interfaces that a verb made. */
  #tunnels(): readonly string[] {
    return readdirSync(path.join(this.root, 'sys/class/net')).filter((name) => name !== 'up0');
  }

  #outsideOfState(): string {
    const mine = ['/case', '/run/vmgate', '/sys/class/net/', '/proc/sys/net/ipv4/conf', '/dev'];
    return readdirSync(this.root, { recursive: true, withFileTypes: true })
      .map((entry) => path.join(entry.parentPath, entry.name).slice(this.root.length))
      .filter((name) => !mine.some((folder) => name.startsWith(folder)))
      .sort()
      .join('\n');
  }
}
