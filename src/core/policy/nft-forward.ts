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
  ctState,
  drop,
  type Expression,
  jump,
  midStream,
  rejectReset,
} from './nft-expressions.ts';
import { answers4, between4, betweenPeers, way4 } from './nft-ipv4.ts';
import { answers6, between6, way6 } from './nft-ipv6.ts';
import { PROBE, resets } from './nft-link-parts.ts';
import { workChain } from './nft-work.ts';

export function forward(policy: EgressPolicy, without: Without): Expression[][] {
  const { links, tunnel } = policy;
  const shortcut = without('no-shortcut') ? [[ctState('established', 'related'), accept]] : [];
  if (tunnel === undefined || tunnel.underway === true) return [...shortcut, [count('dropped_forward'), drop]];
  return [
    ...(without('mss-clamp') ? [] : [[...clampMss]]),
    ...shortcut,
    ...answers4(links, tunnel, without),
    ...answers6(links, tunnel, without),
    ...betweenPeers(links, without),
    ...between4(links),
    ...between6(links),
    ...links.flatMap((link) => {
      const ways = [way4(link, tunnel, without), way6(link, tunnel, without)].flatMap((way) =>
        way === undefined ? [] : [way],
      );
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
