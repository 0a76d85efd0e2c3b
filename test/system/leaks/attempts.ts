/**
 * What an owned machine on a link tries, as frames. Each carries its own mark, so that one look at what the lab captured
 * tells which of them got out. Cases by number: docs/leak-cases.md.
 */
import type { CanaryKind } from '../../../src/core/checks/canary-plan.ts';
import {
  BROADCAST_MAC,
  buildArpReply,
  buildEthernet,
  type Hop,
  IP_PROTOCOLS,
  ipv4Bytes,
  ipv4Frame,
} from '../../../src/frame/index.ts';
import { LAB, vlanTagged } from '../../../src/lab/index.ts';
import { renderCanary } from '../../../src/verify/probe/canary-frames.ts';
import { TCP_FLAGS, tcpFrame } from './tcp-frames.ts';
import { LINKS, UPLINK } from './wired-gate.ts';

/**
 * Where an attempt ends under a lease: `tunnel`: inside it; `nowhere`: dropped by the gateway. A gateway that was taken
 * over sends the former out in clear.
 */
export interface Attempt {
  readonly leakCase: number;
  readonly name: string;
  readonly ends: 'tunnel' | 'nowhere';
  readonly frame: (mark: string, hop: Hop) => Buffer;
}

const { guest, gateway } = LINKS.probe;
const [, neighbour = LINKS.probe] = LINKS.work;
const PUBLIC = '192.0.2.1';

function canary(kind: CanaryKind, destination: string, source: string = guest): Attempt['frame'] {
  return (mark, hop) => renderCanary({ name: '', kind, source, destination, fate: 'either' }, 0, mark, hop);
}

/** A SYN that carries data (RFC 7413): a mark needs room. */
function syn(destinationPort: number, destination: string): Attempt['frame'] {
  const flow = { source: guest, destination, sourcePort: 20_000, destinationPort };
  return (mark, hop) => tcpFrame(hop, flow, { flags: TCP_FLAGS.syn, sequence: 1, payload: Buffer.from(mark) });
}

const udp = (port: number): CanaryKind => ({ protocol: 'udp', port });
const DNS: CanaryKind = { protocol: 'dns' };
const { endpoint } = LAB;

const toTunnel: readonly [number, string, Attempt['frame']][] = [
  [5, 'DNS to a public resolver', canary(DNS, '8.8.8.8')],
  [5, "DNS to the untrusted network's resolver", canary(DNS, LAB.router)],
  [5, 'DNS by TCP to a public resolver', syn(53, '8.8.8.8')],
  [5, 'DNS over TLS', syn(853, '9.9.9.9')],
  [5, 'DNS over QUIC', canary(udp(853), '9.9.9.9')],
  [33, 'ping with data', canary({ protocol: 'icmp' }, PUBLIC)],
  [36, "the untrusted network's router", canary(udp(9), LAB.router)],
  [36, 'a neighbour on the untrusted network', syn(445, '192.168.77.77')],
  [36, "slirp's host", canary(udp(9), '10.0.2.2')],
  [36, "slirp's resolver", canary(DNS, '10.0.2.3')],
  [36, 'cloud metadata', syn(80, '169.254.169.254')],
  [36, 'a home router', syn(80, '192.168.0.1')],
  [36, 'private 172.16/12', canary(udp(9), '172.16.0.1')],
  [36, 'private 10/8', canary({ protocol: 'icmp' }, '10.255.255.254')],
  [61, 'clear text to the endpoint and its port', canary(udp(endpoint.port), endpoint.address)],
  [
    61,
    'tunnel-shaped to the endpoint and its port',
    canary({ protocol: 'wireguard', port: endpoint.port }, endpoint.address),
  ],
  [61, 'TCP to the endpoint and its port', syn(endpoint.port, endpoint.address)],
];

