/**
 * The uplink's rules: the VPN socket to the pinned endpoint and back, DHCP where it is used, else silence. And those of a
 * tunnel that another one runs through, which is to that one what the uplink is to the first.
 *
 * Whatever is TCP there begins under these rules (nft-own-tcp.ts).
 */
import { type Carrier, carriersOf, isKnownByUser, UPLINK, userOf } from './chain.ts';
import type { Without } from './defence.ts';
import {
  type EgressPolicy,
  type Endpoint,
  EPHEMERAL,
  PORTAL_PORTS,
  type PortalPolicy,
  type TunnelSocket,
} from './egress-policy.ts';
import {
  accept,
  count,
  type Expression,
  field,
  iifname,
  type Json,
  mark,
  oifname,
  udpPorts,
  user,
} from './nft-expressions.ts';
import { begunHere } from './nft-own-tcp.ts';

/** The same admission in prerouting and input: the VPN's answers and, where used, DHCP's; else silence. */
export function fromUplink(policy: EgressPolicy, without: Without): Expression[][] {
  const { uplink, portal } = policy;
  const [carried, hops] = waysOf(policy);
  const answers = hops.flatMap(answersOn);
  if (without('uplink-input')) return [[iifname(UPLINK), accept], ...answers];
  return [
    ...carried.flatMap(answersOn),
    ...(uplink.dhcp ? [[iifname(UPLINK), ...udpPorts(67, 68), accept]] : []),
    ...portalFlows(portal).map(({ address, protocol, port }) => [
      iifname(UPLINK),
      field('ip', 'saddr', address),
      field(protocol, 'sport', port),
      accept,
    ]),
    ...answers,
  ];
}

export function toUplink(policy: EgressPolicy, without: Without): Expression[][] {
  const { uplink, portal } = policy;
  const [carried, hops] = waysOf(policy);
  const sent = hops.flatMap((hop) => (without('hop-output') ? [[oifname(hop.ifname), accept]] : sentOn(hop, without)));
  if (without('uplink-output')) return [[oifname(UPLINK), count('up_out'), accept], ...sent];
  return [
    ...carried.flatMap((way) => sentOn(way, without)),
    // The client's broadcasts pass by every hook (packet sockets); what it says to a server alone does not. A server that
    // is not the router would be asked for by ARP, which the guard takes for foreign: the client broadcasts then instead.
    ...(uplink.dhcp ? servers(uplink.nextHop) : []).map((server) => [
      oifname(UPLINK),
      field('ip', 'daddr', server),
      ...udpPorts(68, 67),
      count('up_out'),
      accept,
    ]),
    ...portalFlows(portal).flatMap(({ address, protocol, port }) =>
      begunHere(protocol, without).map((state) => [
        oifname(UPLINK),
        field('ip', 'daddr', address),
        field(protocol, 'dport', port),
        ...state,
        count('up_out'),
        accept,
      ]),
    ),
    ...sent,
  ];
}

/** The uplink's, and those inside other tunnels. */
function waysOf(policy: EgressPolicy): readonly [uplink: readonly Carrier[], hops: readonly Carrier[]] {
  const all = carriersOf(policy);
  return [all.filter(({ ifname }) => ifname === UPLINK), all.filter(({ ifname }) => ifname !== UPLINK)];
}

function answersOn({ ifname, endpoints, socket }: Carrier): readonly Expression[][] {
  return endpoints.map((endpoint) => [
    iifname(ifname),
    field('ip', 'saddr', endpoint.address),
    field(endpoint.protocol, 'sport', endpoint.port),
    field(endpoint.protocol, 'dport', portsOf(endpoint, socket)),
    accept,
  ]);
}

function sentOn({ ifname, endpoints, socket }: Carrier, without: Without): readonly Expression[][] {
  return endpoints.flatMap((endpoint) => {
    const there = [
      oifname(ifname),
      isKnownByUser(endpoint) ? user(userOf(socket.mark)) : mark(socket.mark),
      field('ip', 'daddr', endpoint.address),
      field(endpoint.protocol, 'sport', portsOf(endpoint, socket)),
      field(endpoint.protocol, 'dport', endpoint.port),
    ];
    return begunHere(endpoint.protocol, without).map((state) => [
      ...there,
      ...state,
      ...(ifname === UPLINK ? [count('up_out')] : []),
      accept,
    ]);
  });
}

/** A client whose TCP is not told which port to use. */
function hasAnyPort({ protocol, shape }: Endpoint): boolean {
  return protocol === 'tcp' && shape === 'openconnect';
}

/** The VPN socket's own. */
function portsOf(endpoint: Endpoint, { localPort }: TunnelSocket): Json {
  return hasAnyPort(endpoint) ? { range: [EPHEMERAL.first, EPHEMERAL.last] } : localPort;
}

interface PortalFlow {
  readonly address: string;
  readonly protocol: 'udp' | 'tcp';
  readonly port: number;
}

/** Its pages, and the one resolver. */
function portalFlows(portal: PortalPolicy | undefined): readonly PortalFlow[] {
  if (portal === undefined) return [];
  return [
    { address: portal.resolver, protocol: 'udp', port: 53 },
    ...portal.addresses.flatMap((address) => PORTAL_PORTS.map((port) => ({ address, protocol: 'tcp', port }) as const)),
  ];
}

function servers(nextHop: string | undefined): readonly string[] {
  return nextHop === undefined ? ['255.255.255.255'] : ['255.255.255.255', nextHop];
}
