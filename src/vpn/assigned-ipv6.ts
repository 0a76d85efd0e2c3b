/**
 * What a server says of IPv6, judged. It is beside IPv4, which a gate cannot do without: whatever is wrong with it means
 * that work VMs have none, and why, and not that the gate stays closed.
 */
import { isReachableIpv6 } from '../core/address-class6.ts';
import { within } from '../core/checks/prefix.ts';
import { canonicalIpv6, IPV6_LEAST_MTU, ipv6Overlap, ipv6ToNumber, numberToIpv6 } from '../core/ipv6.ts';
import { MAX_DNS } from './kind.ts';
import type { PossibleIpv6, TunnelIpv6 } from './tunnel-plan.ts';
import { coversIpv6 } from './values.ts';

/** As the server worded it. */
export interface SaidIpv6 {
  readonly address: string;
  /** Prefixes that it carries. */
  readonly routes: readonly string[];
  readonly resolvers: readonly string[];
}

export type JudgedIpv6 = { readonly ipv6: TunnelIpv6 } | { readonly why: string };

const EVERYTHING = '::/0';
/** Every global address there is (RFC 4291, section 2.4; IANA gives out of no other). */
const GLOBAL = '2000::/3';
/** More than a provider has; the gateway's tables are small. */
const MAX_ROUTES = 32;
/** Wider than anybody's own network (RFC 4193: 48 bits): what the links have is inside of such a one, and goes first. */
const WIDE = 32;

/** @param taken prefixes of IPv6 that mean something else already: the gate's links */
export function judgeIpv6(
  said: SaidIpv6,
  possible: PossibleIpv6,
  mtu: number,
  taken: readonly string[],
  ownResolvers: boolean,
): JudgedIpv6 {
  const [address, fault] = judgeAddress(said.address, taken);
  if (fault !== undefined) return { why: fault };
  if (mtu < IPV6_LEAST_MTU) {
    return { why: `it needs packets of ${IPV6_LEAST_MTU} bytes (RFC 8200), and the tunnel's have ${mtu}` };
  }
  const routes = routesOf([...possible.routes, ...(possible.serverRoutes ? said.routes : [])]);
  if (routes.length === 0) return { why: 'neither profile nor server says what it carries of it' };
  if (routes.length > MAX_ROUTES) return { why: `the server names more than ${MAX_ROUTES} prefixes of it` };
  const clash = routes.find((route) => !isWide(route) && taken.some((prefix) => ipv6Overlap(route, prefix)));
  if (clash !== undefined) return { why: `${clash} is on this side of the tunnel too` };
  const resolvers = said.resolvers
    .flatMap((text) => judgeAddress(text, taken)[0] ?? [])
    .filter((resolver) => routes.some((route) => within(resolver, route)));
  return {
    ipv6: {
      addresses: [`${address}/128`],
      routes,
      resolvers: ownResolvers ? [] : [...new Set(resolvers)].slice(0, MAX_DNS),
    },
  };
}

/** The address in its one form, or what is wrong with it. */
function judgeAddress(
  text: string,
  taken: readonly string[],
): readonly [string, undefined] | readonly [undefined, string] {
  const shown = JSON.stringify(text.slice(0, 50));
  const value = ipv6ToNumber(text);
  if (value === undefined) return [undefined, `the server gave ${shown}, which is no IPv6 address`];
  if (!isReachableIpv6(text)) return [undefined, `the server gave ${shown}, and no machine can be reached at it`];
  const clash = taken.find((prefix) => ipv6Overlap(text, prefix));
  if (clash !== undefined) return [undefined, `the server gave ${shown}, and ${clash} is on this side of the tunnel`];
  return [numberToIpv6(value), undefined];
}

/** Those that lead to machines, each once; all of it where they cover every global address. */
function routesOf(said: readonly string[]): readonly string[] {
  const routes = [...new Set(said.flatMap((route) => canonicalIpv6(route) ?? []))];
  if (coversIpv6(routes, GLOBAL)) return [EVERYTHING];
  return routes.filter((route) => isReachableIpv6(route.replace(/\/.*/, '')));
}

function isWide(route: string): boolean {
  return Number(route.split('/')[1]) < WIDE;
}
