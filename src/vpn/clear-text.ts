/** What a profile means for people: one line, and everything that may leave the uplink for it. */
import { ipv4ToNumber } from '../core/ipv4.ts';
import { describeEgress, type EgressRow } from '../core/policy/index.ts';
import { kindNamed } from './kinds.ts';
import type { TunnelPlan } from './tunnel-plan.ts';

/** `acme: WireGuard to vpn.acme.example:51820, server key GtL7..., full tunnel, DNS 10.64.0.1, MTU 1420`. No secrets. */
export function describeTunnel(name: string, plan: TunnelPlan): string {
  const { endpoint, alternatives, peerIdentity, routes, split, resolvers, mtu, ipv6, possibleIpv6, dialect } = plan;
  const proved = plan.certificates === undefined ? `server key ${peerIdentity}` : `server proved by ${peerIdentity}`;
  const parts = [
    `${kindNamed(plan.kind).label}${dialect === undefined ? '' : ` (${dialect})`} to ${endpoint.host}:${endpoint.port}`,
    ...(alternatives.length === 0 ? [] : [`or ${alternatives.map(({ host, port }) => `${host}:${port}`).join(', ')}`]),
    proved,
    'private key (hidden)',
    split ? `only ${routes.join(', ')} (the rest is dropped)` : 'full tunnel',
    ...(ipv6 === undefined ? [] : [ipv6.routes.includes('::/0') ? 'IPv6 too' : `of IPv6 ${ipv6.routes.join(', ')}`]),
    ...(possibleIpv6 === undefined ? [] : ['IPv6 if the server gives it']),
    `DNS ${resolvers.length === 0 ? 'as the server says' : resolvers.join(', ')}`,
    `MTU ${mtu}`,
  ];
  return `${name}: ${parts.join(', ')}`;
}

/** The host's own, and the one thing here that a vmgate.yaml can turn off. */
const PORTAL_PROBE: EgressRow = {
  from: 'this machine',
  to: 'the server of portal.probe',
  what: 'HTTP: asks whether a sign-in page is in the way',
  when: 'after a tunnel failed, unless portal.probe is false',
  visible: 'in clear',
};

/**
 * Everything that may be seen on the untrusted network for this profile, before any gate runs; what is in no row does
 * not leave. The gateway's rows are the policy's own table, so that this cannot promise anything else than is enforced.
 */
export function clearTextPlan(plan: TunnelPlan): readonly EgressRow[] {
  const endpoints = [plan.endpoint, ...plan.alternatives];
  const names = new Set(endpoints.map(({ host }) => host).filter((host) => ipv4ToNumber(host) === undefined));
  const lookups = [...names].map(
    (host): EgressRow => ({
      from: 'this machine',
      to: "the local network's resolver",
      what: `DNS: the address of ${host}`,
      when: 'at each connect',
      visible: 'in clear',
    }),
  );
  const rows = describeEgress({
    uplink: { mac: '', address: undefined, nextHop: undefined, dhcp: false },
    endpoints: endpoints.flatMap(({ host, port, protocol, shape, datagrams }) => {
      const one = { address: host, port, protocol, shape };
      return datagrams === true ? [one, { ...one, protocol: 'udp' as const }] : [one];
    }),
    links: [],
    tunnel: undefined,
  });
  return [...lookups, ...rows, PORTAL_PROBE];
}
