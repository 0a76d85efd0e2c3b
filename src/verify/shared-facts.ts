/** Facts that several kinds of run make from snapshots of the gateway. */
import type { RoutesFacts } from '../core/checks/routes.ts';
import type { FullSnapshot, Snapshot } from '../core/checks/snapshot.ts';
import type { TunnelFacts } from '../core/checks/tunnel.ts';
import { VmgateError } from '../core/coded.ts';
import { carriersOf } from '../core/policy/index.ts';
import { errors } from './codes.ts';
import type { VerifyContext } from './context.ts';

export function routesFacts({ policy, plan, tunnelPlan }: VerifyContext, snapshot: FullSnapshot): RoutesFacts {
  return { policy, plan, tunnelAddresses: tunnelAddresses(tunnelPlan), snapshot };
}

/** The gateway's own inside the tunnel, of both families, CIDR. */
export function tunnelAddresses({ addresses, ipv6 }: VerifyContext['tunnelPlan']): readonly string[] {
  return [...addresses, ...(ipv6?.addresses ?? [])];
}

/** Of each hop, the outermost first. @throws VERIFY_NO_TUNNEL */
export function tunnelFacts(
  context: VerifyContext,
  before: Snapshot | undefined,
  after: Snapshot,
): readonly TunnelFacts[] {
  const { policy, tunnelPlan, through = [], connectBeganMs } = context;
  const plans = [...through, tunnelPlan];
  const carriers = carriersOf(policy);
  if (carriers.length === 0 || carriers.length !== plans.length) throw VmgateError.of(errors.VERIFY_NO_TUNNEL, {});
  return plans.map(({ kind, peerIdentity, certificates, serverId }, index) => {
    const { socket, endpoints: [endpoint] = [] } = carriers[index] ?? {};
    if (socket === undefined || endpoint === undefined) throw VmgateError.of(errors.VERIFY_NO_TUNNEL, {});
    return { kind, policy: socket, endpoint, peerIdentity, certificates, serverId, connectBeganMs, before, after };
  });
}
