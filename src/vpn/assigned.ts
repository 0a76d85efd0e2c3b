/**
 * What a server says of the tunnel's inside, judged: nothing of it has had any effect yet. Routes of IPv4 are not among it,
 * those of IPv6 only as far as that means less (assigned-ipv6.ts).
 */
import { classifyAddress } from '../core/address-class.ts';
import { VmgateError } from '../core/coded.ts';
import { ipv4ToNumber } from '../core/ipv4.ts';
import { judgeIpv6, type SaidIpv6 } from './assigned-ipv6.ts';
import { errors } from './codes.ts';
import { MAX_DNS } from './kind.ts';
import type { TunnelInside, TunnelPlan } from './tunnel-plan.ts';
import { coversAddress, isHostName, type Prefix, parsePrefix } from './values.ts';

/** Smallest MTU of IPv4 that hosts must take (RFC 791, 576) and what a server may lower it to. */
const LEAST_MTU = 576;

/** As the server worded it. */
export interface SaidInside {
  readonly address: string | undefined;
  readonly resolvers: readonly string[];
  readonly domains: readonly string[];
  readonly mtu: number | undefined;
  /** Undefined: it gave none. */
  readonly ipv6?: SaidIpv6 | undefined;
}

export interface JudgedInside {
  readonly inside: TunnelInside;
  /** Why there is no IPv6, though the server gave some. */
  readonly ipv6Off?: string | undefined;
}

/**
 * @param taken prefixes of both families that mean something else already: the gate's links, its uplink
 * @throws VPN_ASSIGNED_INVALID, VPN_ASSIGNED_NO_DNS
 */
export function judgeInside(said: SaidInside, plan: TunnelPlan, taken: readonly string[]): JudgedInside {
  const address = hostAddress(said.address ?? '', 'the address inside the tunnel', taken);
  const resolvers = plan.resolvers.length > 0 ? plan.resolvers : said.resolvers.slice(0, MAX_DNS);
  for (const resolver of resolvers) {
    hostAddress(resolver, 'a DNS server', taken);
    if (!coversAddress(prefixesOf(plan.routes), resolver)) {
      throw invalid('a DNS server', resolver, 'no route of the profile leads there through the tunnel');
    }
  }
  if (resolvers.length === 0) throw VmgateError.of(errors.VPN_ASSIGNED_NO_DNS, {});
  const domains = said.domains.filter(isHostName).map((domain) => domain.toLowerCase());
  const mtu = Math.max(LEAST_MTU, Math.min(plan.mtu, said.mtu ?? plan.mtu));
  const inside: TunnelInside = {
    addresses: [`${address}/32`],
    resolvers: [...new Set(resolvers)],
    searchDomains: [...new Set([...plan.searchDomains, ...domains])].slice(0, MAX_DNS),
    mtu,
  };
  if (said.ipv6 === undefined || plan.possibleIpv6 === undefined) return { inside };
  const judged = judgeIpv6(said.ipv6, plan.possibleIpv6, mtu, taken, plan.resolvers.length > 0);
  return 'why' in judged ? { inside, ipv6Off: judged.why } : { inside: { ...inside, ipv6: judged.ipv6 } };
}

function hostAddress(text: string, what: string, taken: readonly string[]): string {
  if (ipv4ToNumber(text) === undefined) throw invalid(what, text, 'it is no IPv4 address');
  const { admission, meaning, class: kind } = classifyAddress(text);
  if (admission === 'forbidden' || kind === 'unspecified') throw invalid(what, text, `it means ${meaning}`);
  const clash = taken.find((prefix) => coversAddress(prefixesOf([prefix]), text));
  if (clash !== undefined) throw invalid(what, text, `${clash} is on this side of the tunnel`);
  return text;
}

function prefixesOf(texts: readonly string[]): readonly Prefix[] {
  return texts.flatMap((text) => parsePrefix(text) ?? []);
}

function invalid(what: string, value: string, why: string): VmgateError {
  return VmgateError.of(errors.VPN_ASSIGNED_INVALID, { what, value: value.slice(0, 80), why });
}
