/**
 * IPv6 of the links: what IPv4 has, in the other family. Out of a link with its own prefix and MAC, into the tunnel, under
 * a lease, and back; never from link to link. What is more is neighbour discovery (RFC 4861), without which no IPv6 frame
 * finds its way: the gateway is the only router there, and hears nobody who says to be one.
 */
import type { Without } from './defence.ts';
import type { LinkIpv6, PolicyLink, TunnelPolicy } from './egress-policy.ts';
import {
  accept,
  count,
  ctState,
  drop,
  type Expression,
  field,
  fromNeighbour,
  icmpv6Types,
  iifname,
  oifname,
  prefix6,
  resetOnly,
} from './nft-expressions.ts';
import { lease } from './nft-link-parts.ts';

const LINK_LOCAL = 'fe80::/10';
const UNSPECIFIED = '::';

/** What a machine says to find the gateway, be found, and see that nobody has its address. No advertisement of a router. */
const asksNeighbours = icmpv6Types('nd-router-solicit', 'nd-neighbor-solicit', 'nd-neighbor-advert');
const answersNeighbours = icmpv6Types('nd-router-advert', 'nd-neighbor-solicit', 'nd-neighbor-advert');

/** A link, and what of it IPv6 needs. */
interface Link6 {
  readonly link: PolicyLink;
  readonly ipv6: LinkIpv6;
}

/** Those that have IPv6. */
function having(links: readonly PolicyLink[]): readonly Link6[] {
  return links.flatMap((link) => (link.ipv6 === undefined ? [] : [{ link, ipv6: link.ipv6 }]));
}

/** Who may speak, behind the rule for a link whose sources are not pinned. */
export function from6(link: PolicyLink, without: Without): Expression[][] {
  return having([link]).flatMap(({ ipv6 }) => {
    const sent = [iifname(link.ifname), field('ether', 'saddr', link.guestMac)];
    const heard = without('own-router') ? [] : [fromNeighbour, asksNeighbours];
    return [
      // Linux takes its own address from outside for a sender like any other: IPv6 knows no martian sources there.
      [...sent, field('ip6', 'saddr', ipv6.gateway, '!='), prefix6('saddr', ipv6.network), accept],
      [...sent, prefix6('saddr', LINK_LOCAL), ...heard, accept],
      [...sent, prefix6('saddr', UNSPECIFIED), ...heard, accept],
    ];
  });
}

/** To the gateway itself: its resolver, under the lease. */
export function input6(link: PolicyLink, without: Without): Expression[][] {
  return having([link]).flatMap(({ ipv6 }) => {
    const asked = [iifname(link.ifname), ...source(ipv6, without), prefix6('daddr', ipv6.gateway)];
    return [
      ...(['udp', 'tcp'] as const).map((one) => [...asked, field(one, 'dport', 53), ...lease('in', without), accept]),
      [iifname(link.ifname), ...(without('own-router') ? [fromNeighbour] : [fromNeighbour, asksNeighbours]), accept],
    ];
  });
}

/** Behind the rules of IPv4's neighbours, in front of those of the links' own networks. */
export function answers6(links: readonly PolicyLink[], tunnel: TunnelPolicy, without: Without): Expression[][] {
  if (tunnel.ipv6 === undefined) return [];
  return having(links).map(({ link, ipv6 }) => [
    iifname(tunnel.ifname),
    oifname(link.ifname),
    prefix6('daddr', ipv6.network),
    ...lease('out', without),
    ctState('established', 'related'),
    accept,
  ]);
}

/** No link leads to another. */
export function between6(links: readonly PolicyLink[]): Expression[][] {
  return having(links).map(({ ipv6 }) => [prefix6('daddr', ipv6.network), count('dropped_forward'), drop]);
}

/** What a packet from a link into the tunnel has; undefined where none may go there. */
export function way6(link: PolicyLink, tunnel: TunnelPolicy, without: Without): Expression[] | undefined {
  if (link.ipv6 === undefined || tunnel.ipv6 === undefined) return undefined;
  return [
    iifname(link.ifname),
    ...(without('source-pin') ? [] : [field('ether', 'saddr', link.guestMac)]),
    ...source(link.ipv6, without),
    ...(without('tunnel-only') ? [] : [oifname(tunnel.ifname)]),
    ...lease('in', without),
  ];
}

/** From the gateway itself: who it is, its resolver's answers, and why something did not go. */
export function output6(link: PolicyLink, resets: boolean, without: Without): Expression[][] {
  return having([link]).flatMap(({ ipv6 }) => {
    const out = oifname(link.ifname);
    const to = [out, prefix6('saddr', ipv6.gateway), prefix6('daddr', ipv6.network)];
    return [
      [out, fromNeighbour, answersNeighbours, accept],
      ...(['udp', 'tcp'] as const).map((one) => [...to, field(one, 'sport', 53), ...lease('out', without), accept]),
      [...to, icmpv6Types('destination-unreachable', 'packet-too-big'), accept],
      ...(resets ? [[out, prefix6('daddr', ipv6.network), resetOnly, accept]] : []),
    ];
  });
}

function source({ network }: LinkIpv6, without: Without): Expression[] {
  return without('source-pin') ? [] : [prefix6('saddr', network)];
}
