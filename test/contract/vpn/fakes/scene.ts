/**
 * A gateway and the network outside of it (network.ts), with Debian's openconnect run by the very scripts of the
 * gateway's image under a real ruleset, and fake servers, which live in this process.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { planLinks, USER_NETWORK } from '../../../../src/core/link-plan.ts';
import {
  compileMatcher,
  compileNft,
  type Defence,
  type EgressPolicy,
  type RemovedDefences,
  renderNft,
} from '../../../../src/core/policy/index.ts';
import { parsePcap } from '../../../../src/frame/pcap.ts';
import { readAnswer } from '../../../../src/gateway/answer.ts';
import type { GatewayControl } from '../../../../src/gateway/index.ts';
import * as protocol from '../../../../src/gateway/protocol.ts';
import { renderInside, renderTunnelSettings } from '../../../../src/gateway/tunnel-settings.ts';
import { bringUp } from '../../../../src/supervisor/bring-up.ts';
import { endpointsAt, tunnelOf, withInside } from '../../../../src/supervisor/hops.ts';
import type { StoredProfile, TunnelInside } from '../../../../src/vpn/index.ts';
import type { PlannedProfile } from '../../../../src/vpn/kind.ts';
import { ip, quietly } from '../../policy/namespaces.ts';
import { GatewayScripts } from '../gateway-scripts.ts';
import { FakeHttps, type Identity } from './https.ts';
import { makeNetwork, SERVER, SPACES, type Space } from './network.ts';

type Answer = ConstructorParameters<typeof FakeHttps>[1];

const PORT = 443;
const run = promisify(execFile);

const ECHOES = `
const [host, bytes, count] = process.argv.slice(1);
const sent = require('node:crypto').randomBytes(Number(bytes));
const socket = require('node:dgram').createSocket('udp4');
let back = 0;
const over = () => { process.stdout.write(String(back)); process.exit(); };
socket.on('message', (heard) => { if (heard.equals(sent)) back += 1; if (back === Number(count)) over(); });
for (let index = 0; index < Number(count); index += 1) setTimeout(() => socket.send(sent, 7, host), index * 20);
setTimeout(over, Number(count) * 20 + 2000);
`;

export class FakeScene {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'vgf-'));
  readonly #prefix = `vgf-${process.pid}`;
  readonly #scripts: GatewayScripts;
  readonly #helpers: ChildProcess[] = [];
  /** What is at which address. */
  readonly #served = new Map<string, { readonly relay: ChildProcess; readonly fake: FakeHttps }>();
  readonly #links = planLinks(['dev'], USER_NETWORK, [], 0x0102);
  #policy: EgressPolicy;
  #capture: ChildProcess | undefined;

  private constructor() {
    // The client's user goes through it, to what is its own.
    chmodSync(this.folder, 0o711);
    this.#scripts = new GatewayScripts(this.folder);
    const { mac } = this.#links.uplink;
    this.#policy = {
      uplink: { mac, address: USER_NETWORK.address, nextHop: USER_NETWORK.nextHop, dhcp: false },
      endpoints: [],
      links: [...this.#links.work, this.#links.probe],
      tunnel: undefined,
    };
  }

  static async open(): Promise<FakeScene> {
    const scene = new FakeScene();
    try {
      makeNetwork(scene.#links, (space) => scene.#name(space));
      await scene.#gateway();
      return scene;
    } catch (cause) {
      await scene.close();
      throw cause;
    }
  }

  /** A fake that is at an address from now on, in place of one that was; connections to that one go on. */
  async serve(address: string, identity: Identity, answer: Answer): Promise<FakeHttps> {
    const file = path.join(this.folder, `${address}.sock`);
    const there = this.#served.get(address);
    there?.fake.close();
    const fake = new FakeHttps(identity, answer);
    await fake.listen(file);
    const relay = there?.relay ?? (await this.#relay(address, file));
    this.#served.set(address, { relay, fake });
    return fake;
  }

  /** Nobody is there any more. */
  async leave(address: string): Promise<void> {
    const there = this.#served.get(address);
    if (there === undefined) return;
    this.#served.delete(address);
    there.fake.close();
    there.fake.drop();
    const closed = new Promise((resolve) => there.relay.once('close', resolve));
    killGroup(there.relay);
    await closed;
  }

  /** As a gate brings a tunnel up, to the inside that was judged and set. @throws what a gate would say */
  async connect({ plan, secrets, ...rest }: PlannedProfile, ...removed: readonly Defence[]): Promise<TunnelInside> {
    const at = { ...this.#policy, endpoints: endpointsAt(SERVER, plan.endpoint), tunnel: undefined };
    const tunnel = tunnelOf(plan, { index: 0, count: 1, onlyNewFlows: false }, at);
    await this.#apply({ ...at, tunnel }, removed);
    const judged = await bringUp({
      control: this.#control(),
      profile: { ...rest, plan, secrets, name: 'fake', addedAt: '', source: '' } satisfies StoredProfile,
      pinned: { address: SERVER, port: plan.endpoint.port, answered: [SERVER] },
      policy: this.#policy,
      taken: ['10.0.2.15/32', '10.0.2.2/32'],
      signal: new AbortController().signal,
      onNarrow: () => {},
      withoutIpv6: () => Promise.reject(new Error('no IPv6 here')),
    });
    if (judged === undefined) throw new Error('the server gave no inside');
    const { inside } = judged;
    const within = withInside(this.#policy, inside);
    await this.#apply(within, removed);
    if (within.tunnel === undefined) throw new Error('no tunnel');
    readAnswer('inside', protocol.done, await this.#verb('inside', renderInside(inside, within.tunnel)));
    return inside;
  }

  async facts(): Promise<protocol.GatewayFacts> {
    return readAnswer('facts', protocol.factsAnswer, await this.#verb('facts'));
  }

  async disconnect(): Promise<void> {
    await this.#verb('untunnel');
  }

  /** For longer than a gateway's: none ends under a test on a busy machine. */
  async lease(): Promise<void> {
    const elements = ['work0', 'tun0'].map((ifname) => `"${ifname}" timeout 120s`).join(', ');
    await this.#run('gw', '/usr/sbin/nft', 'add', 'element', 'inet', 'vmgate', 'open', `{ ${elements} }`);
  }

  /** Datagrams of the work VM, packets of so many bytes: how many came back whole. */
  async echoes(host: string, bytes: number, count: number): Promise<number> {
    const { stdout } = await this.#run('work', process.execPath, '-e', ECHOES, host, String(bytes - 28), String(count));
    return Number(stdout);
  }

  /** From now on what the gateway sends by its uplink is kept. */
  async watch(): Promise<void> {
    const filter = `ether src ${this.#links.uplink.mac}`;
    const argv = [
      'netns',
      'exec',
      this.#name('net'),
      'tcpdump',
      '-i',
      'u0',
      '--immediate-mode',
      '-U',
      '-w',
      this.#pcap(),
      filter,
    ];
    this.#capture = spawn('ip', argv, { stdio: ['ignore', 'ignore', 'pipe'] });
    await new Promise((resolve) => this.#capture?.stderr?.once('data', resolve));
  }

  /** What the guard says of each frame that was kept: `tunnel`, `arp`, or undefined for a foreign one. */
  async guarded(): Promise<readonly (string | undefined)[]> {
    await delay(1_000);
    this.#capture?.kill('SIGINT');
    await new Promise((resolve) => this.#capture?.once('close', resolve));
    const matcher = compileMatcher(this.#policy);
    return (parsePcap(readFileSync(this.#pcap())) ?? []).map(({ frame }) => matcher.match(frame, 0, frame.length));
  }

  async close(): Promise<void> {
    await this.disconnect().catch(() => {});
    for (const address of [...this.#served.keys()]) await this.leave(address);
    for (const helper of this.#helpers) killGroup(helper);
    for (const space of SPACES) quietly(() => ip('netns', 'del', this.#name(space)));
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #relay(address: string, file: string): Promise<ChildProcess> {
    const listening = `TCP4-LISTEN:${PORT},bind=${address},fork,reuseaddr`;
    const argv = ['netns', 'exec', this.#name('net'), 'socat', '-d', '-d', listening, `UNIX-CONNECT:${file}`];
    const relay = spawn('ip', argv, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    await new Promise((resolve, reject) => {
      relay.stderr.on('data', (text: Buffer) => text.includes('listening on') && resolve(undefined));
      relay.once('close', () => reject(new Error('socat ended')));
    });
    return relay;
  }

  #control(): GatewayControl {
    const some: Pick<GatewayControl, 'tunnel' | 'counts'> = {
      tunnel: async (plan, secrets, pinned, policy) => {
        if (policy.tunnel === undefined) throw new Error('no tunnel');
        const revealed = secrets.reveal(pinned, policy.tunnel.localPort, policy.tunnel.mark);
        const settings = this.#scripts.moved(renderTunnelSettings(plan, policy.tunnel, revealed));
        readAnswer('tunnel', protocol.done, await this.#verb('tunnel', settings));
      },
      // Debian 12's nft lists nothing for the verb `counts`; the same tunnel is in both.
      counts: () => this.facts(),
    };
    return some as GatewayControl;
  }

  async #apply(policy: EgressPolicy, removed: readonly Defence[]): Promise<void> {
    this.#policy = policy;
    const rules = renderNft(compileNft(policy, new Set(removed) as unknown as RemovedDefences));
    readAnswer('apply', protocol.done, await this.#verb('apply', rules));
  }

  /** A verb of the gateway's, by its own script. */
  async #verb(verb: protocol.Verb, stdin = '') {
    const file = path.join(this.folder, 'stdin');
    writeFileSync(file, stdin, { mode: 0o600 });
    // A pipe, as under dropbear; one of Node's is a socket, which nft cannot open.
    const script = `cat "$1" | SSH_ORIGINAL_COMMAND="vmgate-gw $2" bash --posix "$3"`;
    const argv = ['-c', script, 'bash', file, verb, this.#scripts.path('sbin/vmgate-gw')];
    const { stdout } = await this.#run('gw', 'bash', ...argv).catch((fault: { stdout: string }) => fault);
    return { exit: 0, stdout: Buffer.from(stdout), stderr: '' };
  }

  #run(space: Space, ...argv: readonly string[]) {
    return run('ip', ['netns', 'exec', this.#name(space), ...argv], { encoding: 'utf8', maxBuffer: 2 ** 24 });
  }

  /** As init leaves it. */
  async #gateway(): Promise<void> {
    // What is told to read its resolvers anew.
    const dnsmasq = spawn('sh', ['-c', 'trap "" HUP; while :; do sleep 1; done'], { stdio: 'ignore', detached: true });
    this.#helpers.push(dnsmasq);
    const files = { 'dnsmasq.pid': dnsmasq.pid, 'boot-id': 'boot-1', uplink: '10.0.2.15 24 10.0.2.2' };
    for (const [name, text] of Object.entries({ ...files, resolvers: '', 'dhcp-options': '' })) {
      writeFileSync(path.join(this.#scripts.state, name), text === '' ? '' : `${text}\n`);
    }
    await this.#apply(this.#policy, []);
  }

  #name(space: Space): string {
    return `${this.#prefix}-${space}`;
  }

  #pcap(): string {
    return path.join(this.folder, 'uplink.pcap');
  }
}

/** `ip netns exec` and what it became, and for socat what it forked. */
function killGroup({ pid }: ChildProcess): void {
  if (pid !== undefined) quietly(() => process.kill(-pid, 'SIGKILL'));
}
