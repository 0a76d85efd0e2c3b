/**
 * The namespaces with IPv6 on the links and in the tunnel, set up by the gateway's own script. What counts is what arrives
 * behind the tunnel: neighbours are always looking for each other, and the gateway's counters move with that.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { EgressPolicy } from '../../../src/core/policy/index.ts';
import { ipv6Policy, link6 } from '../../unit/core/policy/policies.ts';
import { Namespaces, type Space } from './namespaces.ts';

export const [work6, peer6, probe6] = [link6(0), link6(1), link6(3, 'probe0')];
export const NETWORK = 'fd76:6d67:1::';
export const GUEST6 = `${NETWORK}2`;
export const PEER6 = 'fd76:6d67:1:1::2';
/** Of the gateway in the tunnel, of the tunnel's other end, and of a site behind it. */
export const INSIDE = { gateway: 'fd00:64::1', server: 'fd00:64::2', site: '2001:db8::80' } as const;
/** Reached by the uplink, if anybody lets it out. */
export const OUTSIDE = '2001:db8:bad::1';
/** What {@link Ipv6Scene.arrived} counts. */
export const PORT = 7_000;
/** Bytes of the site's other answer, on the port behind that. */
export const LARGE = 60_000;

const NFT = '/usr/sbin/nft';
const SCRIPTS = path.join(import.meta.dirname, '../../../provision/gateway/rootfs/usr/lib/vmgate');
const SERVED = 'over IPv6';

/** With that tunnel's resolver where the namespaces have one. */
export const policy: EgressPolicy = {
  ...ipv6Policy,
  ...(ipv6Policy.tunnel && {
    tunnel: { ...ipv6Policy.tunnel, resolvers: ['10.64.0.2'], ipv6: { routes: ['::/0'], resolvers: [INSIDE.server] } },
  }),
};

export interface Datagram {
  readonly from: Space;
  readonly source: string;
  readonly to: string;
  readonly port?: number;
}

