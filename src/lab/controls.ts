/** Everything a running lab can be asked, and told to do wrong. Leak cases by number: docs/leak-cases.md. */
import { PCAP_HEADER, pcapHeader, pcapRecord } from '../frame/index.ts';
import type { LabAgent } from './agent.ts';
import {
  bulk,
  counts,
  type DnsQuerySeen,
  done,
  framesSeen,
  type HttpRequestSeen,
  type LabCounts,
  parseDnsLog,
  parseHttpLog,
  type Reached,
  reached,
  secondServer,
} from './answers.ts';
import { type ScanTarget, scanFrames } from './hostile-frames.ts';
import { secondVpnProfile } from './second-profile.ts';
import type { LabIpsec, LabOpenConnect, LabOpenVpn } from './servers.ts';

/**
 * What the network or the VPN provider does wrong, for as long as it is on:
 * - `tunnel-silent`: nothing that is sent to the VPN server arrives, no ICMP tells (13)
 * - `inside-silent`: the handshake works, nothing sent through the tunnel arrives (13)
 * - `resolver-silent`: the tunnel works, its resolver does not answer (5, 60)
 * - `narrow-*`: packets larger than so many bytes are dropped on the untrusted network, nobody is told (31)
 * - `relayed`: the server's replies, valid ones, come from {@link LAB.stranger} (62)
 */
export type LabFault =
  | 'tunnel-silent'
  | 'inside-silent'
  | 'resolver-silent'
  | `narrow-${1420 | 1280 | 800}`
  | 'relayed';

/**
 * What the untrusted network's DHCP offers: `plain`, `short` leases of two minutes, `moved` to another range, `routes`
 * that lead around a VPN (1), a route for `one` address (54), addresses of a `public` range (2), a router that has
 * a public `resolver`'s address (4), a `bogus` router, or nothing at all.
 */
export type LabDhcp = 'plain' | 'short' | 'moved' | 'routes' | 'one' | 'public' | 'resolver' | 'bogus' | 'silent';

/** Whether the untrusted network has a portal. */
export type LabPortal = 'on' | 'lying' | 'off';

/** `wifi`: the untrusted network's resolver; `internet`: any public one, asked in clear; `vpn`: inside the tunnel; `second`: inside the second one. */
export type LabResolver = 'wifi' | 'internet' | 'vpn' | 'second';

/** Whose user names and passwords. */
export type LabLoginVpn = 'openvpn' | 'ipsec' | 'openconnect';

const MAX_SNAPLEN = 65_535;
/** Frames for one `inject`, a second and a half of them at the lab's pace. */
const INJECT_BATCH = 3_000;

export class LabControls {
  readonly #agent: LabAgent;

  constructor(agent: LabAgent) {
    this.#agent = agent;
  }

  /** Frames from the client on the untrusted network since {@link resetCounts}. The wire only: slirp has no such place. */
  counts(): Promise<LabCounts> {
    return this.#agent.ask(counts, 'counts');
  }

  async resetCounts(): Promise<void> {
    await this.#agent.ask(done, 'reset');
  }

