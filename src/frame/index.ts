/** Ethernet frames and what is in them: pure codecs that never throw on what they read. */
export { BROADCAST_MAC, ipv4Bytes, ipv4Text, isGroupMac, macBytes, ZERO_MAC } from './address.ts';
export { type ArpPacket, buildArpReply, buildArpRequest, parseArp } from './arp.ts';
export { internetChecksum, transportChecksum } from './checksum.ts';
export { type Classified, classify, describeFrame } from './classify.ts';
export {
  buildDhcpClient,
  DHCP_OPTIONS,
  DHCP_PORTS,
  DHCP_TYPES,
  type DhcpClientFields,
  type DhcpMessage,
  parseDhcp,
} from './dhcp.ts';
export { buildDnsQuery, DNS_TYPES, type DnsMessage, parseDns, readAddresses } from './dns.ts';

export { buildEthernet, ETHER_TYPES, ETHERNET_HEADER, type EthernetFrame, parseEthernet } from './ethernet.ts';
export { describeFlow } from './flow.ts';
export { FrameReader, framed, MAX_FRAME } from './framing.ts';
export {
  IP_PROTOCOLS,
  type Ipv4Fields,
  type Ipv4Packet,
  type Ipv6Header,
  parseIpv4,
  parseIpv6,
} from './ip.ts';
export { dnsQueryFrame, type Hop, icmpEchoFrame, ipv4Frame, tcpSynFrame, udpFrame } from './packets.ts';
export {
  type CapturedFrame,
  PCAP_HEADER,
  PCAP_RECORD_HEADER,
  parsePcap,
  pcapHeader,
  pcapRecord,
  wholePcapBytes,
} from './pcap.ts';
export { TCP_FLAGS, tcpFrame } from './tcp-frames.ts';
export {
  type Flow,
  type IcmpMessage,
  parseIcmp,
  parseTcp,
  parseUdp,
  type TcpSegment,
  type UdpDatagram,
} from './transport.ts';
