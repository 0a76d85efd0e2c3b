/** Whether a gate has IPv6: its tunnel's, unless something of the gate itself stands against it. Then it is told why not. */
import type { Config } from '../config/index.ts';
import type { EgressPolicy } from '../core/policy/index.ts';
import type { JudgedInside, TunnelInside, TunnelPlan } from '../vpn/index.ts';
import { events } from './codes.ts';
import type { Session, World } from './world.ts';

/** A plan that is silent of IPv6. */
export function withoutIpv6({ ipv6: _, ...plan }: TunnelPlan): TunnelPlan {
  return plan;
}

/**
 * Why a gate with this configuration has no IPv6, though its tunnel has. An exit that is expected by IPv4 addresses alone
 * says nothing of where IPv6 comes out: what cannot be verified is not let out (P2).
 */
export function objectionToIpv6({ verify: { exit } }: Config): string | undefined {
  if (exit?.expect.kind !== 'address' || exit.expect.prefixes.some((prefix) => prefix.includes(':'))) return undefined;
  return 'verify.exit.expect names no IPv6 address; with the exit’s IPv6 prefix in it work VMs get IPv6';
}

/** Whether a tunnel of that plan may turn out to carry IPv6. */
export function mayHaveIpv6({ ipv6, possibleIpv6 }: TunnelPlan): boolean {
  return ipv6 !== undefined || possibleIpv6 !== undefined;
}

/** The inside that a server gave, with IPv6 only where the gate can have it; else why not. */
export function allowedInside(
  { config, plan }: Session,
  { inside, ipv6Off }: JudgedInside,
  { tunnel }: EgressPolicy,
  tell: World['emit'],
): TunnelInside {
  const { ipv6, ...rest } = inside;
  // What only carries the next tunnel carries packets of IPv4.
  if (tunnel?.underway === true) return rest;
  const why = ipv6 === undefined ? ipv6Off : objectionToIpv6(config.config);
  if (why !== undefined) tell(events.GATE_IPV6_OFF, { why });
  return plan.probe.ipv6 === undefined ? rest : inside;
}

/** The connection there is goes on over IPv4 alone. */
export function dropIpv6(world: World, mtu: number): EgressPolicy {
  const { connection } = world;
  if (connection?.policy.tunnel === undefined) throw new Error('not connected');
  const { ipv6: _, ...tunnel } = connection.policy.tunnel;
  const policy = { ...connection.policy, tunnel };
  world.connection = { ...connection, policy, plan: withoutIpv6(connection.plan) };
  world.emit(events.GATE_IPV6_OFF, {
    why: `it needs packets of 1,280 bytes, and the way to the VPN server carries ${mtu}`,
  });
  return policy;
}
