/** TCP segments as an attacker or a machine of a test's or drill's own sends them, with any flags and any payload. */
import { ipv4Bytes } from './address.ts';
import { transportChecksum } from './checksum.ts';
import { IP_PROTOCOLS } from './ip.ts';
import { type Hop, ipv4Frame } from './packets.ts';
import type { Flow } from './transport.ts';

export const TCP_FLAGS = { fin: 0x01, syn: 0x02, rst: 0x04, psh: 0x08, ack: 0x10 } as const;

export interface Segment {
  readonly flags: number;
  readonly sequence: number;
  readonly acknowledgement?: number;
  readonly window?: number;
  readonly payload?: Buffer;
}

export function tcpFrame(hop: Hop, flow: Flow, segment: Segment): Buffer {
  const { flags, sequence, acknowledgement = 0, window = 0xffff, payload = Buffer.alloc(0) } = segment;
  const bytes = Buffer.concat([Buffer.alloc(20), payload]);
  bytes.writeUInt16BE(flow.sourcePort, 0);
  bytes.writeUInt16BE(flow.destinationPort, 2);
  bytes.writeUInt32BE(sequence, 4);
  bytes.writeUInt32BE(acknowledgement, 8);
  bytes.writeUInt16BE(0x5000 | flags, 12);
  bytes.writeUInt16BE(window, 14);
  const [source, destination] = [ipv4Bytes(flow.source), ipv4Bytes(flow.destination)];
  bytes.writeUInt16BE(transportChecksum(source, destination, IP_PROTOCOLS.tcp, bytes), 16);
  return ipv4Frame(hop, flow, IP_PROTOCOLS.tcp, bytes);
}
