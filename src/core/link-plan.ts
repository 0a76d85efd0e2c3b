/**
 * Which cards the gateway has, in PCI order, and who may speak on each. A link plan is fixed for the life of one
 * gateway process; adding a work VM means a fresh gateway.
 */
import { ipv4Range } from './ipv4.ts';
import type { PolicyLink } from './policy/egress-policy.ts';

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
 * Plans the links. `taken` are IPv4 prefixes in use inside the tunnel (its addresses, resolvers, split routes), without
 * default routes. `seed` (0..0xffff) varies the MACs between gates so that two gates never share one.
 *
 * @throws RangeError when more than 30 work VMs are asked for, or every pool is taken.
 */
export function planLinks(
  workVms: readonly string[],
  addressing: UplinkAddressing,
  taken: readonly string[],
  seed: number,
): LinkPlan {
  if (workVms.length >= MAX_LINKS) throw new RangeError(`at most ${MAX_LINKS - 1} work VMs on one gate`);
  const pool = POOLS.find((candidate) => !taken.some((prefix) => overlaps(`${candidate}.0/24`, prefix)));
  if (pool === undefined) throw new RangeError('every address pool for the links overlaps with the tunnel');
  const link = (index: number, ifname: string) => ({
    ifname,
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

/** Locally administered, QEMU's 52:54 and then role, gate and index, so that captures read themselves. */
function mac(seed: number, role: number, index: number): string {
  const bytes = [0x52, 0x54, role, (seed >> 8) & 0xff, seed & 0xff, index & 0xff];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

function overlaps(a: string, b: string): boolean {
  const [left, right] = [ipv4Range(a), ipv4Range(b)];
  return left !== undefined && right !== undefined && left.first <= right.last && right.first <= left.last;
}
