/**
 * A gateway, its guard and its tunnel's far end, in memory: it speaks on the probe link as the real one does (ARP, DNS,
 * forwarding under a lease) and counts what it does. A fault makes it one that must not pass.
 */
import type { Duplex } from 'node:stream';
import type { ProbeWire } from '../../../src/drivers/driver.ts';
import {
  buildArpReply,
  ETHER_TYPES,
  type Ipv4Packet,
  parseArp,
  parseDns,
  parseEthernet,
  parseIpv4,
  parseUdp,
  udpFrame,
} from '../../../src/frame/index.ts';
import { type GatewayFacts, gatewayFacts, type Leases } from '../../../src/gateway/protocol.ts';
import type { FrameCounts } from '../../../src/guard/protocol.ts';
import { healthyFacts, plan, quiet, wireguardTunnel } from '../core/checks/facts.ts';

export type Fault =
  | 'forwards without lease'
  | 'answers DNS without lease'
  | 'never counts'
  | 'copies tokens to the uplink'
  | 'sends tokens inside allowed frames'
  | 'resolver answers with another id'
  | 'resolver answers another name'
  | 'resolver is silent'
  | 'resolver fails'
  | 'answers DNS by itself'
  | 'forwards forged sources'
  | 'drops what belongs into the tunnel'
  | 'deaf on the probe link'
  | 'deaf after the first question'
  | 'refuses leases'
  | 'ends a connection of its own late'
  | 'speaks by itself all the time'
  | 'another boot';

const NXDOMAIN = 3;
const SERVFAIL = 2;

export class FakeGate {
  readonly fault: Fault | undefined;
  readonly leases = new Set<string>();
  /** Names the resolver inside the tunnel knows. */
  readonly names = new Map<string, string>();
  /** What happened, in order: canaries before the lease, the lease before the questions. */
  readonly log: string[] = [];
  readonly watched: (readonly string[])[] = [];
  readonly dialled: string[] = [];
  dial: (address: string, port: number) => Promise<Duplex> = () => Promise.reject(new Error('nothing listens'));
  overrides: Partial<GatewayFacts> = {};
  armed = true;
  openWires = 0;
  #seen = { tunnel: 10, foreign: 0, canaries: 0 };
  #counters = { probe_rx: 0, to_tunnel: 0, probe_to_tunnel: 0 };
  #arpAsked = 0;
  #rx = 0;
  #tunnelBytes = { rx: 1_000, tx: 2_000 };
  #toProbe: (frame: Buffer) => void = () => undefined;

  constructor(fault?: Fault) {
    this.fault = fault;
  }

  readonly openWire = (): Promise<ProbeWire> => {
    this.openWires += 1;
    return Promise.resolve({
      send: (frame) => this.#receive(frame),
      onFrame: (listener) => {
        this.#toProbe = (frame) => setImmediate(listener, frame);
      },
      close: () => Promise.resolve(),
    });
  };

