/** One look at a frame: what it is, and a line that says so. */
import { type ArpPacket, parseArp } from './arp.ts';
import { type DhcpMessage, parseDhcp } from './dhcp.ts';
import { type DnsMessage, parseDns } from './dns.ts';
import { ETHER_TYPES, type EthernetFrame, parseEthernet } from './ethernet.ts';
import { IP_PROTOCOLS, type Ipv4Packet, type Ipv6Header, parseIpv4, parseIpv6 } from './ip.ts';
import { type IcmpMessage, parseIcmp, parseTcp, parseUdp, type TcpSegment, type UdpDatagram } from './transport.ts';

/** `garbled`: names a type and is not it. `other`: a type nothing here reads (VLAN, LLDP, EAPOL, STP, ...). */
export type Classified =
  | { readonly kind: 'garbled'; readonly ethernet: EthernetFrame | undefined }
  | { readonly kind: 'other'; readonly ethernet: EthernetFrame }
  | { readonly kind: 'arp'; readonly ethernet: EthernetFrame; readonly arp: ArpPacket }
  | { readonly kind: 'ipv6'; readonly ethernet: EthernetFrame; readonly ip: Ipv6Header }
  | InIpv4<'ipv4', unknown>
  | InIpv4<'icmp', { readonly icmp: IcmpMessage }>
  | InIpv4<'tcp', { readonly tcp: TcpSegment }>
  | InIpv4<'udp', { readonly udp: UdpDatagram }>
  | InIpv4<'dns', { readonly udp: UdpDatagram; readonly dns: DnsMessage }>
  | InIpv4<'dhcp', { readonly udp: UdpDatagram; readonly dhcp: DhcpMessage }>;

type InIpv4<K extends string, Inner> = {
  readonly kind: K;
  readonly ethernet: EthernetFrame;
  readonly ip: Ipv4Packet;
} & Inner;

export function classify(frame: Buffer): Classified {
  const ethernet = parseEthernet(frame);
  if (ethernet === undefined) return { kind: 'garbled', ethernet };
  switch (ethernet.etherType) {
    case ETHER_TYPES.arp: {
      const arp = parseArp(ethernet.payload);
      return arp === undefined ? { kind: 'garbled', ethernet } : { kind: 'arp', ethernet, arp };
    }
    case ETHER_TYPES.ipv6: {
      const ip = parseIpv6(ethernet.payload);
      return ip === undefined ? { kind: 'garbled', ethernet } : { kind: 'ipv6', ethernet, ip };
    }
    case ETHER_TYPES.ipv4: {
      const ip = parseIpv4(ethernet.payload);
      return ip === undefined ? { kind: 'garbled', ethernet } : inIpv4(ethernet, ip);
    }
    default:
      return { kind: 'other', ethernet };
  }
}

/** A later fragment has no transport header: its bytes are never read as one. */
function inIpv4(ethernet: EthernetFrame, ip: Ipv4Packet): Classified {
  if (ip.fragmentOffset > 0) return { kind: 'ipv4', ethernet, ip };
  switch (ip.protocol) {
    case IP_PROTOCOLS.icmp: {
      const icmp = parseIcmp(ip.payload);
      return icmp === undefined ? { kind: 'garbled', ethernet } : { kind: 'icmp', ethernet, ip, icmp };
    }
    case IP_PROTOCOLS.tcp: {
      const tcp = parseTcp(ip.payload);
      return tcp === undefined ? { kind: 'garbled', ethernet } : { kind: 'tcp', ethernet, ip, tcp };
    }
    case IP_PROTOCOLS.udp: {
      const udp = parseUdp(ip.payload);
      return udp === undefined ? { kind: 'garbled', ethernet } : inUdp(ethernet, ip, udp);
    }
    default:
      return { kind: 'ipv4', ethernet, ip };
  }
}

function inUdp(ethernet: EthernetFrame, ip: Ipv4Packet, udp: UdpDatagram): Classified {
  const ports = [udp.sourcePort, udp.destinationPort];
  if (ports.includes(67) && (ports.includes(68) || ports[0] === ports[1])) {
    const dhcp = parseDhcp(udp.payload);
    if (dhcp !== undefined) return { kind: 'dhcp', ethernet, ip, udp, dhcp };
  }
  if (ports.includes(53)) {
    const dns = parseDns(udp.payload);
    if (dns !== undefined) return { kind: 'dns', ethernet, ip, udp, dns };
  }
  return { kind: 'udp', ethernet, ip, udp };
}

/** One line of ASCII, e.g. `udp 10.0.2.15:40001 > 198.51.100.7:51820, 148 bytes`. Names in it are a guest's. */
export function describeFrame(frame: Buffer): string {
  const seen = classify(frame);
  switch (seen.kind) {
    case 'garbled':
      return `garbled, ${frame.length} bytes`;
    case 'other':
      return `type 0x${seen.ethernet.etherType.toString(16).padStart(4, '0')} from ${seen.ethernet.source}, ${frame.length} bytes`;
    case 'arp': {
      const { operation, senderAddress, senderMac, targetAddress } = seen.arp;
      return operation === 'request'
        ? `arp who has ${targetAddress}, asks ${senderAddress} (${senderMac})`
        : `arp ${senderAddress} is at ${senderMac}, to ${targetAddress}`;
    }
    case 'ipv6':
      return `ipv6 ${seen.ip.source} > ${seen.ip.destination}, next header ${seen.ip.nextHeader}, ${frame.length} bytes`;
    case 'ipv4':
      return `ipv4 ${seen.ip.source} > ${seen.ip.destination}, protocol ${seen.ip.protocol}, ${frame.length} bytes`;
    case 'icmp':
      return `icmp ${seen.ip.source} > ${seen.ip.destination}, type ${seen.icmp.type} code ${seen.icmp.code}`;
    case 'tcp': {
      const flags = Object.entries(seen.tcp.flags).flatMap(([flag, set]) => (set ? [flag] : []));
      return `tcp ${ends(seen.ip, seen.tcp)}, ${flags.join(' ')}, ${seen.tcp.payload.length} bytes`;
    }
    case 'dns':
      return `dns ${ends(seen.ip, seen.udp)}, ${seen.dns.response ? 'answer' : 'question'} ${printable(seen.dns.question?.name ?? '')}`;
    case 'dhcp':
    case 'udp':
      return `${seen.kind} ${ends(seen.ip, seen.udp)}, ${seen.udp.payload.length} bytes`;
  }
}

function ends(ip: Ipv4Packet, ports: { readonly sourcePort: number; readonly destinationPort: number }): string {
  return `${ip.source}:${ports.sourcePort} > ${ip.destination}:${ports.destinationPort}`;
}

/** DNS carries any byte in a name: an escape sequence there must not become one in a log. */
function printable(name: string): string {
  return name.replaceAll(/[^!-~]/g, '?');
}
