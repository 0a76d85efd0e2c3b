/** Renders a planned canary into the frame that is put on the probe link. */
import { Address6 } from 'ip-address';
import type { Canary } from '../../core/checks/canary-plan.ts';
import {
  BROADCAST_MAC,
  buildEthernet,
  dnsQueryFrame,
  ETHER_TYPES,
  type Hop,
  IP_PROTOCOLS,
  icmpEchoFrame,
  tcpSynFrame,
  transportChecksum,
  udpFrame,
} from '../../frame/index.ts';

/** Source ports of canaries, one each, so that an answer tells which one it answers. */
export const FIRST_SOURCE_PORT = 20_000;

/**
 * `mark` goes into the payload; a TCP SYN has none, but on the uplink it is foreign: no VPN's TCP has its port. Addressed to
 * the gateway's card whatever the destination: its filter would hide a multicast frame it has not subscribed to.
 */
export function renderCanary(canary: Canary, index: number, mark: string, link: Hop): Buffer {
  const { kind, source, destination } = canary;
  const hop = destination === '255.255.255.255' ? { ...link, destinationMac: BROADCAST_MAC } : link;
  const flow = { source, destination, sourcePort: FIRST_SOURCE_PORT + index };
  const payload = Buffer.from(mark, 'latin1');
  switch (kind.protocol) {
    case 'udp':
      return udpFrame(hop, { ...flow, destinationPort: kind.port }, payload);
    case 'tcp-syn':
      return tcpSynFrame(hop, { ...flow, destinationPort: kind.port }, index);
    case 'icmp':
      return icmpEchoFrame(hop, flow, { identifier: flow.sourcePort, sequence: 1, data: payload });
    case 'dns':
      return dnsQueryFrame(hop, flow, { id: flow.sourcePort, name: `${mark}.invalid` });
    case 'wireguard':
      return udpFrame(hop, { ...flow, destinationPort: kind.port }, wireguardData(payload));
    case 'openvpn':
      return udpFrame(hop, { ...flow, destinationPort: kind.port }, openvpnData(payload));
    case 'ipsec':
      return udpFrame(hop, { ...flow, destinationPort: kind.port }, esp(payload));
    case 'openconnect':
      return udpFrame(hop, { ...flow, destinationPort: kind.port }, dtlsData(payload));
    case 'udp6':
      return udp6Frame(hop, { ...flow, destinationPort: kind.port }, payload);
  }
}

/** Type 4 with a receiver index and a counter, then "ciphertext" padded to 16 bytes: whitepaper, section 5.4.6. */
function wireguardData(payload: Buffer): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt8(4, 0);
  const padded = Buffer.alloc(Math.ceil(payload.length / 16) * 16 + 16);
  payload.copy(padded);
  return Buffer.concat([header, padded]);
}

/** P_DATA_V2 with key 0 for peer 0: packet number, tag, "ciphertext" (OpenVPN 2.6, src/openvpn/ssl_pkt.h). */
function openvpnData(payload: Buffer): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt8(9 << 3, 0);
  header.writeUInt32BE(1, 4);
  return Buffer.concat([header, payload]);
}

/** Index, number and "ciphertext", of a length that ESP has (RFC 4303, section 2). */
function esp(payload: Buffer): Buffer {
  const packet = Buffer.alloc(64 + Math.ceil(payload.length / 4) * 4);
  packet.writeUInt32BE(0xc0ffee01, 0);
  packet.writeUInt32BE(1, 4);
  payload.copy(packet, 16);
  return packet;
}

/** A record of data under the first key: type, version, epoch, number, length, "ciphertext" (RFC 6347, section 4.1). */
function dtlsData(payload: Buffer): Buffer {
  const body = Buffer.concat([payload, Buffer.alloc(17)]);
  const header = Buffer.from('17fefd0001000000000001', 'hex');
  const length = Buffer.alloc(2);
  length.writeUInt16BE(body.length, 0);
  return Buffer.concat([header, length, body]);
}

interface Flow6 {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

function udp6Frame(hop: Hop, flow: Flow6, payload: Buffer): Buffer {
  const [source, destination] = [bytes6(flow.source), bytes6(flow.destination)];
  const datagram = Buffer.alloc(8 + payload.length);
  datagram.writeUInt16BE(flow.sourcePort, 0);
  datagram.writeUInt16BE(flow.destinationPort, 2);
  datagram.writeUInt16BE(datagram.length, 4);
  payload.copy(datagram, 8);
  datagram.writeUInt16BE(transportChecksum(source, destination, IP_PROTOCOLS.udp, datagram) || 0xffff, 6);
  const header = Buffer.alloc(8);
  header.writeUInt8(0x60, 0);
  header.writeUInt16BE(datagram.length, 4);
  header.writeUInt8(IP_PROTOCOLS.udp, 6);
  header.writeUInt8(64, 7);
  return buildEthernet({
    source: hop.sourceMac,
    destination: hop.destinationMac,
    etherType: ETHER_TYPES.ipv6,
    payload: Buffer.concat([header, source, destination, datagram]),
  });
}

function bytes6(address: string): Buffer {
  return Buffer.from(new Address6(address).canonicalForm().replaceAll(':', ''), 'hex');
}
