/** What goes into `vmgate-gw tunnel` and `inside`; provision/gateway/rootfs/usr/lib/vmgate/tunnel.sh reads it. */
import { isIPv4 } from 'node:net';
import { VmgateError } from '../core/coded.ts';
import { IPV6_LEAST_MTU, ipv6Range } from '../core/ipv6.ts';
import { tableOf, userOf } from '../core/policy/chain.ts';
import type { EgressPolicy, TunnelPolicy } from '../core/policy/egress-policy.ts';
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
 * Routes and resolvers are the policy's, so that the firewall and the tunnel cannot disagree. IPv6 is left out where the
 * policy forwards none: it would lead nowhere.
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
    ...lines6(inside, policy),
    ...inside.searchDomains.map((domain) => `search ${domain}`),
  ];
  const broken = lines.find((line) => !/^[a-z]+6? [0-9A-Za-z.:/-]+$/.test(line));
  if (broken !== undefined) throw unusable(`not a setting for a tunnel: ${JSON.stringify(broken)}`);
  return `${lines.join('\n')}\n`;
}

/** Lines before all others, of a chain: which way the tunnel goes, and which way the next one will go by it. */
export function renderWay({ tunnel, through }: EgressPolicy): string {
  const beneath = through?.at(-1);
  const mark = tunnel?.mark ?? 0;
  const next = mark + 1;
  return [
    ...(tunnel?.underway === true ? [`hop ${tunnel.ifname} ${tableOf(next)} ${next} ${userOf(next)}\n`] : []),
    ...(beneath === undefined ? [] : [`by ${beneath.ifname} ${userOf(mark)}\n`]),
  ].join('');
}

function lines6({ ipv6, mtu }: TunnelInside, policy: TunnelPolicy): readonly string[] {
  if (ipv6 === undefined || policy.ipv6 === undefined) return [];
  // Linux takes IPv6 off such a card, and the verb would fail with half a tunnel.
  if (mtu < IPV6_LEAST_MTU) throw unusable(`IPv6 needs packets of ${IPV6_LEAST_MTU} bytes, and its have ${mtu}`);
  const addresses = ipv6.addresses.flatMap((address) => (ipv6Range(address) === undefined ? [] : [address]));
  if (addresses.length === 0) throw unusable('it gives the gateway no IPv6 address');
  return [
    ...addresses.map((address) => `address6 ${address.toLowerCase()}`),
    ...policy.ipv6.routes.map((route) => `route6 ${route}`),
    ...policy.ipv6.resolvers.map((resolver) => `resolver6 ${resolver}`),
  ];
}

function isIPv4Prefix(prefix: string): boolean {
  return isIPv4(prefix.split('/')[0] ?? '');
}

function unusable(why: string): VmgateError {
  return VmgateError.of(errors.GATEWAY_TUNNEL_UNUSABLE, { why });
}
