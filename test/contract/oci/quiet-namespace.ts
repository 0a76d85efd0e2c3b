/**
 * A network namespace in which whatever leaves a process is seen: a loopback, a card with a default route that leads to
 * nobody, tcpdump on both, and the kernel's own counts. A mark sent before and after says that the capture saw all between.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Heard {
  /** Packets on any card but the two marks. */
  readonly packets: number;
  /** Connections that were tried and datagrams that were sent, by the kernel; the marks are taken off. */
  readonly tried: number;
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const MARK = 'vmgate-test-mark';
const MARK_PORT = '9';
const ATTEMPTS = 100;

export class QuietNamespace {
  readonly name = `vmgate-quiet-${process.pid}`;
  /** Of its card: what listens there is another machine to a program that is told a name. */
  readonly address = '192.0.2.2';
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'vmgate-quiet-'));

  constructor() {
    ip('netns', 'add', this.name);
    // A name that is looked up goes out by the card, where it is seen, and not to a resolver of this machine's loopback.
    mkdirSync(`/etc/netns/${this.name}`, { recursive: true });
    writeFileSync(`/etc/netns/${this.name}/resolv.conf`, 'nameserver 192.0.2.53\noptions timeout:1 attempts:1\n');
    writeFileSync(`/etc/netns/${this.name}/hosts`, `127.0.0.1 localhost\n${this.address} registry.example.com\n`);
    for (const key of ['all', 'default']) this.run('sysctl', '-qw', `net.ipv6.conf.${key}.disable_ipv6=1`);
    this.run('ip', 'link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'nobody0');
    this.run('ip', 'link', 'set', 'up0', 'arp', 'off');
    this.run('ip', 'addr', 'add', `${this.address}/24`, 'dev', 'up0');
    for (const card of ['lo', 'up0', 'nobody0']) this.run('ip', 'link', 'set', card, 'up');
    this.run('ip', 'route', 'add', 'default', 'via', '192.0.2.1');
  }

  run(program: string, ...argv: readonly string[]): void {
    execFileSync('ip', ['netns', 'exec', this.name, program, ...argv], { stdio: ['ignore', 'ignore', 'pipe'] });
  }

  /** Runs a program and tells what it sent, to anybody. */
  async hear(
    argv: readonly string[],
    options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
  ): Promise<Heard> {
    const file = path.join(this.#folder, 'heard.pcap');
    rmSync(file, { force: true });
    const capture = spawn('ip', [
      ...['netns', 'exec', this.name, 'tcpdump', '-Z', 'root', '-n', '-U', '-i', 'any', '-s', '128', '-w', file],
    ]);
    try {
      await listening(capture);
      await this.#marked(file, 1);
      const before = this.#tried();
      const ended = spawnSync('ip', ['netns', 'exec', this.name, ...argv], { ...options, encoding: 'utf8' });
      const tried = this.#tried() - before;
      await this.#marked(file, 2);
      const packets = packetsIn(file).filter((packet) => !packet.includes(MARK)).length;
      return { packets, tried, exit: ended.status, stdout: ended.stdout, stderr: ended.stderr };
    } finally {
      const gone = new Promise((resolve) => capture.once('exit', resolve));
      capture.kill('SIGKILL');
      await gone;
    }
  }

  remove(): void {
    spawnSync('ip', ['netns', 'del', this.name]);
    rmSync(`/etc/netns/${this.name}`, { recursive: true, force: true });
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The capture has what was sent until now. */
  async #marked(file: string, mark: number): Promise<void> {
    const send = `require('node:dgram').createSocket('udp4').send('${MARK} ${mark}', ${MARK_PORT}, '192.0.2.77', () => process.exit())`;
    this.run(process.execPath, '-e', send);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (packetsIn(file).some((packet) => packet.includes(`${MARK} ${mark}`))) return;
      await sleep(50);
    }
    throw new Error(`the capture did not see its mark ${mark}`);
  }

  /** `/proc/net/snmp`: a SYN that is refused counts too. */
  #tried(): number {
    const argv = ['netns', 'exec', this.name, 'cat', '/proc/net/snmp'];
    const lines = execFileSync('ip', argv, { encoding: 'utf8' }).split('\n');
    const countOf = (protocol: string, key: string) => {
      const [names = [], values = []] = lines
        .filter((line) => line.startsWith(`${protocol}:`))
        .map((line) => line.split(' '));
      return Number(values[names.indexOf(key)]);
    };
    return countOf('Tcp', 'ActiveOpens') + countOf('Udp', 'OutDatagrams');
  }
}

/** Whole records of a pcap file of any link type: that of all cards is not Ethernet's. */
function packetsIn(file: string): readonly Buffer[] {
  const bytes = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  const packets: Buffer[] = [];
  for (let at = 24; at + 16 <= bytes.length; ) {
    const end = at + 16 + bytes.readUInt32LE(at + 8);
    if (end > bytes.length) break;
    packets.push(bytes.subarray(at + 16, end));
    at = end;
  }
  return packets;
}

function listening(capture: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    capture.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('listening on')) resolve();
    });
    capture.once('exit', () => reject(new Error(`tcpdump ended: ${said}`)));
  });
}

function ip(...argv: readonly string[]): void {
  execFileSync('ip', argv, { stdio: ['ignore', 'ignore', 'pipe'] });
}
