/**
 * Which canaries are sent on the probe link, and what has to become of each. Pure: `src/verify/probe` renders them into
 * frames. Nearly the same list is sent without a lease, when nothing may go anywhere, and with one, when the tunnel is
 * the only place.
 */
import type { LinkPlan } from '../link-plan.ts';
import type { EgressPolicy, Endpoint, LinkIpv6, WireShape } from '../policy/egress-policy.ts';
import { within } from './prefix.ts';

/**
 * What a lease makes of a canary; without one every canary is dropped. `either`: inside the tunnel or nowhere, as its
 * routes have it. `answered`: by the gateway itself, so that it is not sent then.
 */
export type Fate = 'dropped' | 'tunnel' | 'either' | 'answered';

export type CanaryKind =
  | { readonly protocol: 'udp' | 'tcp-syn'; readonly port: number }
  | { readonly protocol: 'icmp' }
  /** A well-formed question whose name carries the token. */
  | { readonly protocol: 'dns' }
  /** UDP payload in the shape of a data message of the tunnel: what the guard would let pass but for the token. */
  | { readonly protocol: WireShape; readonly port: number }
  | { readonly protocol: 'udp6'; readonly port: number };

export interface Canary {
  readonly name: string;
  readonly kind: CanaryKind;
  readonly source: string;
  readonly destination: string;
  readonly fate: Fate;
}

/** Documentation range (RFC 5737): routed nowhere, so that no stranger receives a canary. */
const PUBLIC = '192.0.2.1';

/** Places a guest has no business with: slirp's host and DNS, cloud metadata, the usual private ranges. */
const NEIGHBOURS = ['10.0.2.2', '10.0.2.3', '169.254.169.254', '10.255.255.254', '172.31.255.254', '192.168.0.1'];

const EVERYBODY = ['255.255.255.255', '224.0.0.251', '239.255.255.250'];

const UDP: CanaryKind = { protocol: 'udp', port: 9 };
const HTTP: CanaryKind = { protocol: 'tcp-syn', port: 80 };
const PING: CanaryKind = { protocol: 'icmp' };
const DNS: CanaryKind = { protocol: 'dns' };

/** `tunnelAddresses`: the gateway's own addresses inside the tunnel, CIDR. */
export function planCanaries(
  policy: EgressPolicy,
  plan: LinkPlan,
  tunnelAddresses: readonly string[],
): readonly Canary[] {
  const { guest, gateway, ifname } = plan.probe;
  const others = policy.links.filter((link) => link.ifname !== ifname);
  const own = [
    ...[policy.uplink.address ?? []].flat(),
    ...tunnelAddresses.map((cidr) => cidr.replace(/\/.*/, '')).filter((address) => !address.includes(':')),
    ...others.map((link) => link.gateway),
  ];
  const routed = (to: string): Fate =>
    policy.tunnel?.routes.some((prefix) => within(to, prefix)) ? 'tunnel' : 'dropped';
  const send = (kinds: readonly CanaryKind[], to: string, fate: Fate, source = guest): readonly Canary[] =>
    kinds.map((kind) => ({ name: nameOf(kind, to, source, guest), kind, source, destination: to, fate }));
  const neighbours = new Set([...NEIGHBOURS, policy.uplink.nextHop ?? []].flat());
  return [
    ...send([UDP, HTTP, PING, DNS], PUBLIC, routed(PUBLIC)),
    ...(policy.tunnel?.resolvers.slice(0, 1) ?? []).flatMap((to) => send([UDP, HTTP, PING], to, routed(to))),
    ...places(policy).flatMap((to) => send(towards(to), to.address, routed(to.address))),
    ...[...neighbours].filter((to) => !own.includes(to)).flatMap((to) => send([UDP], to, 'either')),
    ...own.flatMap((to) => send([UDP, HTTP], to, 'dropped')),
    ...others.flatMap((link) => send([UDP, PING], link.guest, 'dropped')),
    ...EVERYBODY.flatMap((to) => send([UDP], to, 'dropped')),
    ...forgeries(policy, own, others).flatMap((source) => send([UDP], PUBLIC, 'dropped', source)),
    ...send([HTTP, PING], gateway, 'dropped'),
    ...send([DNS, { protocol: 'tcp-syn', port: 53 }], gateway, 'answered'),
    ...send([{ protocol: 'udp6', port: 9 }], '2001:db8::1', 'dropped', '2001:db8:ffff::2'),
    ...send([{ protocol: 'udp6', port: 53 }], 'fe80::1', 'dropped', 'fe80::2'),
    ...planSix(policy, plan, tunnelAddresses),
  ];
}

