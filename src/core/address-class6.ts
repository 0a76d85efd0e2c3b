/**
 * What kind of IPv6 address something is said to be at, for those who connect there through the tunnel. IANA IPv6
 * special-purpose address registry (RFC 6890).
 */
import { inRange, ipRange } from './ip-range.ts';
import { ipv6ToNumber } from './ipv6.ts';

type Ipv6Class = 'machine itself' | 'neighbour' | 'group' | 'IPv4' | 'private' | 'global';

const RANGES: readonly (readonly [prefix: string, kind: Ipv6Class])[] = [
  ['::/127', 'machine itself'],
  ['::ffff:0.0.0.0/96', 'IPv4'],
  ['fe80::/10', 'neighbour'],
  ['ff00::/8', 'group'],
  ['fc00::/7', 'private'],
  ['fec0::/10', 'private'],
];

/** Undefined for what is no IPv6 address. */
export function classifyIpv6(address: string): Ipv6Class | undefined {
  const value = ipv6ToNumber(address);
  if (value === undefined) return undefined;
  const found = RANGES.find(([prefix]) => {
    const range = ipRange(prefix);
    return range !== undefined && inRange(value, range);
  });
  return found?.[1] ?? 'global';
}

/** Whether a machine elsewhere can have that address and be reached at it. */
export function isReachableIpv6(address: string): boolean {
  const kind = classifyIpv6(address);
  return kind === 'private' || kind === 'global';
}