const toNowhere: readonly [number, string, Attempt['frame']][] = [
  [7, 'IPv6', canary({ protocol: 'udp6', port: 9 }, '2001:db8::80', '2001:db8:ffff::2')],
  [34, 'a frame in a VLAN', (mark, hop) => vlanTagged(canary(udp(9), PUBLIC)(mark, hop), 7)],
  [34, 'LLDP', raw('01:80:c2:00:00:0e', 0x88cc)],
  [34, 'spanning tree', raw('01:80:c2:00:00:00', 0x0027)],
  [34, 'EAPOL', raw('01:80:c2:00:00:03', 0x888e)],
  [34, 'reverse ARP', raw(BROADCAST_MAC, 0x8035)],
  [34, 'an unknown protocol', raw(BROADCAST_MAC, 0x88b5)],
  [34, 'ARP that claims the router', arpClaim(LAB.router)],
  [34, 'limited broadcast', canary(udp(9), '255.255.255.255')],
  [34, 'mDNS', multicast(5_353, '224.0.0.251')],
  [34, 'LLMNR', multicast(5_355, '224.0.0.252')],
  [34, 'SSDP', multicast(1_900, '239.255.255.250')],
  [34, 'NetBIOS to all', (mark, hop) => canary(udp(137), linkBroadcast())(mark, toAll(hop))],
  [34, 'IGMP', igmp],
  [
    35,
    'a source MAC of its own',
    (mark, hop) => canary(udp(9), PUBLIC)(mark, { ...hop, sourceMac: '52:54:66:66:66:66' }),
  ],
  [
    35,
    'a second address on the link',
    canary(
      udp(9),
      PUBLIC,
      guest.replace(/\d+$/, (last) => `${Number(last) + 1}`),
    ),
  ],
  [35, "the gateway's address on the link", canary(udp(9), PUBLIC, gateway)],
  [35, "the gateway's address on the uplink", canary(udp(9), PUBLIC, UPLINK.address)],
  [35, "the gateway's address in the tunnel", canary(udp(9), PUBLIC, LAB.client)],
  [35, "another work VM's address", canary(udp(9), PUBLIC, neighbour.guest)],
  [35, "the endpoint's address", canary(udp(9), PUBLIC, endpoint.address)],
  [36, 'another work VM', canary(udp(9), neighbour.guest)],
  [36, "the gateway's own address on the uplink", syn(22, UPLINK.address)],
  [36, "the gateway's own address in the tunnel", syn(22, LAB.client)],
  [36, "another link's gateway address", syn(22, neighbour.gateway)],
];

export const ATTEMPTS: readonly Attempt[] = [
  ...toTunnel.map(([leakCase, name, frame]) => ({ leakCase, name, frame, ends: 'tunnel' as const })),
  ...toNowhere.map(([leakCase, name, frame]) => ({ leakCase, name, frame, ends: 'nowhere' as const })),
];

function raw(destination: string, etherType: number): Attempt['frame'] {
  return (mark, { sourceMac }) => buildEthernet({ destination, source: sourceMac, etherType, payload: padded(mark) });
}

/** The mark is in the padding that short frames have anyway. */
function arpClaim(victim: string): Attempt['frame'] {
  return (mark, { sourceMac, destinationMac }) => {
    const claim = buildArpReply({ mac: sourceMac, address: victim }, { mac: destinationMac, address: gateway });
    return Buffer.concat([claim, Buffer.from(mark)]);
  };
}

/** RFC 1112, section 6.4: the lower 23 bits of the address. */
function multicastMac(address: string): string {
  const [, high = 0, middle = 0, low = 0] = ipv4Bytes(address);
  return ['01', '00', '5e', ...[high & 0x7f, middle, low].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}

function multicast(port: number, group: string): Attempt['frame'] {
  return (mark, hop) => canary(udp(port), group)(mark, { ...hop, destinationMac: multicastMac(group) });
}

function igmp(mark: string, hop: Hop): Buffer {
  const group = '224.0.0.251';
  const report = Buffer.concat([Buffer.from([0x16, 0, 0, 0]), ipv4Bytes(group), Buffer.from(mark)]);
  const ends = { source: guest, destination: group };
  return ipv4Frame({ ...hop, destinationMac: multicastMac(group) }, ends, IP_PROTOCOLS.igmp, report);
}

function linkBroadcast(): string {
  return gateway.replace(/\d+$/, (last) => `${Number(last) + 6}`);
}

function toAll(hop: Hop): Hop {
  return { ...hop, destinationMac: BROADCAST_MAC };
}

function padded(mark: string): Buffer {
  return Buffer.concat([Buffer.from(mark), Buffer.alloc(46)]);
}

/** A neighbour of the gateway on the untrusted network, for the bare wire. */
export const ON_THE_WIRE: Hop = { sourceMac: LINKS.probe.guestMac, destinationMac: LAB.routerMac };
