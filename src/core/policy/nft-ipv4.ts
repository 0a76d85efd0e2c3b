/**
 * IPv4 of the links, whose twin is nft-ipv6.ts: from the one address and MAC of each, to the gateway's resolver under a
 * lease, into the tunnel and back, and to peers.
 */
import { ipv4Range, numberToIpv4 } from '../ipv4.ts';
import type { Without } from './defence.ts';
import type { PolicyLink, TunnelPolicy } from './egress-policy.ts';
import {
  accept,
  count,
  ctDirection,
  ctState,
  drop,
  type Expression,
  field,
  iifname,
  oifname,
  prefix,
  resetOnly,
  tcpOnly,
  udpPorts,
} from './nft-expressions.ts';
import { lease } from './nft-link-parts.ts';

/** Who may speak, behind the rule for a link whose sources are not pinned. */
export function from4({ ifname, guest, guestMac }: PolicyLink): Expression[][] {
  const sent = [iifname(ifname), field('ether', 'saddr', guestMac)];
  return [
    [...sent, field('ip', 'saddr', guest), accept],
    [...sent, field('ip', 'saddr', '0.0.0.0'), field('ip', 'daddr', '255.255.255.255'), ...udpPorts(68, 67), accept],
  ];
}

/** To the gateway itself: DHCP, and its resolver, under the lease. */
export function input4(link: PolicyLink, without: Without): Expression[][] {
  const from = [iifname(link.ifname), ...source(link, without), field('ip', 'daddr', link.gateway)];
  return [
    [iifname(link.ifname), ...udpPorts(68, 67), accept],
    ...(['udp', 'tcp'] as const).map((one) => [...from, field(one, 'dport', 53), ...lease('in', without), accept]),
    // Only answers to what the gateway itself began: a DNS connection of the guest must not outlive its lease.
    [...from, ctState('established'), ctDirection('reply'), accept],
  ];
}

/** From the gateway itself: DHCP, its resolver's answers, what the host asks of the machine, and why something did not go. */
export function output4({ ifname, gateway, guest }: PolicyLink, resets: boolean, without: Without): Expression[][] {
  const to = [oifname(ifname), field('ip', 'saddr', gateway), field('ip', 'daddr', guest)];
  return [
    [oifname(ifname), ...udpPorts(67, 68), accept],
    ...(['udp', 'tcp'] as const).map((one) => [...to, field(one, 'sport', 53), ...lease('out', without), accept]),
    [...to, tcpOnly, ctState('established', 'new'), ctDirection('original'), accept],
    // "Fragmentation needed" for what does not fit the tunnel, and a quick "unreachable" instead of a hang.
    [...to, field('icmp', 'type', 'destination-unreachable'), accept],
    ...(resets ? [[oifname(ifname), field('ip', 'daddr', guest), resetOnly, accept]] : []),
  ];
}

/** Out of the tunnel. */
export function answers4(links: readonly PolicyLink[], tunnel: TunnelPolicy, without: Without): Expression[][] {
  return links.map((link) => [
    iifname(tunnel.ifname),
    oifname(link.ifname),
    field('ip', 'daddr', link.guest),
    ...lease('out', without),
    ctState('established', 'related'),
    accept,
  ]);
}

/** What a link's machine may begin with another's, and the answers; both hold a lease. */
export function betweenPeers(links: readonly PolicyLink[], without: Without): Expression[][] {
  const way = (from: PolicyLink, to: PolicyLink) => [
    ...sender(from, without),
    oifname(to.ifname),
    field('ip', 'daddr', to.guest),
    ...lease('in', without),
    ...lease('out', without),
  ];
  return links.flatMap((link) =>
    links
      .filter(({ ifname }) => link.peers?.includes(ifname))
      .flatMap((peer) => [
        [...way(link, peer), ctState('established', 'new'), ctDirection('original'), accept],
        [...way(peer, link), ctState('established', 'related'), ctDirection('reply'), accept],
      ]),
  );
}

/** Else no link leads to another. */
export function between4(links: readonly PolicyLink[]): Expression[][] {
  return links.map((link) => [prefix('daddr', network(link), link.prefixLength), count('dropped_forward'), drop]);
}

/** What a packet from a link into the tunnel has. */
export function way4(link: PolicyLink, tunnel: TunnelPolicy, without: Without): Expression[] {
  return [
    ...sender(link, without),
    ...(without('tunnel-only') ? [] : [oifname(tunnel.ifname)]),
    ...lease('in', without),
  ];
}

function sender(link: PolicyLink, without: Without): Expression[] {
  return [
    iifname(link.ifname),
    ...(without('source-pin') ? [] : [field('ether', 'saddr', link.guestMac)]),
    ...source(link, without),
  ];
}

function source(link: PolicyLink, without: Without): Expression[] {
  return without('source-pin') ? [] : [field('ip', 'saddr', link.guest)];
}

/** Network address of a link, e.g. `10.213.0.8` of `10.213.0.9/29`. */
function network({ gateway, prefixLength }: PolicyLink): string {
  return numberToIpv4(ipv4Range(`${gateway}/${prefixLength}`)?.first ?? 0);
}
