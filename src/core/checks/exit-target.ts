/** Where the exit check may ask: decided on the URL and the address its host led to, before anything is sent. */
import { classifyAddress } from '../address-class.ts';
import { classifyIpv6, isReachableIpv6 } from '../address-class6.ts';
import type { EgressPolicy } from '../policy/egress-policy.ts';
import { within } from './prefix.ts';

const FORBIDDEN = ['unspecified', 'loopback', 'link-local', 'multicast', 'broadcast'];
const FULL_TUNNEL = ['0.0.0.0/0', '::/0'];

/**
 * Why `url` must not be asked at `address`, or undefined when it may. The connection is made by the gateway: an address
 * that is not routed into the tunnel would be the gateway itself, or nothing.
 */
export function objectionTo(url: URL, address: string, policy: EgressPolicy): string | undefined {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return `${url.protocol} is neither https nor http`;
  if (url.username !== '' || url.password !== '') return 'the exit URL carries a login';
  const routes = [...(policy.tunnel?.routes ?? []), ...(policy.tunnel?.ipv6?.routes ?? [])];
  const { kind, objection } = judgeAddress(address);
  const outside = `${url.hostname} is at ${address}`;
  if (objection !== undefined) return `${outside}, which is no exit server's address: ${objection}`;
  const links = policy.links.flatMap(({ gateway, prefixLength, ipv6 }) => [
    `${gateway}/${prefixLength}`,
    ...(ipv6 === undefined ? [] : [ipv6.network]),
  ]);
  if (links.some((prefix) => within(address, prefix))) return `${outside}, on a link of this gate`;
  const ways = routes.filter((prefix) => within(address, prefix));
  if (ways.length === 0) return `${outside}, which is not routed into the tunnel`;
  if (url.protocol === 'https:') return undefined;
  const onlyInside = kind === 'private' || kind === 'shared' || ways.some((prefix) => !FULL_TUNNEL.includes(prefix));
  return onlyInside ? undefined : `${outside}, where http would be readable between the VPN's exit and the server`;
}

function judgeAddress(address: string): { readonly kind: string; readonly objection: string | undefined } {
  const kind6 = classifyIpv6(address);
  if (kind6 !== undefined) return { kind: kind6, objection: isReachableIpv6(address) ? undefined : kind6 };
  const { class: kind, meaning } = classifyAddress(address);
  return { kind, objection: FORBIDDEN.includes(kind) ? meaning : undefined };
}
