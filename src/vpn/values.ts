/** Parsers for the values of single settings. Each returns undefined for what it does not understand; none throws. */
import { isIPv6 } from 'node:net';
import { type AddressClass, classifyAddress } from '../core/address-class.ts';
import { type Ipv4Range, ipv4Range, ipv4ToNumber, numberToIpv4 } from '../core/ipv4.ts';
import { canonicalIpv6, ipv6Range } from '../core/ipv6.ts';

export interface Prefix {
  readonly family: 4 | 6;
  /** Host bits as written. */
  readonly address: string;
  readonly length: number;
}

/** `10.0.0.2/24`, `10.0.0.2` (then /32), `fd00::2/64`. */
export function parsePrefix(text: string): Prefix | undefined {
  const match = /^([0-9a-fA-F:.]+)(?:\/(\d{1,3}))?$/.exec(text);
  const address = match?.[1];
  if (address === undefined) return undefined;
  const family = ipv4ToNumber(address) !== undefined ? 4 : isIPv6(address) ? 6 : undefined;
  if (family === undefined) return undefined;
  const bits = family === 4 ? 32 : 128;
  const length = match?.[2] === undefined ? bits : Number(match[2]);
  return length > bits ? undefined : { family, address: address.toLowerCase(), length };
}

/** Classes that are no machine's address inside a tunnel: a DNS server 127.0.0.1 would be the gateway's own. */
const NO_HOST: readonly AddressClass[] = ['unspecified', 'loopback', 'multicast', 'broadcast'];

/** {@link parsePrefix} for the address of one machine. */
export function parseHostPrefix(text: string): Prefix | undefined {
  const prefix = parsePrefix(text);
  const impossible = prefix?.family === 4 && NO_HOST.includes(classifyAddress(prefix.address).class);
  return impossible ? undefined : prefix;
}

export function formatPrefix({ address, length }: Prefix): string {
  return `${address}/${length}`;
}

/** The network a prefix names, host bits cleared, as the kernel does with AllowedIPs. */
export function networkOf(prefix: Prefix): string {
  if (prefix.family === 6) return canonicalIpv6(formatPrefix(prefix)) ?? formatPrefix(prefix);
  const range = ipv4Range(formatPrefix(prefix));
  return range === undefined ? formatPrefix(prefix) : `${numberToIpv4(range.first)}/${prefix.length}`;
}

export function coversAddress(prefixes: readonly Prefix[], address: string): boolean {
  const value = ipv4ToNumber(address);
  return value !== undefined && rangesOf(prefixes).some(({ first, last }) => first <= value && value <= last);
}

/** True when the IPv4 prefixes together are the whole address space, `0.0.0.0/1, 128.0.0.0/1` included. */
export function coversEverything(prefixes: readonly Prefix[]): boolean {
  const ranges = rangesOf(prefixes).toSorted((a, b) => a.first - b.first);
  const reached = ranges.reduce((next, { first, last }) => (first <= next ? Math.max(next, last + 1) : next), 0);
  return reached === 2 ** 32;
}

/** {@link coversEverything} of IPv6. */
export function coversAllIpv6(prefixes: readonly Prefix[]): boolean {
  return coversIpv6(prefixes.map(formatPrefix), '::/0');
}

/** Whether IPv6 prefixes together hold every address of `whole`. */
export function coversIpv6(prefixes: readonly string[], whole: string): boolean {
  const range = ipv6Range(whole);
  if (range === undefined) return false;
  const sorted = prefixes.flatMap((prefix) => ipv6Range(prefix) ?? []).toSorted((a, b) => (a.first < b.first ? -1 : 1));
  const reached = sorted.reduce(
    (next, { first, last }) => (first <= next && last >= next ? last + 1n : next),
    range.first,
  );
  return reached > range.last;
}

function rangesOf(prefixes: readonly Prefix[]): readonly Ipv4Range[] {
  return prefixes.flatMap((prefix) => ipv4Range(formatPrefix(prefix)) ?? []);
}

/** Decimal digits within bounds. */
export function parseCount(text: string, low: number, high: number): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined;
  const value = Number(text);
  return value >= low && value <= high ? value : undefined;
}

/** `off` is 0, as for PersistentKeepalive. */
export function parseCountOrOff(text: string, high: number): number | undefined {
  return text.toLowerCase() === 'off' ? 0 : parseCount(text, 0, high);
}

export type ParsedEndpoint =
  | { readonly kind: 'ipv4' | 'name'; readonly host: string; readonly port: number }
  | { readonly kind: 'ipv6' };

/** `host:port`, `1.2.3.4:port`, `[v6]:port` (told apart, so that it can be refused by name). */
export function parseEndpoint(text: string): ParsedEndpoint | undefined {
  const match = /^(?:\[([^\]]*)\]|(.*)):([^:]*)$/.exec(text);
  const port = parseCount(match?.[3] ?? '', 1, 65_535);
  const bracketed = match?.[1]?.replace(/%.*$/, '');
  if (isIPv6(bracketed ?? match?.[2] ?? '') || isIPv6(text)) return { kind: 'ipv6' };
  const host = match?.[2]?.toLowerCase().replace(/\.$/, '');
  if (host === undefined || port === undefined) return undefined;
  if (ipv4ToNumber(host) !== undefined) return { kind: 'ipv4', host, port };
  return isHostName(host) ? { kind: 'name', host, port } : undefined;
}

/**
 * RFC 1123 host name. The last label must not be a number: getaddrinfo(3) reads `127.1`, `2130706433` and `0x7f.1` as
 * addresses in disguise.
 */
export function isHostName(text: string): boolean {
  const labels = text.split('.');
  const wellFormed = labels.every((label) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(label));
  return text.length <= 253 && wellFormed && !/^(\d+|0x[0-9a-f]*)$/i.test(labels.at(-1) ?? '');
}

/** A file in the profile's own folder, and nothing that leads out of it. */
export function isPlainName(name: string): boolean {
  return name.length <= 255 && /^[^./\\\0][^/\\\0]*$/.test(name);
}