export class Ipv6Scene {
  readonly net = new Namespaces();
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'vmgate-ipv6-'));
  readonly #children: ChildProcess[] = [];

  constructor() {
    for (const [space, card] of [
      ['tun', 't1'],
      ['work', 'w1'],
      ['peer', 'w2'],
      ['up', 'u1'],
    ] as const) {
      this.net.run(space, 'sysctl', '-qw', `net.ipv6.conf.${card}.accept_dad=0`, `net.ipv6.conf.${card}.accept_ra=0`);
      this.net.run(space, 'sysctl', '-qw', `net.ipv6.conf.${card}.disable_ipv6=0`);
      // Nobody listens there, and saying so would be traffic too.
      this.net.run(
        space,
        NFT,
        'table ip6 deaf { chain input { type filter hook input priority 0; udp dport != 53 udp sport != 53 drop; }; }',
      );
      this.net.run(space, NFT, SEEN);
    }
    // The script is the gateway's own; a plan's lines are few enough to write here.
    this.gateway('echo 1 >/proc/sys/net/ipv6/conf/all/forwarding');
    for (const { ifname, ipv6 } of [work6, peer6, probe6]) {
      this.gateway(`switch_on_ipv6 ${ifname}; ip addr add ${ipv6?.gateway}/64 dev ${ifname} nodad`);
    }
    this.gateway(`echo 0 >/proc/sys/net/ipv6/conf/tun0/disable_ipv6; ip addr add ${INSIDE.gateway}/64 dev tun0 nodad`);
    for (const address of [`${INSIDE.server}/64`, `${INSIDE.site}/128`]) this.#address('tun', address, 't1');
    // A tunnel has no neighbours to look for; these cards do, and the firewall has no rule for that there.
    this.#neighbour('gw', INSIDE.server, 'tun', 't1', 'tun0');
    this.#neighbour('tun', INSIDE.gateway, 'gw', 'tun0', 't1');
    this.net.run('gw', 'ip', 'route', 'add', '::/0', 'via', INSIDE.server, 'dev', 'tun0');
    this.settle('work', GUEST6);
    this.settle('peer', PEER6);
  }

  /** Runs a line in the gateway, behind its script for IPv6. */
  gateway(line: string): string {
    return this.net.run('gw', 'sh', '-euc', `. ${SCRIPTS}/ipv6.sh; ${line}`);
  }

  /** Gives the machine on a link a fixed address and the gateway as its router. */
  settle(space: 'work' | 'peer', address: string): void {
    const [card, { ipv6 }] = space === 'work' ? (['w1', work6] as const) : (['w2', peer6] as const);
    this.net.run(space, 'sysctl', '-qw', `net.ipv6.conf.${card}.accept_ra=0`);
    this.net.run(space, 'ip', '-6', 'addr', 'flush', 'dev', card, 'scope', 'global');
    this.#address(space, `${address}/64`, card);
    this.net.run(space, 'ip', '-6', 'route', 'replace', 'default', 'via', ipv6?.gateway ?? '', 'dev', card);
  }

  /** Sends a datagram, and says how many came to {@link PORT} of the far end meanwhile. */
  async arrived(datagram: Datagram, space: Space = 'tun'): Promise<number> {
    const before = this.#seen(space);
    const { from, source, to, port = PORT } = datagram;
    this.net.run(from, process.execPath, '-e', SEND, source, to, String(port));
    return this.#seen(space) - before;
  }

  /** What the far end saw as the sender of the last datagram to {@link PORT}. */
  sender(): string {
    return (
      /elements = \{ ([0-9a-f:]+)/.exec(this.net.run('tun', NFT, 'list', 'set', 'inet', 'seen', 'senders'))?.[1] ?? ''
    );
  }

  /** A site that answers over IPv6 (TCP), for as long as the scene stands. */
  async serve(): Promise<void> {
    const server = this.#start('tun', SERVE, INSIDE.site, String(PORT), SERVED);
    await once(server.stdout ?? server, 'data');
  }

  /** How many bytes of {@link LARGE} come within a few seconds. */
  async fetchBytes(from: Space): Promise<number> {
    const child = this.#start(from, FETCH, INSIDE.site, String(PORT + 1), '4000');
    let said = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    await once(child, 'close');
    return said.startsWith('nothing') ? 0 : said.replace(/\|\d+$/, '').length;
  }

  /** What {@link INSIDE}'s site or another answers a work VM: its words, or the error and the milliseconds until it. */
  async fetch(from: Space, to: string = INSIDE.site, limitMs = 5_000): Promise<{ said: string; tookMs: number }> {
    const child = this.#start(from, FETCH, to, String(PORT), String(limitMs));
    let said = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    await once(child, 'close');
    const [words = '', ms = ''] = said.split('|');
    return { said: words, tookMs: Number(ms) };
  }

  /** Every address that a resolver has for a name, IPv4 first. */
  async lookUp(space: Space, name: string, resolver: string): Promise<string> {
    const child = this.#start(space, LOOK_UP, name, resolver);
    let said = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    await once(child, 'close');
    return said;
  }

  /** dnsmasq with those lines, in the foreground. */
  async dnsmasq(space: Space, lines: string): Promise<ChildProcess> {
    const conf = path.join(this.#folder, `${space}.conf`);
    const base = [
      // As in a gateway: what it needs for advertisements and sets it keeps when it is nobody.
      'user=nobody',
      'group=nogroup',
      'leasefile-ro',
      'bind-interfaces',
      'except-interface=lo',
      'no-resolv',
      'no-hosts',
      'no-ping',
    ];
    writeFileSync(conf, `${[...base, `pid-file=${conf}.pid`, lines].join('\n')}\n`);
    const argv = [
      'netns',
      'exec',
      this.net.name(space),
      'dnsmasq',
      '--keep-in-foreground',
      '--log-facility=-',
      '-C',
      conf,
    ];
    const child = spawn('ip', argv, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#children.push(child);
    await once(child.stderr ?? child, 'data');
    return child;
  }

  /** What a machine's card has of IPv6, as ip(8) lists it. */
  list(space: Space, what: 'addr' | 'route', card: string): string {
    return this.net.run(space, 'ip', '-6', what, 'show', 'dev', card);
  }

  end(child: ChildProcess): void {
    child.kill('SIGKILL');
  }

  remove(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    this.net.remove();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #start(space: Space, script: string, ...words: readonly string[]): ChildProcess {
    const argv = ['netns', 'exec', this.net.name(space), process.execPath, '-e', script, ...words];
    const child = spawn('ip', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#children.push(child);
    return child;
  }

  #address(space: Space, address: string, card: string): void {
    this.net.run(space, 'ip', 'addr', 'add', address, 'dev', card, 'nodad');
  }

  #neighbour(space: Space, address: string, at: Space, card: string, dev: string): void {
    const mac = this.net.run(at, 'cat', `/sys/class/net/${card}/address`).trim();
    this.net.run(space, 'ip', '-6', 'neigh', 'replace', address, 'lladdr', mac, 'dev', dev, 'nud', 'permanent');
  }

  #seen(space: Space): number {
    const listed = this.net.run(space, NFT, 'list', 'counter', 'inet', 'seen', 'arrived');
    return Number(/packets (\d+)/.exec(listed)?.[1] ?? Number.NaN);
  }
}

