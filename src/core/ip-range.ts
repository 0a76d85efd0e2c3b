/** Addresses of either family: an IPv4 one is a number, an IPv6 one a bigint, and no address lies in the other's range. */
import { type Ipv4Range, ipv4Range } from './ipv4.ts';
import { type Ipv6Range, ipv6Range } from './ipv6.ts';

export type IpValue = number | bigint;
export type IpRange = Ipv4Range | Ipv6Range;

/** The addresses of a prefix, host bits ignored; undefined for what is none. */
export function ipRange(prefix: string): IpRange | undefined {
  return ipv4Range(prefix) ?? ipv6Range(prefix);
}

export function inRange(value: IpValue, { first, last }: IpRange): boolean {
  // JavaScript compares 1 with 1n.
  return typeof value === typeof first && first <= value && value <= last;
}
