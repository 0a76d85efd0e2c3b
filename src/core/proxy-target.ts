/**
 * Where programs of the host may connect through the gate (`vmgate proxy`): what a work VM reaches by the tunnel, less
 * what is private. The gateway makes the connection, so an address that is its own, a link's or not routed into the
 * tunnel would lead somewhere else.
 */
import { classifyAddress } from './address-class.ts';
import { within } from './checks/prefix.ts';
import type { EgressPolicy } from './policy/egress-policy.ts';

const NOWHERE = ['unspecified', 'loopback', 'link-local', 'multicast', 'broadcast', 'reserved'];
const PRIVATE = ['private', 'shared', 'slirp'];

const MAX_NAME = 253;
/** Names that no resolver in the DNS may be asked for: RFC 6761, RFC 6762, RFC 7686. */
const LOCAL_NAMES = ['localhost', 'local', 'onion'];

export type Target =
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'name'; readonly name: string }
  /** `why` completes "HOST is not connected to: ". */
  | { readonly kind: 'refused'; readonly why: string };

/**
 * What a program asked for, before anything is looked up. `127.1`, `0x7f.0.0.1` and `2130706433` are neither: some
 * resolvers take such names for addresses (WHATWG URL, "ends in a number").
 */
export function readTarget(host: string): Target {
  const name = host.toLowerCase().replace(/\.$/, '');
  if (classifyAddress(name).meaning !== 'not an IPv4 address') return { kind: 'address', address: name };
  if (name.includes(':')) return refused('the tunnel carries IPv4 only');
  const labels = name.split('.');
  const last = labels.at(-1) ?? '';
  if (name.length > MAX_NAME || !labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label))) {
    return refused('it is no name that DNS can be asked for');
  }
  if (/^(\d+|0x[0-9a-f]*)$/.test(last)) return refused('it is neither a name nor an address in four decimal parts');
  return LOCAL_NAMES.includes(last) ? refused(`names in .${last} are not the DNS's`) : { kind: 'name', name };
}

/** Why `address` is not connected to; undefined when it may be. `own`: the gateway's addresses inside the tunnel, CIDR. */
export function objectionToAddress(address: string, policy: EgressPolicy, own: readonly string[]): string | undefined {
  const { class: kind, meaning } = classifyAddress(address);
  if (NOWHERE.includes(kind)) return `${address} is no address of another machine: ${meaning}`;
  if (policy.links.some(({ gateway, prefixLength }) => within(address, `${gateway}/${prefixLength}`))) {
    return `${address} is on a link of this gate`;
  }
  if (address === policy.uplink.address || own.some((cidr) => cidr.replace(/\/.*/, '') === address)) {
    return `${address} is the gateway itself`;
  }
  const ways = (policy.tunnel?.routes ?? []).filter((route) => within(address, route));
  if (ways.length === 0) return `${address} is not routed into the tunnel`;
  if (!PRIVATE.includes(kind) || ways.some(isPrivate)) return undefined;
  return `${address} is private (${meaning}), and no route of the VPN profile names that network`;
}

/** A route that names a private network, as opposed to one that covers it along with everything else. */
function isPrivate(route: string): boolean {
  const [network = '', length = '0'] = route.split('/');
  return PRIVATE.includes(classifyAddress(network).class) && Number(length) >= 8;
}

function refused(why: string): Target {
  return { kind: 'refused', why };
}
