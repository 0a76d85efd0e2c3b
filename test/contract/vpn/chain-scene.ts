/**
 * Two VPN servers, the second of them behind the first, and a gateway: network namespaces with real VPNs between them, set up
 * by the very scripts of the gateway's image under a real ruleset. The untrusted network counts what it sees.
 *
 *   work -- gw -- wifi -- a (198.51.100.7) -- b (203.0.113.20, and 9.9.9.9 behind it)
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { planLinks, USER_NETWORK } from '../../../src/core/link-plan.ts';
import {
  carriersOf,
  compileNft,
  type Defence,
  type EgressPolicy,
  type RemovedDefences,
  renderNft,
} from '../../../src/core/policy/index.ts';
import { readAnswer } from '../../../src/gateway/answer.ts';
import * as protocol from '../../../src/gateway/protocol.ts';
import { renderInside, renderTunnelSettings, renderWay } from '../../../src/gateway/tunnel-settings.ts';
import { findTool } from '../../../src/host/index.ts';
import { newClientKey } from '../../../src/lab/client-profile.ts';
import { carryOn, endpointsAt, tunnelOf, withInside } from '../../../src/supervisor/hops.ts';
import { innerMtu, planWireGuard, SESSIONS, type TunnelPlan } from '../../../src/vpn/index.ts';
import type { PlannedProfile } from '../../../src/vpn/kind.ts';
import { ip, quietly } from '../policy/namespaces.ts';
import { daemonServer, type Place, SERVER_PORT, type ServerKind } from './chain-servers.ts';
import { GatewayScripts } from './gateway-scripts.ts';

type Space = 'gw' | 'wifi' | 'a' | 'b' | 'work';

const SPACES: readonly Space[] = ['gw', 'wifi', 'a', 'b', 'work'];
const NFT = '/usr/sbin/nft';
export const SITE = '9.9.9.9';
export const SITE_PORT = 7_300;
/** As large as a download has to be to fill packets. */
export const BYTES = 200_000;

export const FIRST = { address: '198.51.100.7', inside: '10.64.0.1', client: '10.64.0.2' } as const;
export const SECOND = { address: '203.0.113.20', inside: '10.65.0.1', client: '10.65.0.2' } as const;

/** Why these tests cannot run here; undefined when they can. */
export function whyNoWireGuard(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid?.() !== 0) return 'needs root for network namespaces';
  if (findTool('wireguard-go') !== undefined || hasKernelWireGuard()) return undefined;
  return 'needs WireGuard in the kernel, or wireguard-go';
}

function hasKernelWireGuard(): boolean {
  try {
    ip('link', 'add', 'dev', 'vgwprobe', 'type', 'wireguard');
    ip('link', 'del', 'dev', 'vgwprobe');
    return true;
  } catch {
    return false;
  }
}

/** Says whom it sees, and as much as was asked for. */
const SERVE = `
const bytes = ${BYTES};
require('node:net').createServer((socket) => {
  socket.on('error', () => {});
  socket.end(socket.remoteAddress.padEnd(bytes));
}).listen(${SITE_PORT}, '${SITE}', () => process.stdout.write('listening'));
`;
const ANSWER = `
const answer = (socket) => { socket.on('error', () => {}); socket.end('here'); };
const [host] = process.argv.slice(1);
require('node:net').createServer(answer).listen(53, host, () => {
  require('node:net').createServer(answer).listen(${SITE_PORT}, host, () => process.stdout.write('listening'));
});
`;
const SEND = `
const [host, bytes] = process.argv.slice(1);
const socket = require('node:dgram').createSocket('udp4');
socket.send(Buffer.alloc(Number(bytes)), 9, host, () => setTimeout(() => socket.close(), 200));
`;
/** Prints what came until \`ms\` are over. */
const FETCH = `
const [host, port, ms] = process.argv.slice(1);
let text = '';
const over = () => { process.stdout.write(text); process.exit(); };
const socket = require('node:net').connect({ host, port: Number(port) });
socket.on('data', (data) => { text += data; }).on('end', over).on('error', over);
setTimeout(over, Number(ms));
`;

