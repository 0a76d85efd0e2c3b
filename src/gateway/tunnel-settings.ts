/** What goes into `vmgate-gw tunnel` and `inside`; provision/gateway/rootfs/usr/lib/vmgate/tunnel.sh reads it. */
import { isIPv4 } from 'node:net';
import { VmgateError } from '../core/coded.ts';
import type { EgressPolicy, TunnelPolicy } from '../core/policy/egress-policy.ts';
import { tableOf } from '../core/policy/index.ts';
import type { TunnelInside, TunnelPlan } from '../vpn/tunnel-plan.ts';
import { errors } from './codes.ts';

/**
 * Public lines, unless the server is to say them, then the secret section.
 *
 * @param secrets what `TunnelSecrets.reveal` gave
 * @throws GATEWAY_TUNNEL_UNUSABLE
 */
export function renderTunnelSettings(plan: TunnelPlan, policy: TunnelPolicy, secrets: string): string {
  return `${plan.assigned ? '' : renderInside(plan, policy)}--- ${plan.kind}\n${secrets}`;
}

/**
 * Routes and resolvers are the policy's, so that the firewall and the tunnel cannot disagree. IPv6 is left out: the links
 * and the uplink carry none, so it would lead nowhere.
 *
 * @throws GATEWAY_TUNNEL_UNUSABLE
 */
export function renderInside(inside: TunnelInside, policy: TunnelPolicy): string {
  const addresses = inside.addresses.filter(isIPv4Prefix);
  if (addresses.length === 0) throw unusable('it gives the gateway no IPv4 address');
  const lines = [
    ...addresses.map((address) => `address ${address}`),
    `mtu ${inside.mtu}`,
    ...policy.routes.filter(isIPv4Prefix).map((route) => `route ${route}`),
    ...policy.resolvers.filter(isIPv4).map((resolver) => `resolver ${resolver}`),
    ...inside.searchDomains.map((domain) => `search ${domain}`),
  ];
  const broken = lines.find((line) => !/^[a-z]+ [0-9A-Za-z./-]+$/.test(line));
  if (broken !== undefined) throw unusable(`not a setting for a tunnel: ${JSON.stringify(broken)}`);
  return `${lines.join('\n')}\n`;
}

/** Lines before all others, of a chain: which way the tunnel goes, and which way the next one will go by it. */
export function renderWay({ tunnel, through }: EgressPolicy): string {
  const beneath = through?.at(-1);
  const next = (tunnel?.mark ?? 0) + 1;
  return [
    ...(tunnel?.underway === true ? [`hop ${tunnel.ifname} ${tableOf(next)} ${next}\n`] : []),
    ...(beneath === undefined ? [] : [`by ${beneath.ifname}\n`]),
  ].join('');
}

function isIPv4Prefix(prefix: string): boolean {
  return isIPv4(prefix.split('/')[0] ?? '');
}

function unusable(why: string): VmgateError {
  return VmgateError.of(errors.GATEWAY_TUNNEL_UNUSABLE, { why });
}
