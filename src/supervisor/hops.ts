/**
 * The policies of a connect. A chain is connected hop by hop: each stands first as if it were the tunnel, with nothing
 * forwarded into it, so that the next one's server can be looked up through it; then it carries that one and nothing else.
 */
import { randomInt } from 'node:crypto';
import { carriersOf, type EgressPolicy, hopNames } from '../core/policy/index.ts';
import type { TunnelInside, TunnelPlan } from '../vpn/index.ts';

type Tunnel = NonNullable<EgressPolicy['tunnel']>;
type Endpoint = EgressPolicy['endpoints'][number];

/** Registered ports up: nothing on the path treats it as a service's. */
const PORTS = { first: 20_000, beyond: 60_000 } as const;

export interface HopPlace {
  /** 0 for the outermost. */
  readonly index: number;
  readonly count: number;
  /** See {@link Tunnel}; of the last alone. */
  readonly onlyNewFlows: boolean;
}

/** What the VPN socket of a pinned server may send to. */
export function endpointsAt(address: string, { port, protocol, shape, datagrams }: TunnelPlan['endpoint']): Endpoint[] {
  const one = { address, port, protocol, shape };
  return datagrams === true ? [one, { ...one, protocol: 'udp' }] : [one];
}

/** The tunnel of a hop, with a fresh source port: that of no other hop. */
export function tunnelOf(plan: TunnelPlan, { index, count, onlyNewFlows }: HopPlace, others: EgressPolicy): Tunnel {
  const used = carriersOf(others).map(({ socket }) => socket.localPort);
  let localPort = randomInt(PORTS.first, PORTS.beyond);
  while (used.includes(localPort)) localPort = randomInt(PORTS.first, PORTS.beyond);
  const { resolvers, mtu } = plan;
  const socket = { ...hopNames(index, count), localPort, mtu };
  if (index < count - 1) return { ...socket, resolvers, routes: underwayRoutes(resolvers), underway: true };
  const routes = plan.routes.filter((route) => !route.includes(':'));
  return { ...socket, resolvers, routes, ...ipv6Of(plan.ipv6), ...(onlyNewFlows ? { onlyNewFlows: true } : {}) };
}

/** The inside that a server gave. What only carries the next one has no IPv6. */
export function withInside(
  policy: EgressPolicy,
  { resolvers, mtu, ipv6 }: Pick<TunnelInside, 'resolvers' | 'mtu' | 'ipv6'>,
): EgressPolicy {
  const { tunnel } = policy;
  if (tunnel === undefined) throw new Error('a policy without tunnel');
  const routes = tunnel.underway === true ? underwayRoutes(resolvers) : tunnel.routes;
  return { ...policy, tunnel: { ...tunnel, resolvers, mtu, routes, ...ipv6Of(ipv6, tunnel.underway) } };
}

function ipv6Of(ipv6: TunnelInside['ipv6'], isUnderway = false): Pick<Tunnel, 'ipv6'> {
  return ipv6 === undefined || isUnderway ? {} : { ipv6: { routes: ipv6.routes, resolvers: ipv6.resolvers } };
}

/** The tunnel there is carries the next one from now on, to these endpoints. */
export function carryOn(policy: EgressPolicy, endpoints: readonly Endpoint[]): EgressPolicy {
  const { through = [], tunnel } = policy;
  if (tunnel === undefined) throw new Error('a policy without tunnel');
  const { ifname, localPort, mark, mtu } = tunnel;
  const hop = { ifname, localPort, mark, endpoints, ...(mtu === undefined ? {} : { mtu }) };
  return { ...policy, through: [...through, hop], tunnel: undefined };
}

/** Nobody but the gateway asks there, and nothing but these. */
function underwayRoutes(resolvers: readonly string[]): readonly string[] {
  return resolvers.filter((address) => !address.includes(':')).map((address) => `${address}/32`);
}
