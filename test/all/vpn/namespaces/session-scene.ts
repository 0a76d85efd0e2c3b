/**
 * A gateway and the lab, both by their own images' scripts, on a wire between namespaces, and a work VM's namespace: real VPN
 * servers and clients, the real firewall, no machine. What a supervisor does to connect is done by its own pieces.
 *
 *   work -- gateway -- wifi0 (lab's router and VPN server) -- internet (a namespace inside the lab)
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { planLinks } from '../../../../src/core/link-plan.ts';
import {
  compileNft,
  type Defence,
  type EgressPolicy,
  type RemovedDefences,
  renderNft,
} from '../../../../src/core/policy/index.ts';
import { bootSettings, type GatewayControl, openControl } from '../../../../src/gateway/index.ts';
import { LAB } from '../../../../src/lab/index.ts';
import { bringUp } from '../../../../src/supervisor/bring-up.ts';
import { endpointsAt, tunnelOf, withInside } from '../../../../src/supervisor/hops.ts';
import type { JudgedInside, SessionKind, StoredProfile } from '../../../../src/vpn/index.ts';
import type { PlannedProfile } from '../../../../src/vpn/kind.ts';
import { LOOK_UP } from '../../../contract/policy/ipv6-scene.ts';
import { ip, quietly } from '../../../contract/policy/namespaces.ts';
import { ImageMachine, wire } from './image-machine.ts';

const UPLINK = { kind: 'static', address: '192.168.77.50', prefixLength: 24, nextHop: LAB.router } as const;
const GUEST = 'eth0';
/** Not while it is looked whether somebody else has it. */
const OWN_ADDRESS = /inet6 (fd[0-9a-f:]+)\/64 (?!.*tentative)/;
/** TCP to the site over IPv6, where the VPN's clients come in. */
const ARRIVED = `table ip6 arrived {
  counter site {}
  chain seen { type filter hook prerouting priority -500; iifname "vpn*" ip6 daddr ${LAB.ipv6.site} tcp dport 80 counter name site; }
}`;

/** What a site says to who asks, or the error, and the milliseconds until then. */
const FETCH = `
const [host, limit] = process.argv.slice(1);
const began = performance.now();
const over = (said) => { process.stdout.write(said.trim() + '|' + Math.round(performance.now() - began)); process.exit(); };
require('node:http').get({ host, port: 80, path: '/' }, (answer) => {
  let said = '';
  answer.on('data', (data) => { said += data; }).on('end', () => over(said));
}).on('error', (cause) => over(cause.code));
setTimeout(() => over('nothing'), Number(limit));
`;

export class SessionScene {
  readonly plan = planLinks(['dev'], UPLINK, [`${LAB.client}/24`], 0x0102, []);
  readonly gateway = new ImageMachine('gateway');
  readonly lab = new ImageMachine('lab');
  readonly #kind: SessionKind;
  readonly #work = `vgm-${process.pid}-work`;
  readonly #children: ChildProcess[] = [];
  #control: GatewayControl | undefined;
  #policy: EgressPolicy | undefined;

  private constructor(kind: SessionKind) {
    this.#kind = kind;
  }

  static async open(kind: SessionKind): Promise<SessionScene> {
    const scene = new SessionScene(kind);
    try {
      await scene.#open();
      return scene;
    } catch (cause) {
      scene.close();
      throw cause;
    }
  }

