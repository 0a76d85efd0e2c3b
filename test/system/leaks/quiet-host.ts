/**
 * A machine that says nothing by itself: network, mount and, for those who are not root, user namespaces in which a gate,
 * its lab and every command run. What any process of it tries to send, on the loopback too, is written down by the
 * kernel: where to, by which protocol, to which port.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Installation } from '../../../src/drivers/index.ts';
import { childEnvironment, LineSplitter, type RunResult, requireTool, run } from '../../../src/host/index.ts';

const RESOLVER = '192.0.2.53';
const USER = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];

/** Replies are not written down: whoever is spoken to may answer. */
const WITNESS = `
table inet quiet {
  set said { type ipv4_addr . inet_proto . inet_service; flags dynamic; size 4096; }
  set odd { type inet_proto; flags dynamic; size 64; }
  set six { type ipv6_addr . inet_proto; flags dynamic; size 64; }
  chain output {
    type filter hook output priority 0; policy accept;
    ct direction reply accept
    # The kernel's own word for a port that was just closed: nobody's program sent it.
    oifname lo icmp type destination-unreachable accept
    meta nfproto ipv4 meta l4proto { tcp, udp } add @said { ip daddr . meta l4proto . th dport }
    meta nfproto ipv4 meta l4proto != { tcp, udp } add @odd { meta l4proto }
    meta nfproto ipv6 add @six { ip6 daddr . meta l4proto }
  }
}
`;

/** Everything has a way out, to nobody; names are asked of RESOLVER. */
const SETUP = `set -e
mount --bind "$1" /etc/resolv.conf
for each in all default lo; do echo 1 >/proc/sys/net/ipv6/conf/$each/disable_ipv6; done
ip link set lo up
ip addr add ${RESOLVER}/32 dev lo
ip link add out0 type veth peer name out1
ip addr add 198.18.5.2/24 dev out0
ip link set out0 up
ip link set out1 up
ip route add default via 198.18.5.1 dev out0
nft -f "$2"
echo ready
exec cat
`;

/** Answers A of one name, and nothing else; prints each question. */
const NAMESERVER = `
const [, address, port, name, answer] = process.argv;
const socket = require('node:dgram').createSocket('udp4');
socket.on('message', (query, from) => {
  const labels = [];
  let at = 12;
  for (; query[at] > 0; at += query[at] + 1) labels.push(query.toString('latin1', at + 1, at + 1 + query[at]));
  const end = at + 5, type = query.readUInt16BE(at + 1), asked = labels.join('.').toLowerCase();
  const found = asked === name && type === 1;
  const head = Buffer.from([query[0], query[1], 0x81, asked === name ? 0x80 : 0x83, 0, 1, 0, found ? 1 : 0, 0, 0, 0, 0]);
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, ...answer.split('.').map(Number)]);
  socket.send(Buffer.concat([head, query.subarray(12, end), found ? record : Buffer.alloc(0)]), from.port, from.address);
  console.log(JSON.stringify({ type, name: asked }));
});
socket.bind(Number(port), address, () => console.log('listens'));
`;

export interface Question {
  /** 1: A, 12: PTR, 28: AAAA. */
  readonly type: number;
  readonly name: string;
}

export class QuietHost {
  readonly #holder: ChildProcess;
  readonly #folder: string;
  readonly #children: ChildProcess[] = [];
  /** What was asked of the resolver so far. */
  readonly questions: Question[] = [];

  private constructor(holder: ChildProcess, folder: string) {
    this.#holder = holder;
    this.#folder = folder;
  }

  static async open(): Promise<QuietHost> {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'vmg-qt-'));
    const [resolv, witness] = [path.join(folder, 'resolv.conf'), path.join(folder, 'witness.nft')];
    await writeFile(resolv, `nameserver ${RESOLVER}\n`);
    await writeFile(witness, WITNESS);
    const argv = [...USER, '--net', '--mount', 'sh', '-c', SETUP, 'setup', resolv, witness];
    const holder = spawn(requireTool('unshare'), argv, { stdio: ['pipe', 'pipe', 'pipe'], env: childEnvironment() });
    await ready(holder, 'the namespaces');
    return new QuietHost(holder, folder);
  }

  /** A command line that runs there. */
  inside(argv: readonly string[]): readonly string[] {
    const user = USER.length > 0 ? ['--user', '--preserve-credentials'] : [];
    return ['nsenter', '--target', String(this.#holder.pid), ...user, '--net', '--mount', '--', ...argv];
  }

  run(
    argv: readonly string[],
    { env = {}, cwd = '/' }: { env?: Record<string, string>; cwd?: string } = {},
  ): Promise<RunResult> {
    const [tool = '', ...rest] = this.inside(argv);
    return run({ tool, argv: rest, timeoutMs: 180_000, env, cwd });
  }

  /** Starts something that stays; resolves with its first line. */
  async serve(
    argv: readonly string[],
    { env = {}, onLine }: { env?: Record<string, string>; onLine?: (line: string) => void } = {},
  ): Promise<void> {
    const [tool = '', ...rest] = this.inside(argv);
    const child = spawn(tool, rest, { stdio: ['ignore', 'pipe', 'pipe'], cwd: '/', env: childEnvironment(env) });
    this.#children.push(child);
    await ready(child, argv[0] ?? '', onLine);
  }

  /** Has the resolver answer `name` with `address`. */
  async resolve(name: string, address: string): Promise<void> {
    const argv = [process.execPath, '-e', NAMESERVER, RESOLVER, '53', name, address];
    await this.serve(argv, { onLine: (line) => this.questions.push(JSON.parse(line) as Question) });
  }

  /** The QEMU of this machine, started there. */
  async installation(): Promise<Installation> {
    const installed = new Installation();
    const script = path.join(this.#folder, 'qemu');
    const find: Installation['find'] = async (arch) => {
      const qemu = await installed.find(arch);
      await writeFile(script, `#!/bin/sh\nexec ${this.inside([qemu.binary]).join(' ')} "$@"\n`);
      await chmod(script, 0o700);
      return { ...qemu, binary: script };
    };
    return Object.assign(Object.create(installed) as Installation, { find });
  }

  /** Everything that was said so far, sorted: `127.0.0.1 udp 53`. */
  async said(): Promise<readonly string[]> {
    const { stdout } = await this.run(['nft', '-n', 'list', 'table', 'inet', 'quiet']);
    const elements = [...stdout.matchAll(/elements = \{([^}]*)\}/g)].flatMap(([, list = '']) => list.split(','));
    const protocols: Readonly<Record<string, string>> = { '6': 'tcp', '17': 'udp' };
    return elements
      .map((element) =>
        element
          .trim()
          .split(' . ')
          .map((word) => protocols[word] ?? word)
          .join(' '),
      )
      .toSorted();
  }

  async close(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    this.#holder.stdin?.end();
    await once(this.#holder, 'exit');
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Waits for the first line; the later ones go to `onLine`. @throws with what it wrote when it ends before that */
async function ready(child: ChildProcess, what: string, onLine: (line: string) => void = () => {}): Promise<void> {
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString('utf8')).slice(-500);
  });
  await new Promise<void>((resolve, reject) => {
    let isFirst = true;
    const lines = new LineSplitter((line) => {
      if (!isFirst) return onLine(line);
      isFirst = false;
      resolve();
    });
    child.stdout?.on('data', (chunk: Buffer) => lines.push(chunk));
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${what} ended with ${code}: ${complaint}`)));
  });
}
