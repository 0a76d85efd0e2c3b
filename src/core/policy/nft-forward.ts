/**
 * The hook that decides what passes the gateway: from a link into the tunnel and back, both under a lease, and between
 * peers. Nothing else.
 */
import type { Without } from './defence.ts';
import type { EgressPolicy, PolicyLink, TunnelPolicy } from './egress-policy.ts';
import {
  accept,
  clampMss,
  count,
  ctDirection,
  ctState,
  drop,
  type Expression,
  field,
  iifname,
  jump,
  midStream,
  oifname,
  prefix,
  rejectReset,
} from './nft-expressions.ts';
import { answers6, between6, way6 } from './nft-ipv6.ts';
import { lease, network, PROBE, resets, source } from './nft-link-parts.ts';
import { workChain } from './nft-work.ts';

export function forward(policy: EgressPolicy, without: Without): Expression[][] {
  const { links, tunnel } = policy;
  const shortcut = without('no-shortcut') ? [[ctState('established', 'related'), accept]] : [];
  if (tunnel === undefined || tunnel.underway === true) return [...shortcut, [count('dropped_forward'), drop]];
  return [
    ...(without('mss-clamp') ? [] : [[...clampMss]]),
    ...shortcut,
    ...links.map((link) => [
      iifname(tunnel.ifname),
      oifname(link.ifname),
      field('ip', 'daddr', link.guest),
      ...lease('out', without),
      ctState('established', 'related'),
      accept,
    ]),
    ...answers6(links, tunnel, without),
    ...links.flatMap((link) => betweenPeers(link, links, without)),
    ...links.map((link) => [prefix('daddr', network(link), link.prefixLength), count('dropped_forward'), drop]),
    ...between6(links),
    ...links.flatMap((link) => {
      const way4 = [
        ...sender(link, without),
        ...(without('tunnel-only') ? [] : [oifname(tunnel.ifname)]),
        ...lease('in', without),
      ];
      const ways = [way4, way6(link, tunnel, without)].flatMap((way) => (way === undefined ? [] : [way]));
      return ways.flatMap((way) => intoTunnel(way, link, tunnel, without));
    }),
    [count('dropped_forward'), drop],
  ];
}

/** What goes from a link into the tunnel; `from` is what it has, of either family. */
function intoTunnel(
  from: readonly Expression[],
  link: PolicyLink,
  tunnel: TunnelPolicy,
  without: Without,
): Expression[][] {
  const pass = [count('to_tunnel'), ...(link.ifname === PROBE ? [count('probe_to_tunnel')] : []), accept];
  const chain = workChain(link);
  const other = resets(tunnel, without) ? [[...from, midStream, ctState('new'), rejectReset]] : [];
  // A packet conntrack calls invalid is not translated and would carry the link's address into the tunnel.
  if (chain === undefined) return [...other, [...from, ctState('established', 'related', 'new'), ...pass]];
  return [...other, [...from, ctState('established', 'related'), ...pass], [...from, ctState('new'), jump(chain)]];
}

/** What a link's machine may begin with another's, and the answers; both hold a lease. */
function betweenPeers(link: PolicyLink, links: readonly PolicyLink[], without: Without): Expression[][] {
  const peers = links.filter(({ ifname }) => link.peers?.includes(ifname));
  const way = (from: PolicyLink, to: PolicyLink) => [
    ...sender(from, without),
    oifname(to.ifname),
    field('ip', 'daddr', to.guest),
    ...lease('in', without),
    ...lease('out', without),
  ];
  return peers.flatMap((peer) => [
    [...way(link, peer), ctState('established', 'new'), ctDirection('original'), accept],
    [...way(peer, link), ctState('established', 'related'), ctDirection('reply'), accept],
  ]);
}

function sender(link: PolicyLink, without: Without): Expression[] {
  return [
    iifname(link.ifname),
    ...(without('source-pin') ? [] : [field('ether', 'saddr', link.guestMac)]),
    ...source(link, without),
  ];
}