/** Waits until `look` gives what is true, or throws what it last gave. */
export async function until<T>(look: () => T, isIt: (found: T) => boolean, withinMs = 10_000): Promise<T> {
  for (const end = performance.now() + withinMs; ; ) {
    const found = look();
    if (isIt(found)) return found;
    if (performance.now() > end) throw new Error(`not in ${withinMs} ms: ${String(found)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Before the far end's own firewall. */
const SEEN = `table inet seen {
  counter arrived { }
  set senders { type ipv6_addr; flags dynamic; size 1; timeout 1m; }
  chain arriving { type filter hook prerouting priority -400; udp dport { ${PORT}, 53 } counter name "arrived" ip6 saddr != fe80::/10 update @senders { ip6 saddr }; };
}`;

const SEND = `
const [source, to, port] = process.argv.slice(1);
const socket = require('node:dgram').createSocket('udp6');
const end = () => setTimeout(() => socket.close(), 60);
socket.bind({ address: source, port: 0 }, () => socket.send('vmgate', Number(port), to, end));
`;

const SERVE = `
const [host, port, words] = process.argv.slice(1);
require('node:net').createServer((socket) => { socket.on('error', () => {}); socket.end(words + ' to ' + socket.remoteAddress); })
  .listen({ host, port: Number(port) }, () => process.stdout.write('listening'));
require('node:net').createServer((socket) => { socket.on('error', () => {}); socket.end('x'.repeat(${LARGE})); }).listen({ host, port: Number(port) + 1 });
`;

const FETCH = `
const [host, port, limit] = process.argv.slice(1);
const began = performance.now();
let said = '';
const over = (words) => { process.stdout.write(words + '|' + Math.round(performance.now() - began)); process.exit(); };
const socket = require('node:net').connect({ host, port: Number(port) });
socket.on('data', (data) => { said += data; });
socket.on('end', () => over(said));
socket.on('error', (cause) => over(cause.code));
setTimeout(() => over('nothing'), Number(limit));
`;

/** For node: a name and a server come in, the addresses of both families go out. */
export const LOOK_UP = `
const [name, server] = process.argv.slice(1);
const resolver = new (require('node:dns').promises.Resolver)({ timeout: 2000, tries: 2 });
resolver.setServers([server]);
const all = ['A', 'AAAA'].map((type) => resolver.resolve(name, type).catch((cause) => cause.code === 'ENODATA' ? [] : [cause.code]));
Promise.all(all).then((found) => process.stdout.write(found.flat().join(' ')));
`;
