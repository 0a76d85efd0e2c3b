/** SOCKS version 5 as bytes: RFC 1928, and RFC 1929 for the password. Pure; what is read is a stranger's. */
import { ipv4Text } from '../frame/index.ts';

/** What the bytes so far amount to. `rest`: what came behind it. */
export type Reading<T> =
  | { readonly kind: 'more' }
  | { readonly kind: 'garbled' }
  | { readonly kind: 'read'; readonly value: T; readonly rest: Buffer };

export const METHODS = { none: 0x00, password: 0x02, unacceptable: 0xff } as const;

export const REPLIES = {
  succeeded: 0x00,
  failed: 0x01,
  notAllowed: 0x02,
  hostUnreachable: 0x04,
  refused: 0x05,
  commandUnknown: 0x07,
  addressUnknown: 0x08,
} as const;

export const VERSION = 5;
const LOGIN_VERSION = 1;
const CONNECT = 1;
const ADDRESS_TYPES = { ipv4: 1, name: 3, ipv6: 4 } as const;

export interface Login {
  readonly user: string;
  readonly password: string;
}

/** `refusal`: a well-formed request for what this proxy does not do, as the reply that says so. */
export type SocksRequest =
  | { readonly kind: 'connect'; readonly host: string; readonly port: number }
  | { readonly kind: 'refusal'; readonly reply: number };

const MORE = { kind: 'more' } as const;
const GARBLED = { kind: 'garbled' } as const;

/** The client's first words: the methods of authentication it knows. */
export function readMethods(bytes: Buffer): Reading<readonly number[]> {
  const [version, count] = bytes;
  if (version !== undefined && version !== VERSION) return GARBLED;
  if (count === undefined) return MORE;
  if (count === 0) return GARBLED;
  return bytes.length < 2 + count ? MORE : read([...bytes.subarray(2, 2 + count)], bytes, 2 + count);
}

export function readLogin(bytes: Buffer): Reading<Login> {
  const [version, userLength] = bytes;
  if (version !== undefined && version !== LOGIN_VERSION) return GARBLED;
  if (userLength === undefined) return MORE;
  const passwordLength = bytes[2 + userLength];
  if (passwordLength === undefined) return MORE;
  const end = 3 + userLength + passwordLength;
  if (bytes.length < end) return MORE;
  const user = bytes.toString('latin1', 2, 2 + userLength);
  return read({ user, password: bytes.toString('latin1', 3 + userLength, end) }, bytes, end);
}

export function readRequest(bytes: Buffer): Reading<SocksRequest> {
  const [version, command, reserved, type, length] = bytes;
  if (version !== undefined && version !== VERSION) return GARBLED;
  if (reserved !== undefined && reserved !== 0) return GARBLED;
  if (type === undefined) return MORE;
  const start = type === ADDRESS_TYPES.name ? 5 : 4;
  const size = { [ADDRESS_TYPES.ipv4]: 4, [ADDRESS_TYPES.ipv6]: 16, [ADDRESS_TYPES.name]: length }[type];
  if (size === undefined) return type === ADDRESS_TYPES.name ? MORE : GARBLED;
  const end = start + size + 2;
  if (bytes.length < end) return MORE;
  const host = type === ADDRESS_TYPES.ipv4 ? ipv4Text(bytes, start) : bytes.toString('latin1', start, start + size);
  return read(judge(command, type, host, bytes.readUInt16BE(end - 2)), bytes, end);
}

function judge(command: number | undefined, type: number, host: string, port: number): SocksRequest {
  if (command !== CONNECT) return { kind: 'refusal', reply: REPLIES.commandUnknown };
  if (type === ADDRESS_TYPES.ipv6) return { kind: 'refusal', reply: REPLIES.addressUnknown };
  if (port === 0 || host === '') return { kind: 'refusal', reply: REPLIES.failed };
  return { kind: 'connect', host, port };
}

export function methodReply(method: number): Buffer {
  return Buffer.from([VERSION, method]);
}

export function loginReply(accepted: boolean): Buffer {
  return Buffer.from([LOGIN_VERSION, accepted ? 0 : 1]);
}

/** The address bound is nobody's business: all zeros, as RFC 1928 leaves room for. */
export function requestReply(reply: number): Buffer {
  return Buffer.from([VERSION, reply, 0, ADDRESS_TYPES.ipv4, 0, 0, 0, 0, 0, 0]);
}

function read<T>(value: T, bytes: Buffer, end: number): Reading<T> {
  return { kind: 'read', value, rest: bytes.subarray(end) };
}
