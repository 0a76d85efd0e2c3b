/** Frames that a hostile neighbour on the untrusted network sends. */
import {
  buildArpReply,
  buildEthernet,
  ETHER_TYPES,
  type Hop,
  IP_PROTOCOLS,
  icmpEchoFrame,
  macBytes,
  tcpSynFrame,
  transportChecksum,
  udpFrame,
} from '../frame/index.ts';
import { LAB } from './addresses.ts';

export interface ScanTarget {
  /** The client's card on the untrusted network, and its address there. */
  readonly mac: string;
  readonly address: string;
  /** Ports asked by TCP and by UDP; the well-known ones and some more unless said. */
  readonly ports?: readonly number[];
}

const WELL_KNOWN = Array.from({ length: 1_023 }, (_, index) => index + 1);
/** Development servers, VNC, X11, mDNS, LLMNR, SSDP, WireGuard, QEMU's defaults. */
const ABOVE = [
  1_194, 1_900, 2_222, 3_000, 3_389, 4_500, 5_000, 5_353, 5_355, 5_900, 6_000, 8_000, 8_080, 8_443, 51_820,
];

/** One SYN and one datagram to each port, and a ping. */
export function scanFrames({ mac, address, ports = [...WELL_KNOWN, ...ABOVE] }: ScanTarget): Buffer[] {
  const hop: Hop = { sourceMac: LAB.routerMac, destinationMac: mac };
  const ends = { source: LAB.router, destination: address, sourcePort: 40_000 };
  const payload = Buffer.from('vmgate-lab-scan');
  return [
    icmpEchoFrame(hop, ends, { identifier: 1, sequence: 1, data: payload }),
    ...ports.map((destinationPort) => tcpSynFrame(hop, { ...ends, destinationPort }, 1)),
    ...ports.map((destinationPort) => udpFrame(hop, { ...ends, destinationPort }, payload)),
  ];
}

/** "`victim` is at the lab's card": ARP spoofing (34). */
export function arpSpoof(victim: string, target: { readonly mac: string; readonly address: string }): Buffer {
  return buildArpReply({ mac: LAB.routerMac, address: victim }, target);
}

const ALL_NODES = { mac: '33:33:00:00:00:01', address: 'ff020000000000000000000000000001' };

/** A router advertisement with a prefix to autoconfigure and a resolver: RFC 4861 section 4.2, RFC 8106 (6, 7). */
export function routerAdvertisement(): Buffer {
  const prefix = '20010db8006600000000000000000000';
  const options = [
    // Source link-layer address.
    Buffer.concat([Buffer.from([1, 1]), macBytes(LAB.routerMac)]),
    // Prefix information: /64, on-link and autonomous, valid for a day.
    Buffer.from(`030440c00001518000015180${'00'.repeat(4)}${prefix}`, 'hex'),
    // Recursive DNS server, for a day.
    Buffer.from(`1903000000015180${prefix.slice(0, -1)}1`, 'hex'),
  ];
  // Hop limit 64, router for half an hour.
  const body = Buffer.concat([Buffer.from('86000000400007080000000000000000', 'hex'), ...options]);
  const source = Buffer.from('fe8000000000000050544cfffe000001', 'hex');
  const destination = Buffer.from(ALL_NODES.address, 'hex');
  // The IPv6 pseudo-header (RFC 8200 section 8.1) sums up to the same as IPv4's with longer addresses.
  body.writeUInt16BE(transportChecksum(source, destination, IP_PROTOCOLS.icmpv6, body), 2);
  const header = Buffer.from([0x60, 0, 0, 0, body.length >> 8, body.length & 0xff, IP_PROTOCOLS.icmpv6, 255]);
  return buildEthernet({
    destination: ALL_NODES.mac,
    source: LAB.routerMac,
    etherType: ETHER_TYPES.ipv6,
    payload: Buffer.concat([header, source, destination, body]),
  });
}

/** The same frame in VLAN `tag`: IEEE 802.1Q (34). */
export function vlanTagged(frame: Buffer, tag: number): Buffer {
  return Buffer.concat([frame.subarray(0, 12), Buffer.from([0x81, 0x00, tag >> 8, tag & 0xff]), frame.subarray(12)]);
}