/** Documentation range (RFC 3849), as {@link PUBLIC}. */
const PUBLIC6 = '2001:db8::c0:2';
const EVERYBODY6 = ['ff02::1', 'ff05::2', 'ff0e::101'];
const UDP6: CanaryKind = { protocol: 'udp6', port: 9 };

/** Where the probe link may have IPv6: everywhere with the address of a guest, and under others' addresses. */
function planSix(policy: EgressPolicy, { probe }: LinkPlan, tunnelAddresses: readonly string[]): readonly Canary[] {
  if (probe.ipv6 === undefined) return [];
  const guest = memberOf(probe.ipv6);
  const tunnel = policy.tunnel?.ipv6;
  const routed = (to: string): Fate => (tunnel?.routes.some((prefix) => within(to, prefix)) ? 'tunnel' : 'dropped');
  const send = (to: string, fate: Fate, source = guest): readonly Canary[] => [
    { name: nameOf(UDP6, to, source, guest), kind: UDP6, source, destination: to, fate },
  ];
  const others = policy.links.flatMap(({ ifname, ipv6 }) =>
    ipv6 === undefined || ifname === probe.ifname ? [] : [ipv6],
  );
  const own = [
    ...tunnelAddresses.map((cidr) => cidr.replace(/\/.*/, '')).filter((address) => address.includes(':')),
    ...others.map(({ gateway }) => gateway),
  ];
  const forged = [...own, ...others.map(memberOf), '2001:db8:ffff::2', '::1', probe.ipv6.gateway];
  return [
    ...send(PUBLIC6, routed(PUBLIC6)),
    ...(tunnel?.resolvers.slice(0, 1) ?? []).flatMap((to) => send(to, routed(to))),
    ...[...own, probe.ipv6.gateway, ...others.map(memberOf), ...EVERYBODY6].flatMap((to) => send(to, 'dropped')),
    ...forged.flatMap((source) => send(PUBLIC6, 'dropped', source)),
  ];
}

/** An address that a machine on a link could have. */
function memberOf({ network }: LinkIpv6): string {
  return `${network.replace(/\/.*/, '')}c0de`;
}

/** Each once, whichever protocols are allowed there: where a VPN socket may send, on whichever way. */
function places({ endpoints, through = [] }: EgressPolicy): readonly Endpoint[] {
  const all = [...endpoints, ...through.flatMap((hop) => hop.endpoints)];
  return [...new Map(all.map((one) => [`${one.address}:${one.port}`, one])).values()];
}

function towards({ port, shape }: Endpoint): readonly CanaryKind[] {
  return [
    { protocol: 'udp', port },
    { protocol: 'tcp-syn', port },
    { protocol: shape, port },
  ];
}

/** Addresses a guest could claim to be: the gateway's, another guest's, the VPN server's, a public one, loopback. */
function forgeries(policy: EgressPolicy, own: readonly string[], others: EgressPolicy['links']): readonly string[] {
  const endpoints = places(policy).map(({ address }) => address);
  return [...own, ...others.map(({ guest }) => guest), ...endpoints, '198.51.100.1', '127.0.0.1'];
}

function nameOf(kind: CanaryKind, to: string, source: string, guest: string): string {
  const port = 'port' in kind ? ` port ${kind.port}` : '';
  const from = source === guest ? '' : ` from ${source}`;
  return `${kind.protocol} to ${to}${port}${from}`;
}
