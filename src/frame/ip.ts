/** IPv4 (RFC 791) packets; of IPv6 (RFC 8200) only the fixed header, to name what is dropped. */
import { ipv4Bytes, ipv4Text } from './address.ts';
import { internetChecksum } from './checksum.ts';

export const IP_PROTOCOLS = { icmp: 1, igmp: 2, tcp: 6, udp: 17, gre: 47, esp: 50, icmpv6: 58 } as const;

export interface Ipv4Packet {
  readonly headerBytes: number;
  readonly totalLength: number;
  readonly identification: number;
  /** RFC 791: must be zero. */
  readonly reservedFlag: boolean;
  readonly dontFragment: boolean;
  readonly moreFragments: boolean;
  /** Bytes. */
  readonly fragmentOffset: number;
  readonly ttl: number;
  readonly protocol: number;
  readonly checksumRight: boolean;
  readonly source: string;
  readonly destination: string;
  readonly payload: Buffer;
  /** Bytes after the packet's own length, e.g. padding to the minimum frame. */
  readonly tail: Buffer;
}

const HEADER = 20;
const IPV6_HEADER = 40;

export function parseIpv4(bytes: Buffer): Ipv4Packet | undefined {
  const first = bytes[0];
  if (first === undefined || first >>> 4 !== 4 || bytes.length < HEADER) return undefined;
  const headerBytes = (first & 0x0f) * 4;
  const totalLength = bytes.readUInt16BE(2);
  if (headerBytes < HEADER || totalLength < headerBytes || totalLength > bytes.length) return undefined;
  const fragment = bytes.readUInt16BE(6);
  return {
    headerBytes,
    totalLength,
    identification: bytes.readUInt16BE(4),
    reservedFlag: (fragment & 0x8000) !== 0,
    dontFragment: (fragment & 0x4000) !== 0,
    moreFragments: (fragment & 0x2000) !== 0,
    fragmentOffset: (fragment & 0x1fff) * 8,
    ttl: bytes.readUInt8(8),
    protocol: bytes.readUInt8(9),
    checksumRight: internetChecksum(bytes.subarray(0, headerBytes)) === 0,
    source: ipv4Text(bytes, 12),
    destination: ipv4Text(bytes, 16),
    payload: bytes.subarray(headerBytes, totalLength),
    tail: bytes.subarray(totalLength),
  };
}

export interface Ipv4Fields {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly payload: Buffer;
  readonly ttl?: number;
  readonly identification?: number;
}

/** A packet without options that may not be fragmented. @throws RangeError on a garbled address or over 65,535 bytes. */
export function buildIpv4({
  source,
  destination,
  protocol,
  payload,
  ttl = 64,
  identification = 0,
}: Ipv4Fields): Buffer {
  const header = Buffer.alloc(HEADER);
  header.writeUInt8(0x45, 0);
  header.writeUInt16BE(HEADER + payload.length, 2);
  header.writeUInt16BE(identification, 4);
  header.writeUInt16BE(0x4000, 6);
  header.writeUInt8(ttl, 8);
  header.writeUInt8(protocol, 9);
  ipv4Bytes(source).copy(header, 12);
  ipv4Bytes(destination).copy(header, 16);
  header.writeUInt16BE(internetChecksum(header), 10);
  return Buffer.concat([header, payload]);
}

export interface Ipv6Header {
  /** Payload length by the header, bytes. */
  readonly payloadLength: number;
  /** Of the first header after the fixed one. */
  readonly nextHeader: number;
  readonly hopLimit: number;
  /** Eight uncompressed groups. */
  readonly source: string;
  readonly destination: string;
}

export function parseIpv6(bytes: Buffer): Ipv6Header | undefined {
  if (bytes.length < IPV6_HEADER || bytes.readUInt8(0) >>> 4 !== 6) return undefined;
  return {
    payloadLength: bytes.readUInt16BE(4),
    nextHeader: bytes.readUInt8(6),
    hopLimit: bytes.readUInt8(7),
    source: ipv6Text(bytes, 8),
    destination: ipv6Text(bytes, 24),
  };
}

function ipv6Text(bytes: Buffer, offset: number): string {
  return Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(offset + group * 2).toString(16)).join(':');
}
