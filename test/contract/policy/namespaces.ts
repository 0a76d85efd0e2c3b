/**
 * A gateway's wiring made of network namespaces: `gw` runs the ruleset; `up`, `tun`, `work` and its neighbour `peer` are
 * what it is wired to.
 * Packets are real UDP datagrams, verdicts are read from the ruleset's own counters.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type CounterName, type NftRuleset, renderNft } from '../../../src/core/policy/index.ts';
import { link } from '../../unit/core/policy/policies.ts';

export type Space = 'gw' | 'up' | 'tun' | 'work' | 'peer';

export interface Packet {
  readonly from: Space;
  /** `address:port`. */
  readonly source: string;
  readonly destination: string;
  readonly mark?: number;
}

const SPACES: readonly Space[] = ['gw', 'up', 'tun', 'work', 'peer'];
const NFT = '/usr/sbin/nft';

/** Why the kernel here cannot run these tests; undefined when it can. */
export function whyNot(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid?.() !== 0) return 'needs root for network namespaces';
  const space = `vmgate-probe-${process.pid}`;
  try {
    ip('netns', 'add', space);
    ip('-n', space, 'link', 'add', 'veth0', 'type', 'veth', 'peer', 'name', 'veth1');
    ip('netns', 'exec', space, NFT, 'list', 'ruleset');
    return undefined;
  } catch (cause) {
    return String(cause).split('\n')[0];
  } finally {
    quietly(() => ip('netns', 'del', space));
  }
}

