/** UDP (RFC 768), TCP (RFC 9293) and ICMP (RFC 792) inside an IPv4 packet. */
import { ipv4Bytes } from './address.ts';
import { internetChecksum, transportChecksum } from './checksum.ts';
import { IP_PROTOCOLS } from './ip.ts';

export interface UdpDatagram {
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** By its own header: header and payload. */
  readonly length: number;
  readonly payload: Buffer;
  /** Bytes of the packet that the UDP length leaves out. */
  readonly tail: Buffer;
}

export interface TcpSegment {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly flags: { readonly [flag in TcpFlag]: boolean };
  readonly payload: Buffer;
}

const TCP_FLAGS = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg'] as const;
type TcpFlag = (typeof TCP_FLAGS)[number];

export interface IcmpMessage {
  readonly type: number;
  readonly code: number;
  readonly checksumRight: boolean;
  /** Of an echo request (type 8) or reply (type 0). */
  readonly echo: { readonly identifier: number; readonly sequence: number; readonly data: Buffer } | undefined;
}

/** Where a segment comes from and goes to, addresses as text. */
export interface Flow {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

const UDP_HEADER = 8;
const TCP_HEADER = 20;
const ICMP_HEADER = 8;

export function parseUdp(bytes: Buffer): UdpDatagram | undefined {
  if (bytes.length < UDP_HEADER) return undefined;
  const length = bytes.readUInt16BE(4);
  if (length < UDP_HEADER || length > bytes.length) return undefined;
  return {
    sourcePort: bytes.readUInt16BE(0),
    destinationPort: bytes.readUInt16BE(2),
    length,
    payload: bytes.subarray(UDP_HEADER, length),
    tail: bytes.subarray(length),
  };
}

export function buildUdp(flow: Flow, payload: Buffer): Buffer {
  const segment = Buffer.alloc(UDP_HEADER + payload.length);
  segment.writeUInt16BE(flow.sourcePort, 0);
  segment.writeUInt16BE(flow.destinationPort, 2);
  segment.writeUInt16BE(segment.length, 4);
  payload.copy(segment, UDP_HEADER);
  // 0 says "no checksum"; a sum that comes out as 0 is sent as all ones.
  segment.writeUInt16BE(checksumOf(flow, IP_PROTOCOLS.udp, segment) || 0xffff, 6);
  return segment;
}

export function parseTcp(bytes: Buffer): TcpSegment | undefined {
  if (bytes.length < TCP_HEADER) return undefined;
  const headerBytes = (bytes.readUInt8(12) >>> 4) * 4;
  if (headerBytes < TCP_HEADER || headerBytes > bytes.length) return undefined;
  const flagBits = bytes.readUInt8(13);
  const flag = (name: TcpFlag) => (flagBits & (1 << TCP_FLAGS.indexOf(name))) !== 0;
  return {
    sourcePort: bytes.readUInt16BE(0),
    destinationPort: bytes.readUInt16BE(2),
    sequence: bytes.readUInt32BE(4),
    acknowledgement: bytes.readUInt32BE(8),
    flags: {
      fin: flag('fin'),
      syn: flag('syn'),
      rst: flag('rst'),
      psh: flag('psh'),
      ack: flag('ack'),
      urg: flag('urg'),
    },
    payload: bytes.subarray(headerBytes),
  };
}

/** The first segment of a connection, without options. */
export function buildTcpSyn(flow: Flow, sequence: number): Buffer {
  const segment = Buffer.alloc(TCP_HEADER);
  segment.writeUInt16BE(flow.sourcePort, 0);
  segment.writeUInt16BE(flow.destinationPort, 2);
  segment.writeUInt32BE(sequence, 4);
  segment.writeUInt8((TCP_HEADER / 4) << 4, 12);
  segment.writeUInt8(1 << TCP_FLAGS.indexOf('syn'), 13);
  segment.writeUInt16BE(0xffff, 14);
  segment.writeUInt16BE(checksumOf(flow, IP_PROTOCOLS.tcp, segment), 16);
  return segment;
}

export function parseIcmp(bytes: Buffer): IcmpMessage | undefined {
  if (bytes.length < ICMP_HEADER) return undefined;
  const type = bytes.readUInt8(0);
  const echo = type === 8 || type === 0;
  return {
    type,
    code: bytes.readUInt8(1),
    checksumRight: internetChecksum(bytes) === 0,
    echo: echo
      ? { identifier: bytes.readUInt16BE(4), sequence: bytes.readUInt16BE(6), data: bytes.subarray(ICMP_HEADER) }
      : undefined,
  };
}

export function buildIcmpEcho(
  kind: 'request' | 'reply',
  echo: { readonly identifier: number; readonly sequence: number; readonly data: Buffer },
): Buffer {
  const message = Buffer.alloc(ICMP_HEADER + echo.data.length);
  message.writeUInt8(kind === 'request' ? 8 : 0, 0);
  message.writeUInt16BE(echo.identifier, 4);
  message.writeUInt16BE(echo.sequence, 6);
  echo.data.copy(message, ICMP_HEADER);
  message.writeUInt16BE(internetChecksum(message), 2);
  return message;
}

function checksumOf(flow: Flow, protocol: number, segment: Buffer): number {
  return transportChecksum(ipv4Bytes(flow.source), ipv4Bytes(flow.destination), protocol, segment);
}
