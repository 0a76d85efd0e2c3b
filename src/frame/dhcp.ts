/** DHCP messages: RFC 2131, options RFC 2132. Options overloaded into `sname` or `file` are not read. */
import { ipv4Bytes, ipv4Text, macBytes, macText } from './address.ts';

export const DHCP_PORTS = { server: 67, client: 68 } as const;
export const DHCP_TYPES = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
  inform: 8,
} as const;
export const DHCP_OPTIONS = {
  requestedAddress: 50,
  messageType: 53,
  serverIdentifier: 54,
  parameterList: 55,
  maximumSize: 57,
  clientIdentifier: 61,
} as const;

export interface DhcpMessage {
  /** 1: client to server, 2: server to client. */
  readonly operation: number;
  readonly transaction: number;
  readonly flags: number;
  readonly clientAddress: string;
  readonly yourAddress: string;
  readonly serverAddress: string;
  readonly relayAddress: string;
  readonly clientMac: string;
  /** True when `hops`, the 10 bytes after the MAC, `sname` and `file` are all zero, as a client leaves them. */
  readonly spareZero: boolean;
  /** In the order they came; RFC 3396 long options are not joined. */
  readonly options: readonly { readonly code: number; readonly value: Buffer }[];
  /** Bytes after the end option. */
  readonly tail: Buffer;
}

const FIXED = 236;
const COOKIE = 0x63825363;
const END = 255;

/** The payload of a UDP datagram between ports 67 and 68; undefined without hardware type Ethernet, cookie and end. */
export function parseDhcp(bytes: Buffer): DhcpMessage | undefined {
  if (bytes.length < FIXED + 4 || bytes.readUInt8(1) !== 1 || bytes.readUInt8(2) !== 6) return undefined;
  if (bytes.readUInt32BE(FIXED) !== COOKIE) return undefined;
  const options: { code: number; value: Buffer }[] = [];
  let at = FIXED + 4;
  for (;;) {
    const code = bytes[at];
    if (code === undefined) return undefined;
    at += 1;
    if (code === END) break;
    if (code === 0) continue;
    const length = bytes[at];
    if (length === undefined || at + 1 + length > bytes.length) return undefined;
    options.push({ code, value: bytes.subarray(at + 1, at + 1 + length) });
    at += 1 + length;
  }
  return {
    operation: bytes.readUInt8(0),
    transaction: bytes.readUInt32BE(4),
    flags: bytes.readUInt16BE(10),
    clientAddress: ipv4Text(bytes, 12),
    yourAddress: ipv4Text(bytes, 16),
    serverAddress: ipv4Text(bytes, 20),
    relayAddress: ipv4Text(bytes, 24),
    clientMac: macText(bytes, 28),
    spareZero: bytes[3] === 0 && bytes.subarray(34, FIXED).every((byte) => byte === 0),
    options,
    tail: bytes.subarray(at),
  };
}

export interface DhcpClientFields {
  readonly type: number;
  readonly mac: string;
  readonly transaction: number;
  readonly clientAddress?: string;
  readonly options?: readonly { readonly code: number; readonly value: Buffer }[];
}

/** What a client sends: `options` follow the message type. */
export function buildDhcpClient(fields: DhcpClientFields): Buffer {
  const fixed = Buffer.alloc(FIXED + 4);
  fixed.set([1, 1, 6, 0], 0);
  fixed.writeUInt32BE(fields.transaction, 4);
  ipv4Bytes(fields.clientAddress ?? '0.0.0.0').copy(fixed, 12);
  macBytes(fields.mac).copy(fixed, 28);
  fixed.writeUInt32BE(COOKIE, FIXED);
  const all = [{ code: DHCP_OPTIONS.messageType, value: Buffer.from([fields.type]) }, ...(fields.options ?? [])];
  const options = all.flatMap(({ code, value }) => [Buffer.from([code, value.length]), value]);
  return Buffer.concat([fixed, ...options, Buffer.from([END])]);
}