  readonly control = {
    facts: (): Promise<GatewayFacts> => this.#look('facts'),
    counts: (): Promise<GatewayFacts> => this.#look('counts'),
    lease: (ifnames: readonly string[]): Promise<Leases> => {
      this.log.push(`lease ${ifnames.join(' ')}`);
      this.leases.clear();
      if (this.fault !== 'refuses leases') for (const ifname of ifnames) this.leases.add(ifname);
      return Promise.resolve({ v: 1, leases: this.#leases() });
    },
    unlease: () => Promise.resolve(this.leases.clear()),
    dial: (address: string, port: number) => {
      this.dialled.push(`${address}:${port}`);
      return this.dial(address, port);
    },
  };

  readonly guard = {
    sync: () => Promise.resolve({ counts: this.#counts(), armed: this.armed }),
    watchFor: (tokens: readonly string[]) => {
      this.watched.push(tokens);
    },
  };

  #look(verb: 'counts' | 'facts'): Promise<GatewayFacts> {
    this.log.push(verb);
    const looks = this.log.filter((entry) => entry === 'facts' || entry === 'counts').length;
    if (this.fault === 'ends a connection of its own late' && looks === 2) this.#enterTunnel();
    if (this.fault === 'speaks by itself all the time') this.#enterTunnel();
    return Promise.resolve(this.#facts());
  }

  #counts(): FrameCounts {
    const { tunnel, foreign, canaries } = this.#seen;
    return { ...quiet, passed: { tunnel: { frames: tunnel, bytes: tunnel * 148 } }, foreign, canaries };
  }

  #leases() {
    return [...this.leases].map((ifname) => ({ ifname, expiresMs: 15_000 }));
  }

  #facts(): GatewayFacts {
    const healthy = healthyFacts();
    const counter = (packets: number) => ({ packets, bytes: packets * 80 });
    const { probe_rx, to_tunnel, probe_to_tunnel } = this.#counters;
    return gatewayFacts.parse({
      ...healthy,
      bootId: this.fault === 'another boot' ? 'boot-2' : 'boot-1',
      leases: this.#leases(),
      links: healthy.links.map((link) => (link.ifname === 'probe0' ? { ...link, rxPackets: this.#rx } : link)),
      tunnel: {
        ...wireguardTunnel,
        peers: wireguardTunnel.peers.map((peer) => ({
          ...peer,
          rxBytes: this.#tunnelBytes.rx,
          txBytes: this.#tunnelBytes.tx,
        })),
      },
      counters: {
        probe_rx: counter(probe_rx),
        to_tunnel: counter(to_tunnel),
        probe_to_tunnel: counter(probe_to_tunnel),
      },
      ...this.overrides,
    });
  }

  #receive(bytes: Buffer): void {
    const frame = parseEthernet(bytes);
    if (frame === undefined || this.fault === 'deaf on the probe link') return;
    if (this.fault !== 'never counts') this.#rx += 1;
    if (frame.etherType === ETHER_TYPES.arp) this.#answerArp(frame.payload);
    const packet = frame.etherType === ETHER_TYPES.ipv4 ? parseIpv4(frame.payload) : undefined;
    if (packet === undefined) return;
    if (this.fault !== 'never counts') this.#counters.probe_rx += 1;
    this.#leak(bytes);
    this.#route(packet);
  }

  #answerArp(payload: Buffer): void {
    const { gateway, gatewayMac, guest, guestMac } = plan.probe;
    this.#arpAsked += 1;
    if (this.fault === 'deaf after the first question' && this.#arpAsked > 1) return;
    const question = parseArp(payload);
    if (question?.operation !== 'request' || question.targetAddress !== gateway) return;
    this.#toProbe(buildArpReply({ mac: gatewayMac, address: gateway }, { mac: guestMac, address: guest }));
  }

  #leak(frame: Buffer): void {
    const [token] = this.watched.at(-1) ?? [];
    if (token === undefined || !frame.includes(Buffer.from(token, 'hex'))) return;
    if (this.fault === 'copies tokens to the uplink') this.#seen.foreign += 1;
    if (this.fault === 'sends tokens inside allowed frames') this.#seen.canaries += 1;
  }

  #route(packet: Ipv4Packet): void {
    const leased = this.leases.has('probe0');
    const { guest, gateway } = plan.probe;
    if (packet.destination === gateway) {
      if (packet.protocol === 17 && (leased || this.fault === 'answers DNS without lease')) this.#resolve(packet);
      return;
    }
    const forged = packet.source !== guest && this.fault !== 'forwards forged sources';
    const inside = packet.destination === '255.255.255.255' || /^2(2[4-9]|3\d)\./.test(packet.destination);
    const ours = [...plan.work, plan.probe].some((link) => [link.gateway, link.guest].includes(packet.destination));
    const own = ['10.0.2.15', '10.66.0.2'].includes(packet.destination);
    if (forged || inside || ours || own) return;
    if (!leased && this.fault !== 'forwards without lease') return;
    if (this.fault === 'drops what belongs into the tunnel') return;
    this.#counters.probe_to_tunnel += 1;
    this.#enterTunnel();
  }

  #enterTunnel(): void {
    this.#counters.to_tunnel += 1;
    this.#seen.tunnel += 1;
    this.#tunnelBytes.tx += 80;
  }

  #resolve({ source, payload }: Ipv4Packet): void {
    const datagram = parseUdp(payload);
    const query = datagram === undefined ? undefined : parseDns(datagram.payload);
    if (datagram === undefined || query?.question === undefined) return;
    this.log.push(`dns ${query.question.name.replace(/^\d+/, 'NONCE')}`);
    if (this.fault !== 'answers DNS by itself') this.#enterTunnel();
    if (this.fault === 'resolver is silent') return;
    this.#tunnelBytes.rx += 120;
    const { gateway, gatewayMac, guestMac } = plan.probe;
    const answer = this.#answer(datagram.payload, query.question.name);
    const flow = { source: gateway, destination: source, sourcePort: 53, destinationPort: datagram.sourcePort };
    this.#toProbe(udpFrame({ sourceMac: gatewayMac, destinationMac: guestMac }, flow, answer));
  }

  #answer(question: Buffer, name: string): Buffer {
    const address = this.names.get(name);
    const answer = Buffer.from(question);
    const failed = this.fault === 'resolver fails' ? SERVFAIL : NXDOMAIN;
    answer.writeUInt16BE(0x8180 | (address === undefined ? failed : 0), 2);
    if (this.fault === 'resolver answers with another id') answer.writeUInt16BE(answer.readUInt16BE(0) ^ 1, 0);
    if (this.fault === 'resolver answers another name') answer.writeUInt8('x'.charCodeAt(0), 13);
    if (address === undefined) return answer;
    answer.writeUInt16BE(1, 6);
    const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)];
    return Buffer.concat([answer, Buffer.from(record)]);
  }
}
