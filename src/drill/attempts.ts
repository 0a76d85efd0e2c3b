/**
 * What an owned machine on a link tries, as frames. Each carries its own mark, so that one look at what the lab captured
 * tells which of them got out. Cases by number: docs/leak-cases.md.
 */
import type { CanaryKind } from '../core/checks/canary-plan.ts';
import {
  BROADCAST_MAC,
  buildArpReply,
  buildEthernet,
  type Hop,
  IP_PROTOCOLS,
  ipv4Bytes,
  ipv4Frame,
  TCP_FLAGS,
  tcpFrame,
  udpFrame,
} from '../frame/index.ts';
import { LAB, vlanTagged } from '../lab/index.ts';
import { renderCanary } from '../verify/index.ts';

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

interface LinkEnds {
  readonly guest: string;
  readonly gateway: string;
}

/** Who is who around the link that the attempts are made from. */
export interface AttemptPlace {
  readonly link: LinkEnds;
  readonly neighbour: LinkEnds;
  /** The gateway's address on the untrusted network. */
  readonly uplink: string;
}

const PUBLIC = '192.0.2.1';
const udp = (port: number): CanaryKind => ({ protocol: 'udp', port });
const DNS: CanaryKind = { protocol: 'dns' };
const { endpoint } = LAB;

type Row = readonly [number, string, Attempt['frame']];

/** Everything that is tried from a link that has a lease. */
export function attemptsFrom(place: AttemptPlace): readonly Attempt[] {
  return [...rowsOf(toTunnel(place), 'tunnel'), ...rowsOf(toNowhere(place), 'nowhere')];
}

/** The end of a connection whose tunnel is gone: what a program, or its kernel, still has to say (30). */
export function lateAttemptsFrom({ link }: AttemptPlace): readonly Attempt[] {
  const flow = { source: link.guest, destination: LAB.site, sourcePort: 20_030, destinationPort: 443 };
  const late = (flags: number): Attempt['frame'] => {
    return (mark, hop) =>
      tcpFrame(hop, flow, { flags, sequence: 1_000, acknowledgement: 1, payload: Buffer.from(mark) });
  };
  const rows: readonly Row[] = [
    [30, 'a FIN with the last bytes', late(TCP_FLAGS.fin | TCP_FLAGS.psh | TCP_FLAGS.ack)],
    [30, 'bytes sent again', late(TCP_FLAGS.psh | TCP_FLAGS.ack)],
    [30, 'a RST', late(TCP_FLAGS.rst | TCP_FLAGS.ack)],
  ];
  return rowsOf(rows, 'tunnel');
}

function rowsOf(rows: readonly Row[], ends: Attempt['ends']): Attempt[] {
  return rows.map(([leakCase, name, frame]) => ({ leakCase, name, frame, ends }));
}

function canary(kind: CanaryKind, destination: string, source: string): Attempt['frame'] {
  return (mark, hop) => renderCanary({ name: '', kind, source, destination, fate: 'either' }, 0, mark, hop);
}

/** Makes attempts from one address. */
function speaking(source: string) {
  return {
    say: (kind: CanaryKind, destination: string) => canary(kind, destination, source),
    /** A SYN that carries data (RFC 7413): a mark needs room. */
    syn: (destinationPort: number, destination: string): Attempt['frame'] => {
      const flow = { source, destination, sourcePort: 20_000, destinationPort };
      return (mark, hop) => tcpFrame(hop, flow, { flags: TCP_FLAGS.syn, sequence: 1, payload: Buffer.from(mark) });
    },
    datagram: (destinationPort: number, destination: string, payload: (mark: string) => Buffer): Attempt['frame'] => {
      const flow = { source, destination, sourcePort: 20_053, destinationPort };
      return (mark, hop) => udpFrame(hop, flow, payload(mark));
    },
  };
}

function toTunnel({ link }: AttemptPlace): readonly Row[] {
  const { say, syn, datagram } = speaking(link.guest);
  return [
    [3, "the endpoint's address, as a web server", syn(443, endpoint.address)],
    [3, "the endpoint's address, as a resolver", say(DNS, endpoint.address)],
    [3, 'a ping to the endpoint', say({ protocol: 'icmp' }, endpoint.address)],
    [5, 'DNS to a public resolver', say(DNS, '8.8.8.8')],
    [5, "DNS to the untrusted network's resolver", say(DNS, LAB.router)],
    [5, 'DNS by TCP to a public resolver', syn(53, '8.8.8.8')],
    [5, 'DNS over TLS', syn(853, '9.9.9.9')],
    [5, 'DNS over QUIC', say(udp(853), '9.9.9.9')],
    [33, 'ping with data', say({ protocol: 'icmp' }, PUBLIC)],
    [36, "the untrusted network's router", say(udp(9), LAB.router)],
    [36, 'a neighbour on the untrusted network', syn(445, '192.168.77.77')],
    [36, "slirp's host", say(udp(9), '10.0.2.2')],
    [36, "slirp's resolver", say(DNS, '10.0.2.3')],
    [36, 'cloud metadata', syn(80, '169.254.169.254')],
    [36, 'a home router', syn(80, '192.168.0.1')],
    [36, 'private 172.16/12', say(udp(9), '172.16.0.1')],
    [36, 'private 10/8', say({ protocol: 'icmp' }, '10.255.255.254')],
    [61, 'clear text to the endpoint and its port', say(udp(endpoint.port), endpoint.address)],
    [
      61,
      'tunnel-shaped to the endpoint and its port',
      say({ protocol: 'wireguard', port: endpoint.port }, endpoint.address),
    ],
    [61, 'TCP to the endpoint and its port', syn(endpoint.port, endpoint.address)],
    [53, 'STUN, as WebRTC asks for its address', datagram(3_478, '192.0.2.53', stunRequest)],
    [53, "STUN to a browser's usual server", datagram(19_302, '198.51.100.53', stunRequest)],
    [53, 'QUIC', datagram(443, PUBLIC, quicInitial)],
  ];
}

