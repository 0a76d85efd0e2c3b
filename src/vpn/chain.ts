/**
 * Profiles in a chain, each inside the one before: what they must be together, and how large the packets of an inner one may
 * be. What only a connect tells (a server's address, what a server gives) is judged then, by the same rules.
 */
import { isIPv4 } from 'node:net';
import { VmgateError } from '../core/coded.ts';
import { ipv4Range } from '../core/ipv4.ts';
import { errors } from './codes.ts';
import { kindNamed } from './kinds.ts';
import { loadProfile, type StoredProfile } from './store.ts';
import type { TunnelPlan } from './tunnel-plan.ts';
import { coversAddress, parsePrefix } from './values.ts';

export interface ChainHop {
  readonly name: string;
  /** File, line and column that name it. */
  readonly place: string;
  readonly plan: TunnelPlan;
}

/**
 * What each kind adds to a packet at most, in bytes, inside another. WireGuard: IPv4, UDP, and 32 of its own (whitepaper,
 * 5.4.6). Of the others see their plan.ts; what speaks TCP cuts its packets itself, and has this too.
 */
const OVERHEAD: Readonly<Record<TunnelPlan['kind'], number>> = {
  wireguard: 60,
  openvpn: 132,
  ipsec: 97,
  openconnect: 95,
};

/** What IPv4 hosts must take (RFC 791). */
const LEAST_MTU = 576;

/**
 * Whether the profiles can be a chain, the outermost first. Of one alone nothing is asked.
 *
 * @throws VPN_CHAIN_KIND, VPN_CHAIN_SAME_SERVER, VPN_CHAIN_ADDRESSES_OVERLAP, VPN_CHAIN_UNREACHABLE, VPN_CHAIN_NARROW
 */
export function judgeChain(hops: readonly ChainHop[]): void {
  let mtu = hops[0]?.plan.mtu ?? 0;
  for (const [index, hop] of hops.entries()) {
    const before = hops.slice(0, index);
    judgeKind(hop, before);
    judgeAddresses(hop, before);
    for (const { host } of [hop.plan.endpoint, ...hop.plan.alternatives]) judgeServer(hop, host, before);
    if (index > 0) mtu = innerMtu(hop, mtu);
  }
}

/**
 * That a server is not one of the hops before, and that the last of them leads there. A name is judged as far as it goes.
 *
 * @throws VPN_CHAIN_SAME_SERVER, VPN_CHAIN_UNREACHABLE
 */
export function judgeServer({ name, place }: Omit<ChainHop, 'plan'>, host: string, before: readonly ChainHop[]): void {
  const twin = before.find(({ plan }) => [plan.endpoint, ...plan.alternatives].some((other) => other.host === host));
  if (twin !== undefined) {
    throw VmgateError.of(errors.VPN_CHAIN_SAME_SERVER, { name, place, other: twin.name, server: host });
  }
  const outer = before.at(-1);
  if (outer === undefined || !isIPv4(host)) return;
  if (
    !coversAddress(
      outer.plan.routes.flatMap((route) => parsePrefix(route) ?? []),
      host,
    )
  ) {
    throw VmgateError.of(errors.VPN_CHAIN_UNREACHABLE, { name, place, other: outer.name, server: host });
  }
}

/** What a configuration says of it. */
interface Named {
  readonly config: { readonly through?: readonly string[] };
  readonly hopPlaces: readonly string[];
}

/**
 * A profile, and those that it runs through where the configuration has a chain.
 *
 * @throws what {@link loadProfile} does (of a profile that is not there with the place that names it), and {@link judgeChain}
 */
export async function loadHops(
  vpnFolder: string,
  name: string,
  { config: { through = [] }, hopPlaces }: Named,
): Promise<{ readonly profile: StoredProfile; readonly through: readonly StoredProfile[] }> {
  const load = (hop: string, index: number) =>
    loadProfile(vpnFolder, hop).catch((cause: unknown) => {
      const place = hopPlaces[index];
      if (place === undefined || !VmgateError.is(cause) || cause.code !== errors.VPN_UNKNOWN.code) throw cause;
      const evidence = [`${place}: hop ${index + 1} of the chain`];
      throw VmgateError.of(errors.VPN_UNKNOWN, cause.payload as { name: string; known: string[] }, { cause, evidence });
    });
  const [profile, ...others] = await Promise.all([load(name, through.length), ...through.map(load)]);
  judgeChain([...others, profile].map((hop, index) => ({ ...hop, place: hopPlaces[index] ?? '' })));
  return { profile, through: others };
}

/**
 * That a hop's addresses are not those of the hops before, as far as either is known: some servers say them once connected.
 *
 * @throws VPN_CHAIN_ADDRESSES_OVERLAP
 */
export function judgeAddresses({ name, place, plan: { addresses } }: ChainHop, before: readonly ChainHop[]): void {
  for (const address of addresses) {
    const other = before.find(({ plan }) => plan.addresses.some((theirs) => overlaps(theirs, address)));
    if (other !== undefined) {
      throw VmgateError.of(errors.VPN_CHAIN_ADDRESSES_OVERLAP, { name, place, other: other.name, address });
    }
  }
}

function judgeKind({ name, place, plan }: ChainHop, before: readonly ChainHop[]): void {
  const refuse = (why: string) => VmgateError.of(errors.VPN_CHAIN_KIND, { name, place, why });
  const twin = before.find((other) => other.plan.kind === plan.kind);
  if (plan.kind !== 'wireguard' && twin !== undefined) {
    const { label } = kindNamed(plan.kind);
    throw refuse(
      `it is ${label}, as ${twin.name} is: of its program the gateway runs one; WireGuard alone may be there twice`,
    );
  }
  const asking = before.find((other) => other.plan.challenge !== undefined);
  if (plan.challenge !== undefined && asking !== undefined) {
    throw refuse(`its server asks for a one-time code, as that of ${asking.name} does, and vmgate up asks for one`);
  }
}

/**
 * MTU of a tunnel inside one of `outer` bytes: what is left of that, or less where its profile says so.
 *
 * @throws VPN_CHAIN_NARROW
 */
export function innerMtu({ name, place, plan }: ChainHop, outer: number): number {
  const mtu = Math.min(plan.mtu, outer - OVERHEAD[plan.kind]);
  if (mtu < LEAST_MTU) throw VmgateError.of(errors.VPN_CHAIN_NARROW, { name, place, mtu, least: LEAST_MTU });
  return mtu;
}

function overlaps(one: string, other: string): boolean {
  const [left, right] = [ipv4Range(one), ipv4Range(other)];
  return left !== undefined && right !== undefined && left.first <= right.last && right.first <= left.last;
}
