/** A healthy gate as its gateway and guard describe it; tests take one piece away at a time. */
import type { FullSnapshot } from '../../../../src/core/checks/snapshot.ts';
import { type LinkPlan, planLinks } from '../../../../src/core/link-plan.ts';
import { compileNft, type EgressPolicy } from '../../../../src/core/policy/index.ts';
import { type GatewayFacts, gatewayFacts } from '../../../../src/gateway/protocol.ts';
import type { FrameCounts } from '../../../../src/guard/protocol.ts';

export const PEER = 'xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=';
/** Host wall clock of every test. */
export const NOW = 1_790_000_000_000;

export const plan: LinkPlan = planLinks(
  ['dev'],
  { kind: 'static', address: '10.0.2.15', prefixLength: 24, nextHop: '10.0.2.2' },
  [],
  0x0102,
);

export const tunnelAddresses = ['10.66.0.2/32'];

export const tunnel = {
  ifname: 'tun0',
  routes: ['0.0.0.0/0'],
  resolvers: ['10.66.0.1'],
  localPort: 40_001,
  mark: 0x766d,
  mtu: 1420,
};

export const endpoint = { address: '198.51.100.10', port: 51_820, protocol: 'udp', shape: 'wireguard' } as const;

export const policy: EgressPolicy = {
  uplink: { mac: plan.uplink.mac, address: '10.0.2.15', nextHop: '10.0.2.2', dhcp: false },
  endpoints: [endpoint],
  links: [...plan.work, plan.probe],
  tunnel,
};

/** The listing nft makes of what was compiled: the added objects. */
export function listed(rules: EgressPolicy): GatewayFacts['ruleset'] {
  return { nftables: compileNft(rules).nftables.flatMap((entry) => ('add' in entry ? [entry['add']] : [])) };
}

const card = (ifname: string, mac: string) => ({
  ifname,
  mac,
  up: true,
  rxPackets: 0,
  rxBytes: 0,
  txPackets: 0,
  txBytes: 0,
});

export type WireGuardTunnel = Extract<GatewayFacts['tunnel'], { kind: 'wireguard' }>;

export const wireguardTunnel: WireGuardTunnel = {
  kind: 'wireguard',
  ifname: 'tun0',
  listenPort: 40_001,
  mark: 0x766d,
  peers: [
    {
      publicKey: PEER,
      endpoint: '198.51.100.10:51820',
      latestHandshakeMs: NOW - 5_000,
      rxBytes: 1_000,
      txBytes: 2_000,
      allowedIps: ['0.0.0.0/0'],
    },
  ],
};

/** As `vmgate-gw facts` prints it, iproute2 6.15 and nft 1.1.3. */
export function healthyFacts(overrides: Partial<GatewayFacts> = {}): GatewayFacts {
  const links = [...plan.work, plan.probe];
  return gatewayFacts.parse({
    v: 1,
    bootId: 'boot-1',
    epochMs: NOW,
    uptimeMs: 9_000,
    ruleset: listed(policy),
    leases: [],
    rules4: [
      { priority: 0, src: 'all', table: 'local' },
      { priority: 51, src: 'all', fwmark: '0x766d', table: '51' },
      { priority: 32_766, src: 'all', table: 'main' },
      { priority: 32_767, src: 'all', table: 'default' },
    ],
    rules6: [
      { priority: 0, src: 'all', table: 'local' },
      { priority: 32_766, src: 'all', table: 'main' },
    ],
    routes4: [
      { dst: 'default', gateway: '10.0.2.2', dev: 'up0', table: '51', flags: ['onlink'] },
      { dst: 'default', dev: 'tun0', scope: 'link', flags: [] },
      ...links.map(({ ifname, gateway }) => ({
        dst: `${gateway.replace(/\.(\d+)$/, (_, last) => `.${Number(last) - 1}`)}/29`,
        dev: ifname,
        protocol: 'kernel',
        scope: 'link',
        prefsrc: gateway,
        flags: [],
      })),
      { type: 'local', dst: '10.0.2.15', dev: 'up0', table: 'local', protocol: 'kernel', scope: 'host', flags: [] },
      { type: 'broadcast', dst: '10.0.2.255', dev: 'up0', table: 'local', scope: 'link', flags: [] },
      { type: 'local', dst: '127.0.0.0/8', dev: 'lo', table: 'local', protocol: 'kernel', scope: 'host', flags: [] },
    ],
    routes6: [{ type: 'local', dst: '::1', dev: 'lo', table: 'local', protocol: 'kernel', metric: 0, flags: [] }],
    uplink: { address: '10.0.2.15', prefixLength: 24, nextHop: '10.0.2.2', routeOptions: [] },
    ipForward: true,
    disableIpv6: { up0: true, lo: true, tun0: true, ...Object.fromEntries(links.map(({ ifname }) => [ifname, true])) },
    links: [
      card('lo', '00:00:00:00:00:00'),
      card('up0', plan.uplink.mac),
      ...links.map(({ ifname, gatewayMac }) => card(ifname, gatewayMac)),
      card('tun0', ''),
    ],
    tunnel: wireguardTunnel,
    resolvers: ['10.66.0.1'],
    counters: {},
    ...overrides,
  });
}

export function snapshot(overrides: Partial<GatewayFacts> = {}): FullSnapshot {
  return { facts: healthyFacts(overrides), askedMs: NOW - 30, answeredMs: NOW + 30 };
}

export const quiet: FrameCounts = {
  passed: { arp: { frames: 2, bytes: 84 }, tunnel: { frames: 10, bytes: 1_480 } },
  held: 0,
  foreign: 0,
  canaries: 0,
  overrun: 0,
  unrecorded: 0,
};
