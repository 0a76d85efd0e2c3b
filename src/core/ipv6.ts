/** IPv6 addresses as numbers, 0..2^128-1: bigints, which no IPv4 address is, so that neither is taken for the other. */
import { Address6 } from 'ip-address';

/** Text without a zone or a prefix length (RFC 4291, section 2.2): else undefined. */
export function ipv6ToNumber(text: string): bigint | undefined {
  return /^[0-9a-fA-F:.]{2,45}$/.test(text) && Address6.isValid(text) ? new Address6(text).bigInt() : undefined;
}

/** Twin of {@link ipv6ToNumber}: RFC 5952, as inet_ntop(3), nft and ip print it. */
export function numberToIpv6(value: bigint): string {
  const address = Address6.fromBigInt(value);
  // inet_ntop(3) writes what stands for an IPv4 address with that address in it.
  return value >> 32n === 0xffffn ? `::ffff:${address.to4().correctForm()}` : address.correctForm();
}

export interface Ipv6Range {
  readonly first: bigint;
  readonly last: bigint;
}

/** The addresses of a prefix like `2001:db8::2/32`, host bits ignored; without a length, that one address. */
export function ipv6Range(prefix: string): Ipv6Range | undefined {
  const [address = '', bits = '128', ...more] = prefix.split('/');
  const value = ipv6ToNumber(address);
  if (value === undefined || more.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(bits) || Number(bits) > 128)
    return undefined;
  const size = 1n << (128n - BigInt(bits));
  const first = value - (value % size);
  return { first, last: first + size - 1n };
}

/** A prefix in its one form, host bits cleared: `2001:db8::/32`. */
export function canonicalIpv6(prefix: string): string | undefined {
  const range = ipv6Range(prefix);
  return range === undefined ? undefined : `${numberToIpv6(range.first)}/${prefix.split('/')[1] ?? '128'}`;
}

/** Whether two prefixes have an address in common; what cannot be read has none. */
export function ipv6Overlap(one: string, other: string): boolean {
  const [left, right] = [ipv6Range(one), ipv6Range(other)];
  return left !== undefined && right !== undefined && left.first <= right.last && right.first <= left.last;
}

/** Below this no link may carry IPv6 at all (RFC 8200, section 5); Linux takes it off such a card. */
export const IPV6_LEAST_MTU = 1_280;