interface Hop {
  readonly place: Place;
  readonly planned: PlannedProfile;
  /** Of WireGuard's server. */
  readonly privateKey?: string;
  /** Of a server that is a program. */
  readonly argv?: readonly string[];
}

export class ChainScene {
  readonly plan = planLinks(['dev'], USER_NETWORK, [], 0x0102);
  /** What was applied last. */
  policy: EgressPolicy;
  readonly began = Date.now();
  readonly #prefix = `vgc-${process.pid}`;
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'vgc-'));
  readonly #children: ChildProcess[] = [];
  /** VPN servers that are processes. */
  readonly #running = new Map<'a' | 'b', ChildProcess>();
  readonly #isKernel = hasKernelWireGuard();
  readonly #scripts = new GatewayScripts(this.#folder, this.#isKernel);
  readonly #hops: { readonly a: Hop; readonly b: Hop };
  /** The hops' plans, with what their servers gave since they were made last. */
  firstPlan: TunnelPlan;
  secondPlan: TunnelPlan;

  private constructor(outer: ServerKind, inner: ServerKind) {
    // Who carries it out as another user looks into its own folder there.
    chmodSync(this.#folder, 0o711);
    this.#hops = {
      a: this.#hop(outer, { ...FIRST, card: 'vgca' }),
      b: this.#hop(inner, { ...SECOND, card: 'vgcb' }),
    };
    this.firstPlan = this.#hops.a.planned.plan;
    this.secondPlan = this.#hops.b.planned.plan;
    const { mac } = this.plan.uplink;
    this.policy = {
      uplink: { mac, address: USER_NETWORK.address, nextHop: USER_NETWORK.nextHop, dhcp: false },
      endpoints: [],
      links: [...this.plan.work, this.plan.probe],
      tunnel: undefined,
    };
  }

  /** Of which kind each hop is. */
  static async open(outer: ServerKind, inner: ServerKind): Promise<ChainScene> {
    const scene = new ChainScene(outer, inner);
    try {
      scene.#startState();
      scene.#network();
      scene.#gateway();
      scene.#witness();
      await scene.server('a', 'up');
      await scene.server('b', 'up');
      await scene.#play('b', SERVE);
      return scene;
    } catch (cause) {
      scene.close();
      throw cause;
    }
  }

  run(space: Space, ...argv: readonly string[]): string {
    return ip('netns', 'exec', this.#name(space), ...argv);
  }

  /** A verb of the gateway's, by its own script. */
  verb(verb: protocol.Verb, stdin = ''): Buffer {
    const file = path.join(this.#folder, 'stdin');
    writeFileSync(file, stdin, { mode: 0o600 });
    // A pipe, as under dropbear; one of Node's is a socket, which nft and wg cannot open.
    const script = `cat "$1" | SSH_ORIGINAL_COMMAND="vmgate-gw $2" bash --posix "$3"`;
    const argv = [
      'netns',
      'exec',
      this.#name('gw'),
      'bash',
      '-c',
      script,
      'bash',
      file,
      verb,
      this.#scripts.path('sbin/vmgate-gw'),
    ];
    return execFileSync('ip', argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  }

  facts(): protocol.GatewayFacts {
    return readAnswer('facts', protocol.factsAnswer, { exit: 0, stdout: this.verb('facts'), stderr: '' });
  }

  apply(policy: EgressPolicy, ...removed: readonly Defence[]): void {
    this.policy = policy;
    this.verb('apply', renderNft(compileNft(policy, new Set(removed) as unknown as RemovedDefences)));
  }

  /** The policy under which the first hop stands alone. */
  underway(): EgressPolicy {
    const plan = this.firstPlan;
    const policy = {
      ...this.policy,
      endpoints: endpointsAt(FIRST.address, plan.endpoint),
      through: [],
      tunnel: undefined,
    };
    return { ...policy, tunnel: tunnelOf(plan, { index: 0, count: 2, onlyNewFlows: false }, policy) };
  }

  /** And the one under which it carries the second. */
  whole(mtu: number): EgressPolicy {
    const plan = { ...this.#hops.b.planned.plan, mtu };
    const carried = carryOn(this.policy, endpointsAt(SECOND.address, plan.endpoint));
    return { ...carried, tunnel: tunnelOf(plan, { index: 1, count: 2, onlyNewFlows: false }, carried) };
  }

  async makeFirst(): Promise<void> {
    const { planned } = this.#hops.a;
    this.firstPlan = planned.plan;
    this.apply(this.underway());
    this.firstPlan = await this.#stand(planned, FIRST.address);
  }

  /** What is left of the first hop's packets. */
  get innerMtu(): number {
    return innerMtu({ name: 'exit', place: '', plan: this.#hops.b.planned.plan }, this.firstPlan.mtu);
  }

  async makeSecond(mtu = this.innerMtu, ...removed: readonly Defence[]): Promise<void> {
    const { planned } = this.#hops.b;
    this.apply(this.whole(mtu), ...removed);
    this.secondPlan = await this.#stand({ ...planned, plan: { ...planned.plan, mtu } }, SECOND.address, removed);
  }

  /** Who is seen behind the second server. */
  get client(): string {
    return this.secondPlan.addresses[0]?.split('/')[0] ?? '';
  }

  async connect(): Promise<void> {
    await this.makeFirst();
    await this.makeSecond();
    this.lease();
  }

  /** For longer than a gateway's: none ends under a test on a busy machine. */
  lease(): void {
    const elements = ['work0', 'tun0'].map((ifname) => `"${ifname}" timeout 120s`).join(', ');
    this.run('gw', NFT, 'add', 'element', 'inet', 'vmgate', 'open', `{ ${elements} }`);
  }

  /** What the site says to who asks from `space`: whom it sees. Empty where nobody answers in time. */
  async fetch(space: Space, host: string = SITE, port: number = SITE_PORT, ms = 8_000): Promise<string> {
    return this.#ask(space, host, port, ms);
  }

  /** Packets that the untrusted network saw, by where to. */
  seen(): Readonly<Record<'first' | 'second' | 'other' | 'fragments', number>> {
    return this.#counters('wifi', 'wifi') as Record<'first' | 'second' | 'other' | 'fragments', number>;
  }

  /** Fragments that came out of the first tunnel at its server. */
  fragmentsInside(): number {
    return this.#counters('a', 'inside')['fragments'] ?? 0;
  }

  /** A datagram that makes an IPv4 packet of that size. */
  send(space: Space, host: string, bytes: number): void {
    this.run(space, process.execPath, '-e', SEND, host, String(bytes - 28));
  }

  /** A VPN server is there, or it is not. */
  async server(space: 'a' | 'b', state: 'up' | 'down'): Promise<void> {
    const { place, planned, privateKey, argv } = this.#hops[space];
    const name = place.card;
    if (argv !== undefined) return this.#runDaemon(space, argv, state);
    if (state === 'down') return void this.run(space, 'ip', 'link', 'del', 'dev', name);
    this.run(space, this.#tool('ip'), 'link', 'add', 'dev', name, 'type', 'wireguard');
    const file = path.join(this.#folder, `${name}.conf`);
    writeFileSync(
      file,
      `[Interface]\nPrivateKey = ${privateKey}\nListenPort = 51820\n[Peer]\nPublicKey = ${planned.publicKey}\nAllowedIPs = ${place.client}/32\n`,
      { mode: 0o600 },
    );
    this.run(space, 'wg', 'setconf', name, file);
    this.run(space, 'ip', 'addr', 'add', `${place.inside}/32`, 'dev', name);
    this.run(space, 'ip', 'link', 'set', name, 'mtu', '1420', 'up');
    this.run(space, 'ip', 'route', 'add', `${place.client}/32`, 'dev', name);
  }

  /** The resolver inside the first tunnel: anything that takes a connection. */
  async resolver(): Promise<void> {
    await this.#play('a', ANSWER, FIRST.inside);
  }

  close(): void {
    quietly(() => this.verb('untunnel'));
    for (const child of this.#children) child.kill('SIGKILL');
    this.#killDaemon('a');
    this.#killDaemon('b');
    // Each a process, where WireGuard is none of the kernel's, which would keep its namespace.
    for (const [space, name] of [
      ['gw', 'tun0'],
      ['gw', 'hop0'],
      ['a', 'vgca'],
      ['b', 'vgcb'],
    ] as const) {
      quietly(() => this.run(space, 'ip', 'link', 'del', 'dev', name));
    }
    for (const space of SPACES) quietly(() => ip('netns', 'del', this.#name(space)));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The tunnel of the policy there is; where its server says what its inside is, asked and set. Gives the plan with that. */
  async #stand(
    { plan, secrets }: PlannedProfile,
    address: string,
    removed: readonly Defence[] = [],
  ): Promise<TunnelPlan> {
    const { tunnel } = this.policy;
    if (tunnel === undefined) throw new Error('no tunnel');
    const [endpoint] = carriersOf(this.policy).at(-1)?.endpoints ?? [];
    const pinned = { address, port: SERVER_PORT, protocol: endpoint?.protocol ?? 'udp' };
    const revealed = this.#scripts.moved(secrets.reveal(pinned, tunnel.localPort, tunnel.mark));
    this.#set('tunnel', renderTunnelSettings(plan, tunnel, revealed));
    if (plan.kind === 'wireguard') return plan;
    const { inside } = SESSIONS[plan.kind].inside(await this.#told(), plan, this.firstPlan.addresses);
    this.apply(withInside(this.policy, inside), ...removed);
    this.#set('inside', renderInside(inside, this.policy.tunnel ?? tunnel));
    return { ...plan, ...inside };
  }

  #set(verb: 'tunnel' | 'inside', settings: string): void {
    const stdout = this.verb(verb, `${renderWay(this.policy)}${settings}`);
    readAnswer(verb, protocol.done, { exit: 0, stdout, stderr: '' });
  }

  #hop(kind: ServerKind, place: Place): Hop {
    if (kind !== 'wireguard') {
      const folder = path.join(this.#folder, place.card);
      mkdirSync(folder);
      return { ...daemonServer(kind, folder, place), place };
    }
    const [client, server] = [newClientKey(), newClientKey()];
    const text = `[Interface]\nPrivateKey = ${client.privateKey}\nAddress = ${place.client}/32\nDNS = ${place.inside}\n[Peer]\nPublicKey = ${server.publicKey}\nEndpoint = ${place.address}:51820\nAllowedIPs = 0.0.0.0/0\n`;
    const planned = planWireGuard(text, 'chain.conf', { split: false, dns: [] });
    return { place, planned, privateKey: server.privateKey };
  }

  /** Of the session that is made. */
  async #told(): Promise<string> {
    for (let looks = 0; looks < 100; looks += 1) {
      const { tunnel } = this.facts();
      if (tunnel === null || tunnel.kind === 'wireguard') break;
      if (tunnel.state === 'CONNECTED') return tunnel.told;
      if (tunnel.state === 'ENDED') throw new Error(`it ended: ${tunnel.log}`);
      await delay(200);
    }
    throw new Error('it did not connect');
  }

  async #runDaemon(space: 'a' | 'b', argv: readonly string[], state: 'up' | 'down'): Promise<void> {
    if (state === 'down') return this.#killDaemon(space);
    const child = spawn('ip', ['netns', 'exec', this.#name(space), ...argv], { stdio: 'ignore', detached: true });
    this.#running.set(space, child);
    const listening = new RegExp(`:${SERVER_PORT}\\s`);
    while (!listening.test(this.run(space, 'ss', '-Hlnut'))) {
      if (child.exitCode !== null) throw new Error(`${argv[0]} ended with status ${child.exitCode}`);
      await delay(50);
    }
  }

  /** With all that it started: it leads a group of its own. */
  #killDaemon(space: 'a' | 'b'): void {
    const pid = this.#running.get(space)?.pid;
    this.#running.delete(space);
    if (pid !== undefined) quietly(() => process.kill(-pid, 'SIGKILL'));
  }

  /** Files that a gateway has from its boot. */
  #startState(): void {
    const { state } = this.#scripts;
    // What is told to read its resolvers anew.
    const dnsmasq = spawn('sh', ['-c', 'trap "" HUP; while :; do sleep 1; done'], { stdio: 'ignore' });
    this.#children.push(dnsmasq);
    const files = { 'dnsmasq.pid': dnsmasq.pid, 'boot-id': 'boot-1', uplink: '10.0.2.15 24 10.0.2.2' };
    for (const [name, text] of Object.entries(files)) writeFileSync(path.join(state, name), `${text}\n`);
    for (const name of ['resolvers', 'dhcp-options']) writeFileSync(path.join(state, name), '');
  }

  #tool(name: string): string {
    return this.#isKernel ? name : path.join(this.#folder, 'bin', name);
  }

  #network(): void {
    for (const space of SPACES) {
      ip('netns', 'add', this.#name(space));
      const switches = [
        ['net.ipv6.conf.all.disable_ipv6', 1],
        ['net.ipv6.conf.default.disable_ipv6', 1],
        ['net.ipv4.conf.all.rp_filter', 0],
        // As the gateway's init has it.
        ['net.ipv4.conf.default.rp_filter', space === 'gw' ? 1 : 0],
        ['net.ipv4.ip_forward', space === 'work' ? 0 : 1],
      ] as const;
      for (const [key, value] of switches) this.run(space, 'sysctl', '-qw', `${key}=${value}`);
      this.run(space, 'ip', 'link', 'set', 'lo', 'up');
    }
    const { uplink, work, probe } = this.plan;
    const [link] = work;
    if (link === undefined) throw new Error('no link');
    this.#wire('gw', 'up0', uplink.mac, 'wifi', 'u0');
    this.#wire('gw', 'work0', link.gatewayMac, 'work', 'eth0', link.guestMac);
    this.#wire('gw', 'probe0', probe.gatewayMac, 'work', 'probe', probe.guestMac);
    this.#wire('wifi', 'toa', undefined, 'a', 'out');
    this.#wire('a', 'tob', undefined, 'b', 'out');
    this.run('wifi', 'ip', 'addr', 'add', '10.0.2.2/24', 'dev', 'u0');
    this.run('wifi', 'ip', 'addr', 'add', '100.64.0.1/30', 'dev', 'toa');
    this.run('wifi', 'ip', 'route', 'add', FIRST.address, 'via', '100.64.0.2');
    // To here too: what leaks would get an answer.
    this.run('wifi', 'ip', 'route', 'add', SECOND.address, 'via', '100.64.0.2');
    this.run('a', 'ip', 'addr', 'add', '100.64.0.2/30', 'dev', 'out');
    this.run('a', 'ip', 'addr', 'add', `${FIRST.address}/32`, 'dev', 'lo');
    // There before a tunnel is: some servers make theirs for each client.
    this.run('a', 'ip', 'addr', 'add', `${FIRST.inside}/32`, 'dev', 'lo');
    this.run('b', 'ip', 'addr', 'add', `${SECOND.inside}/32`, 'dev', 'lo');
    this.run('a', 'ip', 'route', 'add', '10.0.2.0/24', 'via', '100.64.0.1');
    this.run('a', 'ip', 'addr', 'add', '100.64.1.1/30', 'dev', 'tob');
    this.run('a', 'ip', 'route', 'add', SECOND.address, 'via', '100.64.1.2');
    this.run('b', 'ip', 'addr', 'add', '100.64.1.2/30', 'dev', 'out');
    this.run('b', 'ip', 'addr', 'add', `${SECOND.address}/32`, 'dev', 'lo');
    this.run('b', 'ip', 'addr', 'add', `${SITE}/32`, 'dev', 'lo');
    this.run('b', 'ip', 'route', 'add', 'default', 'via', '100.64.1.1');
    this.run('work', 'ip', 'addr', 'add', `${link.guest}/29`, 'dev', 'eth0');
    this.run('work', 'ip', 'route', 'add', 'default', 'via', link.gateway);
    // A packet at a time, as they are on a wire.
    for (const [space, card] of [
      ['work', 'eth0'],
      ['b', 'out'],
      ['a', 'out'],
    ] as const)
      this.run(space, 'ip', 'link', 'set', card, 'gso_max_segs', '1');
  }

  /** As init leaves it. */
  #gateway(): void {
    const { work, probe } = this.plan;
    this.run('gw', 'ip', 'addr', 'add', '10.0.2.15/24', 'dev', 'up0', 'noprefixroute');
    for (const { ifname, gateway } of [...work, probe])
      this.run('gw', 'ip', 'addr', 'add', `${gateway}/29`, 'dev', ifname);
    this.run('gw', 'ip', 'rule', 'add', 'pref', '51', 'fwmark', '0x766d', 'lookup', '51');
    this.run('gw', 'ip', 'rule', 'add', 'pref', '52', 'uidrange', '65533-65533', 'lookup', '51');
    this.run('gw', 'ip', 'route', 'add', 'default', 'via', '10.0.2.2', 'dev', 'up0', 'onlink', 'table', '51');
    this.run('gw', 'sysctl', '-qw', 'net.ipv4.conf.up0.rp_filter=0');
    this.apply(this.policy);
  }

  #witness(): void {
    const fragments = 'ip frag-off & 0x3fff != 0 counter name fragments';
    const counters = ['first', 'second', 'other', 'fragments'].map((name) => `counter ${name} {}`).join('\n');
    this.run(
      'wifi',
      NFT,
      `table netdev wifi {
${counters}
chain seen {
type filter hook ingress device u0 priority 0;
${fragments}
ether type arp accept
ip daddr ${FIRST.address} meta l4proto { tcp, udp } th dport 51820 counter name first accept
ip daddr ${SECOND.address} counter name second accept
counter name other
}
}`,
    );
    this.run(
      'a',
      NFT,
      `table ip inside {
counter fragments {}
chain seen {
type filter hook prerouting priority -500;
iifname "vgca*" ${fragments}
}
}`,
    );
  }

  #counters(space: Space, table: string): Record<string, number> {
    const { nftables } = JSON.parse(this.run(space, NFT, '-j', 'list', 'counters')) as Counters;
    const ours = nftables.flatMap(({ counter }) => (counter?.table === table ? [counter] : []));
    return Object.fromEntries(ours.map(({ name, packets }) => [name, packets]));
  }

  #wire(near: Space, name: string, mac: string | undefined, far: Space, other: string, otherMac?: string): void {
    this.run(near, 'ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', other, 'netns', this.#name(far));
    if (mac !== undefined) this.run(near, 'ip', 'link', 'set', name, 'address', mac);
    if (otherMac !== undefined) this.run(far, 'ip', 'link', 'set', other, 'address', otherMac);
    this.run(near, 'ip', 'link', 'set', name, 'up');
    this.run(far, 'ip', 'link', 'set', other, 'up');
  }

  async #play(space: Space, script: string, ...argv: readonly string[]): Promise<void> {
    const all = ['netns', 'exec', this.#name(space), process.execPath, '-e', script, ...argv];
    const child = spawn('ip', all, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#children.push(child);
    await new Promise((resolve) => child.stdout.once('data', resolve));
  }

  async #ask(space: Space, host: string, port: number, ms: number): Promise<string> {
    const argv = ['netns', 'exec', this.#name(space), process.execPath, '-e', FETCH, host, String(port), String(ms)];
    const child = spawn('ip', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk;
    });
    await new Promise((resolve) => child.once('close', resolve));
    return text;
  }

  #name(space: Space): string {
    return `${this.#prefix}-${space}`;
  }
}

interface Counters {
  readonly nftables: readonly {
    readonly counter?: { readonly name: string; readonly table: string; readonly packets: number };
  }[];
}
