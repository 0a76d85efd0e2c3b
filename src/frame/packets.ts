/** Whole frames in one call: what the probe injects and tests build. */
import type { DnsMessage } from './dns.ts';
import { buildDnsQuery } from './dns.ts';
import { buildEthernet, ETHER_TYPES } from './ethernet.ts';
import { buildIpv4, IP_PROTOCOLS } from './ip.ts';
import { buildIcmpEcho, buildTcpSyn, buildUdp, type Flow } from './transport.ts';

/** The two cards a frame goes between. */
export interface Hop {
  readonly sourceMac: string;
  readonly destinationMac: string;
}

export function udpFrame(hop: Hop, flow: Flow, payload: Buffer): Buffer {
  return ipv4Frame(hop, flow, IP_PROTOCOLS.udp, buildUdp(flow, payload));
}

export function tcpSynFrame(hop: Hop, flow: Flow, sequence: number): Buffer {
  return ipv4Frame(hop, flow, IP_PROTOCOLS.tcp, buildTcpSyn(flow, sequence));
}

export function icmpEchoFrame(
  hop: Hop,
  ends: { readonly source: string; readonly destination: string },
  echo: Parameters<typeof buildIcmpEcho>[1],
  kind: 'request' | 'reply' = 'request',
): Buffer {
  return ipv4Frame(hop, ends, IP_PROTOCOLS.icmp, buildIcmpEcho(kind, echo));
}

export function dnsQueryFrame(
  hop: Hop,
  flow: Omit<Flow, 'destinationPort'>,
  query: Pick<DnsMessage, 'id'> & { readonly name: string; readonly type?: number },
): Buffer {
  return udpFrame(hop, { ...flow, destinationPort: 53 }, buildDnsQuery(query.id, query.name, query.type));
}

/** Any IPv4 payload between two addresses. */
export function ipv4Frame(
  hop: Hop,
  ends: { readonly source: string; readonly destination: string },
  protocol: number,
  payload: Buffer,
): Buffer {
  const { source, destination } = ends;
  return buildEthernet({
    source: hop.sourceMac,
    destination: hop.destinationMac,
    etherType: ETHER_TYPES.ipv4,
    payload: buildIpv4({ source, destination, protocol, payload }),
  });
}
