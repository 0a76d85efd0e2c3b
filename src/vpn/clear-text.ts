/** What a profile means for people: one line, and the list of everything that may leave the uplink. */
import { parseIpv4 } from '../core/address-class.ts';
import type { TunnelPlan } from './tunnel-plan.ts';

/** `acme: WireGuard to vpn.acme.example:51820, server key GtL7..., full tunnel, DNS 10.64.0.1, MTU 1420`. No secrets. */
export function describeTunnel(name: string, plan: TunnelPlan): string {
  const { endpoint, peerIdentity, routes, split, resolvers, mtu } = plan;
  const parts = [
    `WireGuard to ${endpoint.host}:${endpoint.port}`,
    `server key ${peerIdentity}`,
    'private key (hidden)',
    split ? `only ${routes.join(', ')} (the rest is dropped)` : 'full tunnel',
    `DNS ${resolvers.join(', ')}`,
    `MTU ${mtu}`,
  ];
  return `${name}: ${parts.join(', ')}`;
}

/**
 * Everything that may be seen on the untrusted network, one entry a line; nothing else may leave. `pinned` is the
 * address in use, when there is one.
 */
export function clearTextPlan(plan: TunnelPlan, pinned?: { readonly address: string }): readonly string[] {
  const { host, port, protocol, shape } = plan.endpoint;
  const literal = parseIpv4(host) !== undefined;
  const address = pinned?.address ?? (literal ? host : `the address of ${host}`);
  const lookup = literal ? [] : [`by this machine: the lookup of the name ${host} (A record, your network's resolver)`];
  return [
    ...lookup,
    'by the gateway: ARP for the next hop, and for its own address',
    `by the gateway: ${protocol.toUpperCase()} to ${address}:${port}, only in the shape of ${SHAPES[shape]}`,
  ];
}

const SHAPES: Readonly<Record<TunnelPlan['endpoint']['shape'], string>> = { wireguard: 'WireGuard messages' };