export class Namespaces {
  readonly #prefix = `vmgate-${process.pid}`;
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'vmgate-nft-'));

  constructor() {
    for (const space of SPACES) {
      ip('netns', 'add', this.name(space));
      for (const [key, value] of [
        ['net.ipv6.conf.all.disable_ipv6', 1],
        ['net.ipv6.conf.default.disable_ipv6', 1],
        ['net.ipv4.conf.all.rp_filter', 0],
        ['net.ipv4.conf.default.rp_filter', 0],
        ['net.ipv4.ip_forward', space === 'gw' ? 1 : 0],
      ] as const) {
        this.run(space, 'sysctl', '-qw', `${key}=${value}`);
      }
    }
    const [work, peer, probe] = [link(0), link(1), link(3, 'probe0')];
    this.#wire('up0', '10.0.2.15/24', 'up', 'u1', '10.0.2.2/24');
    this.#wire('tun0', '10.64.0.1/24', 'tun', 't1', '10.64.0.2/24');
    this.#wire('work0', `${work.gateway}/29`, 'work', 'w1', `${work.guest}/29`, work.guestMac);
    this.#wire('work1', `${peer.gateway}/29`, 'peer', 'w2', `${peer.guest}/29`, peer.guestMac);
    this.#wire('probe0', `${probe.gateway}/29`, 'work', 'p1', `${probe.guest}/29`, probe.guestMac);
    // Nobody listens there: an ICMP "port unreachable" in answer would move counters too.
    const deaf = 'table ip deaf { chain input { type filter hook input priority 0; policy drop; }; }';
    for (const space of ['up', 'tun', 'work', 'peer'] as const) this.run(space, NFT, deaf);
    ip('-n', this.name('up'), 'addr', 'add', '198.51.100.7/32', 'dev', 'u1');
    ip('-n', this.name('tun'), 'addr', 'add', '9.9.9.9/32', 'dev', 't1');
    ip('-n', this.name('work'), 'addr', 'add', '10.213.0.3/29', 'dev', 'w1');
    ip('-n', this.name('gw'), 'route', 'add', '198.51.100.7', 'via', '10.0.2.2');
    ip('-n', this.name('gw'), 'route', 'add', '203.0.113.9', 'via', '10.0.2.2');
    ip('-n', this.name('gw'), 'route', 'add', 'default', 'via', '10.64.0.2');
    ip('-n', this.name('work'), 'route', 'add', 'default', 'via', work.gateway, 'dev', 'w1');
    ip('-n', this.name('peer'), 'route', 'add', 'default', 'via', peer.gateway, 'dev', 'w2');
  }

  name(space: Space): string {
    return `${this.#prefix}-${space}`;
  }

  run(space: Space, ...argv: readonly string[]): string {
    return ip('netns', 'exec', this.name(space), ...argv);
  }

  /** Loads a ruleset in the gateway, as `vmgate-gw apply` does. */
  load(ruleset: NftRuleset): void {
    // From a file: `nft -f -` opens /dev/stdin, which Linux refuses for the sockets that Node's pipes are.
    const file = path.join(this.#folder, 'ruleset.json');
    writeFileSync(file, renderNft(ruleset));
    this.run('gw', NFT, '-j', '-f', file);
  }

  /** What the kernel says it holds, all families. */
  list(): { nftables: unknown[] } {
    return JSON.parse(this.run('gw', NFT, '-j', '-s', 'list', 'ruleset'));
  }

  nft(...command: readonly string[]): void {
    this.run('gw', NFT, ...command);
  }

  /** Gives a link a lease: for longer than a gateway's 15 s, so that none ends under a test on a busy machine. */
  lease(ifname: string, seconds = 120): void {
    this.nft('add', 'element', 'inet', 'vmgate', 'open', `{ ${ifname} timeout ${seconds}s }`);
  }

  unlease(): void {
    this.nft('flush', 'set', 'inet', 'vmgate', 'open');
  }

  /** Which counters a datagram moved. */
  send({ from, source, destination, mark }: Packet): Partial<Record<CounterName, number>> {
    const [address = '', port = ''] = destination.split(':');
    return this.moved(() => {
      if (mark === undefined) {
        this.run(from, process.execPath, '-e', SEND, ...source.split(':'), address, port);
      } else {
        const to = `UDP4-SENDTO:${destination},bind=${source},setsockopt-int=1:36:${mark}`;
        const argv = ['netns', 'exec', this.name(from), 'socat', '-u', 'STDIN', to];
        // Its status is not judged: a packet dropped on the way out is an EPERM to it.
        spawnSync('ip', argv, { input: 'vmgate' });
      }
    });
  }

  /** Sends packets of any protocol, of which `bytes` is the payload. */
  sendRaw(from: Space, packets: readonly { to: string; protocol: number; bytes: Buffer }[]): void {
    const lines = packets.map(({ to, protocol, bytes }) => {
      const octal = [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
      return `printf '${octal}' | socat -u STDIN ${to.includes(':') ? `IP6-SENDTO:[${to}]` : `IP4-SENDTO:${to}`}:${protocol} || exit`;
    });
    this.run(from, 'sh', '-c', lines.join('\n'));
  }

  /** Which counters moved meanwhile, and by how much. */
  moved(work: () => void): Partial<Record<CounterName, number>> {
    const before = this.#counters();
    work();
    const after = this.#counters();
    const moved = Object.entries(after).filter(([name, packets]) => packets !== before[name]);
    return Object.fromEntries(moved.map(([name, packets]) => [name, packets - (before[name] ?? 0)]));
  }

  remove(): void {
    for (const space of SPACES) quietly(() => ip('netns', 'del', this.name(space)));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #wire(inside: string, insideAddress: string, space: Space, outside: string, address: string, mac?: string): void {
    const peer = ['peer', 'name', outside, 'netns', this.name(space)];
    ip('-n', this.name('gw'), 'link', 'add', inside, 'type', 'veth', ...peer);
    if (mac !== undefined) ip('-n', this.name(space), 'link', 'set', outside, 'address', mac);
    ip('-n', this.name('gw'), 'addr', 'add', insideAddress, 'dev', inside);
    ip('-n', this.name(space), 'addr', 'add', address, 'dev', outside);
    ip('-n', this.name('gw'), 'link', 'set', inside, 'up');
    ip('-n', this.name(space), 'link', 'set', outside, 'up');
  }

  #counters(): Record<string, number> {
    const { nftables } = JSON.parse(this.run('gw', NFT, '-j', 'list', 'counters')) as {
      nftables: { counter?: { name: string; packets: number } }[];
    };
    return Object.fromEntries(nftables.flatMap(({ counter }) => (counter ? [[counter.name, counter.packets]] : [])));
  }
}

/** One datagram; EPERM is what the output hook's drop looks like to the sender. */
const SEND = `
const [source, port, destination, to] = process.argv.slice(1);
const socket = require('node:dgram').createSocket('udp4');
socket.bind(Number(port), source, () => socket.send('vmgate', Number(to), destination, () => setTimeout(() => socket.close(), 20)));
`;

/** ip(8); what it prints. */
export function ip(...argv: readonly string[]): string {
  return execFileSync('ip', argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

export function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // Half made is half removed.
  }
}