function toNowhere({ link, neighbour, uplink }: AttemptPlace): readonly Row[] {
  const { guest, gateway } = link;
  const { say, syn } = speaking(guest);
  const as = (source: string) => canary(udp(9), PUBLIC, source);
  return [
    [7, 'IPv6', canary({ protocol: 'udp6', port: 9 }, '2001:db8::80', '2001:db8:ffff::2')],
    [34, 'a frame in a VLAN', (mark, hop) => vlanTagged(say(udp(9), PUBLIC)(mark, hop), 7)],
    [34, 'LLDP', raw('01:80:c2:00:00:0e', 0x88cc)],
    [34, 'spanning tree', raw('01:80:c2:00:00:00', 0x0027)],
    [34, 'EAPOL', raw('01:80:c2:00:00:03', 0x888e)],
    [34, 'reverse ARP', raw(BROADCAST_MAC, 0x8035)],
    [34, 'an unknown protocol', raw(BROADCAST_MAC, 0x88b5)],
    [34, 'ARP that claims the router', arpClaim(LAB.router, gateway)],
    [34, 'limited broadcast', say(udp(9), '255.255.255.255')],
    [34, 'mDNS', multicast(guest, 5_353, '224.0.0.251')],
    [34, 'LLMNR', multicast(guest, 5_355, '224.0.0.252')],
    [34, 'SSDP', multicast(guest, 1_900, '239.255.255.250')],
    [34, 'NetBIOS to all', (mark, hop) => say(udp(137), linkBroadcast(gateway))(mark, toAll(hop))],
    [34, 'IGMP', igmp(guest)],
    [
      35,
      'a source MAC of its own',
      (mark, hop) => say(udp(9), PUBLIC)(mark, { ...hop, sourceMac: '52:54:66:66:66:66' }),
    ],
    [35, 'a second address on the link', as(guest.replace(/\d+$/, (last) => `${Number(last) + 1}`))],
    [35, "the gateway's address on the link", as(gateway)],
    [35, "the gateway's address on the uplink", as(uplink)],
    [35, "the gateway's address in the tunnel", as(LAB.client)],
    [35, "another work VM's address", as(neighbour.guest)],
    [35, "the endpoint's address", as(endpoint.address)],
    [36, 'another work VM', say(udp(9), neighbour.guest)],
    [36, "the gateway's own address on the uplink", syn(22, uplink)],
    [36, "the gateway's own address in the tunnel", syn(22, LAB.client)],
    [36, "another link's gateway address", syn(22, neighbour.gateway)],
  ];
}

function raw(destination: string, etherType: number): Attempt['frame'] {
  return (mark, { sourceMac }) => buildEthernet({ destination, source: sourceMac, etherType, payload: padded(mark) });
}

/** The mark is in the padding that short frames have anyway. */
function arpClaim(victim: string, gateway: string): Attempt['frame'] {
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

function multicast(guest: string, port: number, group: string): Attempt['frame'] {
  return (mark, hop) => canary(udp(port), group, guest)(mark, { ...hop, destinationMac: multicastMac(group) });
}

function igmp(guest: string): Attempt['frame'] {
  const group = '224.0.0.251';
  return (mark, hop) => {
    const report = Buffer.concat([Buffer.from([0x16, 0, 0, 0]), ipv4Bytes(group), Buffer.from(mark)]);
    const ends = { source: guest, destination: group };
    return ipv4Frame({ ...hop, destinationMac: multicastMac(group) }, ends, IP_PROTOCOLS.igmp, report);
  };
}

function linkBroadcast(gateway: string): string {
  return gateway.replace(/\d+$/, (last) => `${Number(last) + 6}`);
}

function toAll(hop: Hop): Hop {
  return { ...hop, destinationMac: BROADCAST_MAC };
}

function padded(mark: string): Buffer {
  return Buffer.concat([Buffer.from(mark), Buffer.alloc(46)]);
}

/** A binding request (RFC 8489, section 5); the mark is its SOFTWARE attribute. */
function stunRequest(mark: string): Buffer {
  const software = Buffer.alloc(Math.ceil(mark.length / 4) * 4);
  software.write(mark, 'latin1');
  const header = Buffer.alloc(24);
  header.writeUInt16BE(0x0001, 0);
  header.writeUInt16BE(4 + software.length, 2);
  header.writeUInt32BE(0x2112a442, 4);
  header.write('vmgate-drill', 8, 'latin1');
  header.writeUInt16BE(0x8022, 20);
  header.writeUInt16BE(mark.length, 22);
  return Buffer.concat([header, software]);
}

/** The shape of an Initial packet (RFC 9000, section 17.2.2); what would be encrypted in it is the mark. */
function quicInitial(mark: string): Buffer {
  const header = Buffer.from([0xc3, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0]);
  return Buffer.concat([header, Buffer.from(mark, 'latin1'), Buffer.alloc(64)]);
}