  /** The newest 256 KiB; requests in clear have a source in {@link LAB.clearNetwork}. */
  async httpLog(): Promise<readonly HttpRequestSeen[]> {
    return parseHttpLog((await this.#log('http')).toString('latin1'));
  }

  async dnsLog(resolver: LabResolver): Promise<readonly DnsQuerySeen[]> {
    return parseDnsLog((await this.#log(`dns-${resolver}`)).toString('latin1'));
  }

  async clearLogs(): Promise<void> {
    await this.#agent.ask(done, 'clear_logs');
  }

  /** How many of the last 8 MB of captured frames hold `token`, wherever in the frame. */
  async framesWith(token: Buffer): Promise<number> {
    return this.#seen('all', token);
  }

  /** From now on {@link insideWith} has something to look at: what clients send by TCP inside their tunnels. */
  async listenInside(): Promise<void> {
    await this.#agent.ask(done, 'listen_inside');
  }

  /** How many segments from the client at `address` inside the tunnel held `token` in their first 256 bytes (68). */
  async insideWith(token: Buffer, address: string): Promise<number> {
    return this.#seen('inside', token, 'src', 'host', address);
  }

  /** A pcap of the newest frames (at most 256 KiB), for evidence. */
  async capture(which: 'foreign' | 'all'): Promise<Buffer> {
    return this.#agent.ask(bulk, 'capture', [which]);
  }

  /**
   * Lets a client with this key in and routes `addresses` (CIDR) to it: its own inside the tunnel, and for
   * {@link connectIn} those behind it. Ends the sessions of all clients; they connect again by themselves.
   */
  async admit(publicKey: string, addresses: readonly string[]): Promise<void> {
    await this.#agent.ask(done, 'peer', [publicKey, addresses.join(',')]);
  }

  async fault(name: LabFault, active: boolean): Promise<void> {
    await this.#agent.ask(done, 'fault', [name, active ? 'on' : 'off']);
  }

  /** `on`: a portal puts itself before everything; `lying`: it says that it is none (27). A posted form ends it. */
  async portal(does: LabPortal): Promise<void> {
    await this.#agent.ask(done, 'portal', [does]);
  }

  /** `METHOD HOST PATH` of what the portal was asked, the host's own look among it, oldest first. */
  async portalLog(): Promise<readonly string[]> {
    return (await this.#log('portal'))
      .toString('latin1')
      .split('\n')
      .filter((line) => line !== '');
  }

  /** From the next question on; who holds a lease keeps it until then. */
  async dhcp(offers: LabDhcp): Promise<void> {
    await this.#agent.ask(done, 'dhcp', [offers]);
  }

  /** `down`: the server is gone and the router says so (ICMP port unreachable); `up`: back, with every client known. */
  async server(state: 'up' | 'down'): Promise<void> {
    await this.#agent.ask(done, 'server', [state]);
  }

  /** A second WireGuard server behind the first, with the one client of that key; gives the server's. None: it is down. */
  async second(clientKey: string | undefined): Promise<string> {
    const asked = clientKey === undefined ? ['down'] : ['up', 'wireguard', clientKey];
    return (await this.#agent.ask(secondServer, 'second', asked)).key;
  }

  /** The same for a server of another kind, which must not be the first one's; gives a client's profile, to its name. */
  async secondVpn(kind: LabLoginVpn): Promise<string> {
    await this.#agent.ask(secondServer, 'second', ['up', kind], { timeoutMs: 60_000 });
    return secondVpnProfile(kind, async (verb, ...asked) =>
      (await this.#agent.ask(bulk, verb, [...asked, 'second'])).toString('latin1'),
    );
  }

  /** From now on an OpenVPN server stands in WireGuard's place, at the same address and port, with the same clients' inside. */
  async openVpn(...is: readonly LabOpenVpn[]): Promise<void> {
    await this.#agent.ask(done, 'vpn_is', ['openvpn', ...is], { timeoutMs: 60_000 });
  }

  /** The same for an IKEv2 server. */
  async ipsec(...is: readonly [LabIpsec, ...LabIpsec[]]): Promise<void> {
    await this.#agent.ask(done, 'vpn_is', ['ipsec', ...is], { timeoutMs: 60_000 });
  }

  /** The same for ocserv. */
  async openConnect(...is: readonly LabOpenConnect[]): Promise<void> {
    await this.#agent.ask(done, 'vpn_is', ['openconnect', ...is], { timeoutMs: 60_000 });
  }

  /** A client's profile for ocserv as it is now: its authority, and a certificate unless it asks for a login. */
  async openConnectProfile(endpoint: { readonly address: string; readonly port: number }): Promise<string> {
    const { address, port } = endpoint;
    const text = await this.#agent.ask(bulk, 'openconnect_profile');
    return `server=https://vpn.lab.example:${port}\nresolve=vpn.lab.example:${address}\n${text.toString('latin1')}`;
  }

  /** The key that ocserv shows, as `servercert` has it. */
  async openConnectPin(): Promise<string> {
    return `pin-sha256:${(await this.#agent.ask(bulk, 'openconnect_pin')).toString('base64')}`;
  }

  /** ocserv's own log, its newest 256 KiB. */
  async openConnectLog(): Promise<string> {
    return (await this.#log('openconnect.log')).toString('latin1');
  }

  /** What a client of the IKEv2 server holds: its key, certificate and authority as PEM, or the pre-shared key. */
  async ipsecFile(name: 'psk' | 'ca.pem' | 'client.pem' | 'client.key'): Promise<string> {
    return (await this.#agent.ask(bulk, 'ipsec_file', [name])).toString('latin1').trimEnd();
  }

  /** The IKEv2 server's own log, its newest 256 KiB. */
  async ipsecLog(): Promise<string> {
    return (await this.#log('ipsec.log')).toString('latin1');
  }

  /** The one user name and password that a server with a `login` lets in. */
  async vpnLogin(kind: LabLoginVpn, user: string, password: string): Promise<void> {
    const lines = Buffer.from(`${user}\n${password}\n`).toString('base64');
    await this.#agent.ask(done, 'vpn_users', [kind, lines]);
  }

  /** A client's profile as its provider hands it out: inline, and to `endpoint`. */
  async openVpnProfile(endpoint: { readonly address: string; readonly port: number }): Promise<string> {
    const text = await this.#agent.ask(bulk, 'openvpn_profile');
    return `remote ${endpoint.address} ${endpoint.port}\n${text.toString('latin1')}`;
  }

  /** The OpenVPN server's own log, its newest 256 KiB. */
  async openVpnLog(): Promise<string> {
    return (await this.#log('openvpn.log')).toString('latin1');
  }

  /** `wrong`: somebody without the server's key answers at its address (28). */
  async serverKey(which: 'right' | 'wrong'): Promise<void> {
    await this.#agent.ask(done, 'key', [which]);
  }

  /** Clients come out at `address` from now on; one within 203.0.113.0/26. */
  async exitAddress(address: string): Promise<void> {
    await this.#agent.ask(done, 'exit_address', [address]);
  }

  /** From the VPN's side towards a client's or work VM's address (42). */
  async connectIn(protocol: 'tcp' | 'udp' | 'ping', address: string, port = 0): Promise<Reached> {
    const answer = await this.#agent.ask(reached, 'connect', [protocol, address, port]);
    return answer.reached;
  }

  /** From now on the site has `content` under `path`, which is absolute, in place of its answer. */
  async page(path: string, content: string): Promise<void> {
    const payload = Buffer.from(content);
    await this.#agent.ask(done, 'page', [path, payload.length], { payload });
  }

  /** Puts frames on the untrusted network as they are. */
  async inject(frames: readonly Buffer[]): Promise<void> {
    for (let first = 0; first < frames.length; first += INJECT_BATCH) {
      const batch = frames.slice(first, first + INJECT_BATCH);
      const payload = Buffer.concat([
        pcapHeader(MAX_SNAPLEN),
        ...batch.map((frame) => pcapRecord(0, frame, MAX_SNAPLEN)),
      ]);
      if (payload.length > PCAP_HEADER) await this.#agent.ask(done, 'inject', [payload.length], { payload });
    }
  }

  /**
   * Asks the client's uplink at many TCP and UDP ports, and pings it (41).
   *
   * @returns how many frames came back that are no part of its own business: 0 for a silent one
   */
  async scan(target: ScanTarget): Promise<{ readonly probes: number; readonly answers: number }> {
    const frames = scanFrames(target);
    const before = await this.counts();
    await this.inject(frames);
    const after = await this.counts();
    return { probes: frames.length, answers: after.foreign - before.foreign };
  }

  async #seen(ring: 'all' | 'inside', token: Buffer, ...filter: readonly string[]): Promise<number> {
    const question = [ring, token.toString('hex'), ...filter];
    const { frames } = await this.#agent.ask(framesSeen, 'seen', question, { timeoutMs: 60_000 });
    return frames;
  }

  #log(name: string): Promise<Buffer> {
    return this.#agent.ask(bulk, 'log', [name]);
  }
}
