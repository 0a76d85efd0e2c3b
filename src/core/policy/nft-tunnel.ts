/**
 * The gateway's own packets into the tunnel, and their answers. Questions to the tunnel's resolvers are let through as
 * they are: nobody but a leased link has any. Every other connection is made for the host (exit check, `vmgate proxy`)
 * and needs a lease as a work VM does, under the tunnel's own name.
 *
 * A connection begins with a SYN, or conntrack knows it. Conntrack takes up any TCP packet of a flow it has forgotten as
 * `new`: without the SYN, what a connection that was cut still had to send would leave by the tunnel after the close
 * (leak cases 29, 30, 68).
 */
import type { EgressPolicy, TunnelPolicy } from './egress-policy.ts';
import {
  accept,
  count,
  ctDirection,
  ctState,
  type Expression,
  field,
  iifname,
  ipv4Only,
  oifname,
  synOnly,
  tcpOnly,
} from './nft-expressions.ts';
import type { Without } from './nft-uplink.ts';

const DNS_PORT = 53;
const OPEN = '@open';

export function toTunnel({ tunnel }: EgressPolicy, without: Without): Expression[][] {
  if (tunnel === undefined) return [];
  const out = oifname(tunnel.ifname);
  const tcp = (...match: readonly Expression[]) => [
    ...(without('no-pickup')
      ? [[...match, ctState('established', 'new')]]
      : [
          [...match, ctState('established')],
          [...match, synOnly, ctState('new')],
        ]
    ).map((rule) => [...rule, ctDirection('original'), count('to_tunnel'), accept]),
  ];
  return [
    ...resolvers(tunnel).flatMap((address) => {
      const there = [out, field('ip', 'daddr', address)];
      return [
        [...there, field('udp', 'dport', DNS_PORT), count('to_tunnel'), accept],
        ...tcp(...there, field('tcp', 'dport', DNS_PORT)),
      ];
    }),
    ...(tunnel.underway === true ? [] : tcp(out, ipv4Only, tcpOnly, ...(without('lease') ? [] : [oifname(OPEN)]))),
  ];
}

export function fromTunnel({ tunnel }: EgressPolicy, without: Without): Expression[][] {
  if (tunnel === undefined) return [];
  const back = iifname(tunnel.ifname);
  const answer = [ctState('established'), ctDirection('reply'), accept];
  return [
    ...resolvers(tunnel).flatMap((address) =>
      (['udp', 'tcp'] as const).map((protocol) => [
        back,
        field('ip', 'saddr', address),
        field(protocol, 'sport', DNS_PORT),
        ...answer,
      ]),
    ),
    ...(tunnel.underway === true
      ? []
      : [[back, ipv4Only, tcpOnly, ...(without('lease') ? [] : [iifname(OPEN)]), ...answer]]),
  ];
}

function resolvers(tunnel: TunnelPolicy): readonly string[] {
  return tunnel.resolvers.filter((address) => !address.includes(':'));
}
