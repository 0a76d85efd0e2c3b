/**
 * The gateway's own packets into the tunnel, and their answers. Questions to the tunnel's resolvers are let through as
 * they are: nobody but a leased link has any. Every other connection is made for the host (exit check, `vmgate proxy`)
 * and needs a lease as a work VM does, under the tunnel's own name.
 *
 * All of its TCP begins under these rules (nft-own-tcp.ts), and has the tunnel's own address. Once the process is gone that a
 * connection by the uplink was of (a login's, a client's over TCP), the kernel itself answers what the server still says to it,
 * by a reset: without the mark or user that leads to the uplink, by the routes of everybody, and those lead into the tunnel.
 */
import type { Without } from './defence.ts';
import type { EgressPolicy, TunnelPolicy } from './egress-policy.ts';
import {
  accept,
  count,
  ctDirection,
  ctState,
  type Expression,
  field,
  fromItsOwn,
  iifname,
  ipv4Only,
  ipv6Only,
  oifname,
  tcpOnly,
} from './nft-expressions.ts';
import { begunHere } from './nft-own-tcp.ts';

const DNS_PORT = 53;
const OPEN = '@open';

export function toTunnel({ tunnel }: EgressPolicy, without: Without): Expression[][] {
  if (tunnel === undefined) return [];
  const out = oifname(tunnel.ifname);
  const begun = (protocol: 'udp' | 'tcp', ...match: readonly Expression[]) =>
    begunHere(protocol, without).map((state) => [out, ...match, fromItsOwn, ...state, count('to_tunnel'), accept]);
  return [
    ...resolvers(tunnel).flatMap(([family, address]) =>
      (['udp', 'tcp'] as const).flatMap((protocol) =>
        begun(protocol, field(family, 'daddr', address), field(protocol, 'dport', DNS_PORT)),
      ),
    ),
    ...asked(tunnel).flatMap((only) => begun('tcp', only, tcpOnly, ...(without('lease') ? [] : [oifname(OPEN)]))),
  ];
}

export function fromTunnel({ tunnel }: EgressPolicy, without: Without): Expression[][] {
  if (tunnel === undefined) return [];
  const back = iifname(tunnel.ifname);
  const answer = [ctState('established'), ctDirection('reply'), accept];
  return [
    ...resolvers(tunnel).flatMap(([family, address]) =>
      (['udp', 'tcp'] as const).map((protocol) => [
        back,
        field(family, 'saddr', address),
        field(protocol, 'sport', DNS_PORT),
        ...answer,
      ]),
    ),
    ...asked(tunnel).map((only) => [back, only, tcpOnly, ...(without('lease') ? [] : [iifname(OPEN)]), ...answer]),
  ];
}

function resolvers({ resolvers: ipv4, ipv6 }: TunnelPolicy): readonly (readonly ['ip' | 'ip6', string])[] {
  return [
    ...ipv4.filter((address) => !address.includes(':')).map((address) => ['ip', address] as const),
    ...(ipv6?.resolvers ?? []).map((address) => ['ip6', address] as const),
  ];
}

/** What the host's own connections may be; none where another tunnel is to run through this one. */
function asked(tunnel: TunnelPolicy): readonly Expression[] {
  return tunnel.underway === true ? [] : families(tunnel);
}

/** Those that the tunnel carries. */
function families({ ipv6 }: TunnelPolicy): readonly Expression[] {
  return ipv6 === undefined ? [ipv4Only] : [ipv4Only, ipv6Only];
}