  get control(): GatewayControl {
    if (this.#control === undefined) throw new Error('not open');
    return this.#control;
  }

  get policy(): EgressPolicy {
    if (this.#policy === undefined) throw new Error('never connected');
    return this.#policy;
  }

  /** The lab's server is what `is` says from now on. */
  server(...is: readonly string[]): void {
    const kind = this.#kind;
    const change = `
      echo "$@" >/run/lab/${kind}/is; echo ${kind} >/run/lab/kind
      nft -f /etc/lab/witness-${kind}.nft && exec /usr/lib/lab/${kind} up`;
    this.lab.run('sh', '-c', change, 'sh', ...is);
  }

  serverDown(): void {
    this.lab.run(`/usr/lib/lab/${this.#kind}`, 'down');
  }

  /** What a verb of the lab's agent would hand out. */
  handedOut(verb: string): string {
    const parts = ['of_server', verb].map((name) => `/^${name}()/,/^}/p`).join(';');
    const script = `bulk() { cat; }; eval "$(sed -n "${parts}" /usr/lib/lab/agent)"; ${verb}`;
    return this.lab.run('sh', '-c', script);
  }

  /** As a supervisor connects, without a guard; `removed`: from the ruleset. */
  async connect({ plan, secrets }: PlannedProfile, ...removed: readonly Defence[]): Promise<JudgedInside> {
    const { control } = this;
    await control.untunnel();
    await control.setClock(Date.now());
    const outside = this.#outside();
    const whole = { ...outside, endpoints: endpointsAt(LAB.endpoint.address, plan.endpoint) };
    const policy = { ...whole, tunnel: tunnelOf(plan, { index: 0, count: 1, onlyNewFlows: false }, whole) };
    await control.apply(renderNft(compileNft(policy)));
    const judged = await bringUp({
      control,
      profile: { plan, secrets } as StoredProfile,
      pinned: { ...LAB.endpoint, answered: [] },
      policy,
      taken: outside.links.flatMap(({ gateway, prefixLength, ipv6 }) => [
        `${gateway}/${prefixLength}`,
        ...(ipv6 === undefined ? [] : [ipv6.network]),
      ]),
      signal: new AbortController().signal,
      onNarrow: () => undefined,
      withoutIpv6: () => Promise.resolve(policy),
    });
    if (judged === undefined) throw new Error('the server said nothing');
    this.#policy = withInside(policy, judged.inside);
    await this.load(...removed);
    await control.inside(judged.inside, this.policy);
    return judged;
  }

  /** The ruleset of the policy there is; every lease is gone. */
  async load(...removed: readonly Defence[]): Promise<void> {
    await this.control.apply(renderNft(compileNft(this.policy, new Set(removed) as unknown as RemovedDefences)));
  }

  lease(): Promise<unknown> {
    return this.control.lease(['work0', 'tun0']);
  }

  /** The work VM hears of routers as when its card comes up. */
  replug(): void {
    for (const value of ['1', '0']) this.inWork('sysctl', '-qw', `net.ipv6.conf.${GUEST}.disable_ipv6=${value}`);
  }

  inWork(...argv: readonly string[]): string {
    return ip('netns', 'exec', this.#work, ...argv);
  }

  /** Its own, made of what was advertised; undefined without any. */
  address(): string | undefined {
    return OWN_ADDRESS.exec(this.inWork('ip', '-6', 'addr', 'show', 'dev', GUEST, 'scope', 'global'))?.[1];
  }

  /** The gateway's address on its link that was advertised. */
  router(): string {
    return /default via (\S+)/.exec(this.inWork('ip', '-6', 'route', 'show', 'default'))?.[1] ?? '';
  }

  /** Under a lease unless said. */
  async fetch(host: string, limitMs = 5_000, leased = true): Promise<{ said: string; tookMs: number }> {
    if (leased) await this.lease();
    const [said = '', ms = ''] = (await this.#node(FETCH, host, String(limitMs))).split('|');
    return { said, tookMs: Number(ms) };
  }

  /** Every address that the gateway's resolver has for a name, IPv4 first. */
  async lookUp(name: string): Promise<string> {
    await this.lease();
    return this.#node(LOOK_UP, name, this.plan.work[0]?.gateway ?? '');
  }

  /** Which of the gateway's cards speak IPv6. */
  async speaking(): Promise<readonly string[]> {
    const { disableIpv6 } = await this.control.facts();
    return Object.entries(disableIpv6)
      .flatMap(([ifname, isOff]) => (isOff || ['all', 'default'].includes(ifname) ? [] : [ifname]))
      .toSorted();
  }

  /** Packets to the site over IPv6 that came out of the tunnel. */
  arrived(): number {
    const listed = this.lab.run('nft', 'list', 'counter', 'ip6', 'arrived', 'site');
    return Number(/packets (\d+)/.exec(listed)?.[1] ?? Number.NaN);
  }

  /** What the untrusted network saw of the gateway since it was asked last, and should not have. */
  foreign(): number {
    const listed = this.lab.run('nft', 'reset', 'counter', 'netdev', 'witness', 'seen_foreign');
    return Number(/packets (\d+)/.exec(listed)?.[1] ?? Number.NaN);
  }

  close(): void {
    this.#control?.close();
    for (const child of this.#children) child.kill('SIGKILL');
    for (const machine of [this.gateway, this.lab]) machine.close();
    quietly(() => ip('netns', 'del', this.#work));
  }

  async #open(): Promise<void> {
    const { gateway, lab } = this;
    const { uplink, work, probe } = this.plan;
    const [link] = work;
    if (link === undefined) throw new Error('no link');
    const settings = bootSettings(this.plan, renderNft(compileNft(this.#outside())));
    await lab.unpack('lab', ['base']);
    await gateway.unpack('gateway', ['base', this.#kind], settings.archive);
    ip('netns', 'add', this.#work);
    // A machine's cards come when its init has said how they are born.
    ip('netns', 'exec', gateway.name, 'sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1');
    wire([lab.name, 'c0', '52:54:4c:00:00:01'], [gateway.name, 'c0', uplink.mac]);
    wire([lab.name, 'c1', '52:54:4c:00:00:02'], [lab.name, 'host0']);
    wire([gateway.name, 'c1', link.gatewayMac], [this.#work, GUEST, link.guestMac]);
    wire([gateway.name, 'c2', probe.gatewayMac], [this.#work, 'probe', probe.guestMac]);
    await lab.boot(() => lab.console().includes('lab: ready'));
    await gateway.boot(() => gateway.has('run/vmgate/dnsmasq.pid') && gateway.has('run/vmgate/dropbear.pid'));
    lab.run('nft', ARRIVED);
    this.inWork('ip', 'link', 'set', 'lo', 'up');
    this.inWork('ip', 'addr', 'add', `${link.guest}/${link.prefixLength}`, 'dev', GUEST);
    this.inWork('sysctl', '-qw', 'net.ipv6.conf.probe.disable_ipv6=1');
    for (const card of [GUEST, 'probe']) this.inWork('ip', 'link', 'set', card, 'up');
    this.inWork('ip', 'route', 'add', 'default', 'via', link.gateway);
    this.#control = await openControl({
      openStream: () => Promise.resolve(this.#dial()),
      credentials: settings.credentials,
      withinMs: 30_000,
    });
  }

  #outside(): EgressPolicy {
    const { uplink, work, probe } = this.plan;
    const { address, nextHop } = UPLINK;
    const way = { mac: uplink.mac, address, nextHop, dhcp: false };
    return { uplink: way, endpoints: [], links: [...work, probe], tunnel: undefined };
  }

  /** What the control channel's relay does. */
  #dial(): Duplex {
    const argv = this.gateway.enter('nc.openbsd', '-N', '127.0.0.1', '22');
    const child = spawn('nsenter', argv, { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#children.push(child);
    return Duplex.from({ readable: child.stdout, writable: child.stdin });
  }

  async #node(script: string, ...words: readonly string[]): Promise<string> {
    const argv = ['netns', 'exec', this.#work, process.execPath, '-e', script, ...words];
    const child = spawn('ip', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#children.push(child);
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    await once(child, 'close');
    return said;
  }
}
