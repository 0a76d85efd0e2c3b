/** What goes into `vmgate-gw tunnel`; provision/gateway/rootfs/usr/lib/vmgate/tunnel.sh reads it. */
import { isIPv4 } from 'node:net';
import { VmgateError } from '../core/coded.ts';
import type { TunnelPolicy } from '../core/policy/egress-policy.ts';
import type { TunnelPlan } from '../vpn/tunnel-plan.ts';
import { errors } from './codes.ts';

/**
 * Public lines, then the secret section. Routes and resolvers are the policy's, so that the firewall and the tunnel
 * cannot disagree. IPv6 is left out: the links and the uplink carry none, so it would lead nowhere.
 *
 * @param secrets what `TunnelSecrets.reveal` gave: text for `wg setconf`
 * @throws GATEWAY_TUNNEL_UNUSABLE
 */
export function renderTunnelSettings(plan: TunnelPlan, policy: TunnelPolicy, secrets: string): string {
  const addresses = plan.addresses.filter(isIPv4Prefix);
  if (addresses.length === 0) throw unusable('it gives the gateway no IPv4 address');
  const lines = [
    ...addresses.map((address) => `address ${address}`),
    `mtu ${plan.mtu}`,
    ...policy.routes.filter(isIPv4Prefix).map((route) => `route ${route}`),
    ...policy.resolvers.filter(isIPv4).map((resolver) => `resolver ${resolver}`),
    ...plan.searchDomains.map((domain) => `search ${domain}`),
  ];
  const broken = lines.find((line) => !/^[a-z]+ [0-9A-Za-z./-]+$/.test(line));
  if (broken !== undefined) throw unusable(`not a setting for a tunnel: ${JSON.stringify(broken)}`);
  return `${lines.join('\n')}\n--- wg\n${secrets}`;
}

function isIPv4Prefix(prefix: string): boolean {
  return isIPv4(prefix.split('/')[0] ?? '');
}

function unusable(why: string): VmgateError {
  return VmgateError.of(errors.GATEWAY_TUNNEL_UNUSABLE, { why });
}
