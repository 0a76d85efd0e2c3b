/**
 * Which cards the gateway has, in PCI order, and who may speak on each. A link plan is fixed for the life of one
 * gateway process; adding a work VM means a fresh gateway.
 */
import { ipv4Range } from './ipv4.ts';
import { ipv6Overlap, ipv6Range, numberToIpv6 } from './ipv6.ts';
import type { LinkIpv6, PolicyLink } from './policy/egress-policy.ts';

/** How the gateway reaches the untrusted network. `wire` exists only for the lab. */
export type UplinkAddressing =
  | { readonly kind: 'static'; readonly address: string; readonly prefixLength: number; readonly nextHop: string }
  | { readonly kind: 'dhcp' };

/** QEMU's user network is the same everywhere (libslirp's defaults): the gateway does not ask for what is known. */
export const USER_NETWORK = {
  kind: 'static',
  address: '10.0.2.15',
  prefixLength: 24,
  nextHop: '10.0.2.2',
} as const satisfies UplinkAddressing;

export interface LinkPlan {
  readonly uplink: { readonly ifname: 'up0'; readonly mac: string; readonly addressing: UplinkAddressing };
  /** Always the last card; never has a VM. */
  readonly probe: PolicyLink & { readonly gatewayMac: string };
  /** One per work VM, in the configuration's order. */
  readonly work: readonly (PolicyLink & { readonly gatewayMac: string; readonly workVm: string })[];
}

/** Pools for the links, tried in order; the first that overlaps with nothing the tunnel routes specially is used. */
const POOLS = ['10.213.0', '172.29.213', '192.168.213'] as const;
const MAX_LINKS = 31;

/**
 * Where the links' IPv6 is, tried as the pools are: fd00::/8 and 40 bits, the last 16 of which are the gate's own (RFC
 * 4193, section 3.2.2: no two networks that ever meet have the same). Behind them 16 bits say which link it is.
 */
const ULA_POOLS = ['fd76:6d67', 'fd1c:7e21', 'fdb3:904a'] as const;

/**
 * Plans the links. `taken` are IPv4 prefixes in use inside the tunnel (its addresses, resolvers, split routes), without
 * default routes; `takenIpv6` the same of IPv6, undefined for a tunnel that has none: then neither have the links. `seed`
 * (0..0xffff) varies MACs and IPv6 prefixes between gates so that two gates never share one.
 *
 * @throws RangeError when more than 30 work VMs are asked for, or every pool is taken.
 */
export function planLinks(
  workVms: readonly string[],
  addressing: UplinkAddressing,
  taken: readonly string[],
  seed: number,
  takenIpv6?: readonly string[],
): LinkPlan {
  if (workVms.length >= MAX_LINKS) throw new RangeError(`at most ${MAX_LINKS - 1} work VMs on one gate`);
  const pool = POOLS.find((candidate) => !taken.some((prefix) => overlaps(`${candidate}.0/24`, prefix)));
  if (pool === undefined) throw new RangeError('every address pool for the links overlaps with the tunnel');
  const ula = takenIpv6 && ulaOf(takenIpv6, seed);
  const link = (index: number, ifname: string) => ({
    ifname,
    ...(ula === undefined ? {} : { ipv6: linkIpv6(ula, index) }),
    gateway: `${pool}.${index * 8 + 1}`,
    guest: `${pool}.${index * 8 + 2}`,
    prefixLength: 29,
    gatewayMac: mac(seed, 0x10, index),
    guestMac: mac(seed, 0x20, index),
  });
  return {
    uplink: { ifname: 'up0', mac: mac(seed, 0x01, 0), addressing },
    probe: link(MAX_LINKS, 'probe0'),
    work: workVms.map((workVm, index) => ({ ...link(index, `work${index}`), workVm })),
  };
}

/** The first three groups of every link's IPv6. */
function ulaOf(taken: readonly string[], seed: number): string {
  const gates = ULA_POOLS.map((pool) => `${pool}:${(seed & 0xffff).toString(16)}`);
  const free = gates.find((gate) => !taken.some((prefix) => ipv6Overlap(`${gate}::/48`, prefix)));
  if (free === undefined) throw new RangeError('every IPv6 pool for the links overlaps with the tunnel');
  return free;
}

function linkIpv6(ula: string, index: number): LinkIpv6 {
  const first = ipv6Range(`${ula}:${index.toString(16)}::/64`)?.first ?? 0n;
  return { gateway: numberToIpv6(first + 1n), network: `${numberToIpv6(first)}/64` };
}

/** Locally administered, QEMU's 52:54 and then role, gate and index, so that captures read themselves. */
function mac(seed: number, role: number, index: number): string {
  const bytes = [0x52, 0x54, role, (seed >> 8) & 0xff, seed & 0xff, index & 0xff];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

function overlaps(a: string, b: string): boolean {
  const [left, right] = [ipv4Range(a), ipv4Range(b)];
  return left !== undefined && right !== undefined && left.first <= right.last && right.first <= left.last;
}
