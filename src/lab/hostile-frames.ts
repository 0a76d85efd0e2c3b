/** Frames that a hostile neighbour on the untrusted network sends. */
import { buildArpReply, type Hop, icmpEchoFrame, tcpSynFrame, udpFrame } from '../frame/index.ts';
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

/** The same frame in VLAN `tag`: IEEE 802.1Q (34). */
export function vlanTagged(frame: Buffer, tag: number): Buffer {
  return Buffer.concat([frame.subarray(0, 12), Buffer.from([0x81, 0x00, tag >> 8, tag & 0xff]), frame.subarray(12)]);
}
