/** The checks of a gate whose VPN is a chain: each hop by itself, and what leads from one into the next. */
import { describe, expect, test } from '@jest/globals';
import { planCanaries } from '../../../../src/core/checks/canary-plan.ts';
import { type RoutesFacts, routesCheck } from '../../../../src/core/checks/routes.ts';
import { type TunnelFacts, tunnelCheck } from '../../../../src/core/checks/tunnel.ts';
import type { EgressPolicy } from '../../../../src/core/policy/index.ts';
import type { GatewayFacts } from '../../../../src/gateway/protocol.ts';
import {
  endpoint,
  healthyFacts,
  NOW,
  PEER,
  plan,
  policy,
  snapshot,
  tunnel,
  tunnelAddresses,
  type WireGuardTunnel,
  wireguardTunnel,
} from './facts.ts';

const inner = { ...endpoint, address: '203.0.113.20' };
const INNER_PEER = 'aW5uZXIgcGVlciBrZXkgZm9yIHRlc3RzIG9mIGNoYWluPT0=';
const hop0 = { ifname: 'hop0', localPort: 40_001, mark: 0x766d, mtu: 1_420 };
const tun0 = { ...tunnel, localPort: 40_002, mark: 0x766e, mtu: 1_360 };
const chained: EgressPolicy = { ...policy, through: [{ ...hop0, endpoints: [inner] }], tunnel: tun0 };

type Peer = WireGuardTunnel['peers'][number];
const [healthyPeer] = wireguardTunnel.peers as [Peer];

function tunnels(outer: Partial<Peer> = {}, within: Partial<Peer> = {}): Pick<GatewayFacts, 'beneath' | 'tunnel'> {
  const first = { ...wireguardTunnel, ifname: 'hop0', peers: [{ ...healthyPeer, ...outer }] };
  const peer = { ...healthyPeer, publicKey: INNER_PEER, endpoint: '203.0.113.20:51820', ...within };
  const second = { ...wireguardTunnel, listenPort: 40_002, mark: 0x766e, peers: [peer] };
  return { beneath: [first], tunnel: second };
}

const moved = { rxBytes: 1_100, txBytes: 2_200 };
const idle = { rxBytes: healthyPeer.rxBytes, txBytes: healthyPeer.txBytes };

function facts(after: Partial<GatewayFacts>): readonly TunnelFacts[] {
  const shared = {
    kind: 'wireguard',
    certificates: undefined,
    serverId: undefined,
    connectBeganMs: NOW - 8_000,
    before: snapshot(tunnels()),
    after: snapshot(after),
  } as const;
  return [
    { ...shared, policy: hop0, endpoint, peerIdentity: PEER },
    { ...shared, policy: tun0, endpoint: inner, peerIdentity: INNER_PEER },
  ];
}

describe('tunnel', () => {
  test.each<[string, Partial<GatewayFacts>, string, string]>([
    ['both answer', tunnels(moved, moved), 'verified', 'hop 1 of 2: endpoint: 198.51.100.10:51820'],
    ['both answer', tunnels(moved, moved), 'verified', 'hop 2 of 2: endpoint: 203.0.113.20:51820'],
    ['the first never answered', tunnels({ ...moved, latestHandshakeMs: 0 }, moved), 'refuted', 'hop 1 of 2: the VPN'],
    ['the second never answered', tunnels(moved, { ...moved, latestHandshakeMs: 0 }), 'refuted', 'hop 2 of 2: the VPN'],
    ['the first is silent meanwhile', tunnels(idle, moved), 'unknown', 'hop 1 of 2: data did not go both ways'],
    ['the second is silent meanwhile', tunnels(moved, idle), 'unknown', 'hop 2 of 2: data did not go both ways'],
    [
      'a refuted one counts before an unknown one',
      tunnels(idle, { ...moved, latestHandshakeMs: 0 }),
      'refuted',
      'hop 2 of 2',
    ],
    ['the second ends at another peer', tunnels(moved, { ...moved, publicKey: 'other' }), 'refuted', 'hop 2 of 2'],
    [
      'the second goes to the place of the first',
      tunnels(moved, { ...moved, endpoint: '198.51.100.10:51820' }),
      'refuted',
      'hop 2 of 2: the tunnel moved away from the pinned endpoint',
    ],
    ['the second alone', { ...tunnels(moved, moved), beneath: [] }, 'refuted', 'another number of tunnels'],
    ['none', { tunnel: null }, 'refuted', 'another number of tunnels'],
  ])('%s', (_, after, outcome, mentions) => {
    const opinion = tunnelCheck.judge(facts(after));
    expect([opinion.outcome, [opinion.summary, ...opinion.evidence].join('\n')]).toEqual([
      outcome,
      expect.stringContaining(mentions),
    ]);
  });

  test('a tunnel beneath one that is no chain is nobody’s', () => {
    const [, last] = facts(tunnels(moved, moved));
    expect(tunnelCheck.judge(last === undefined ? [] : [last])).toMatchObject({ outcome: 'refuted' });
  });

  test('no tunnel at all proves nothing', () => {
    expect(tunnelCheck.judge([])).toMatchObject({ outcome: 'unknown' });
  });
});

describe('routes', () => {
  const healthy = healthyFacts();
  const rules = [...healthy.rules4, { priority: 61, src: 'all', fwmark: '0x766e', table: '61' }];
  const way = { dst: 'default', dev: 'hop0', table: '61', scope: 'link', flags: [] };
  const end = { type: 'unreachable', dst: 'default', dev: 'lo', table: '61', metric: 4_278_198_272, flags: [] };
  const [uplink] = healthy.links;
  const whole: Partial<GatewayFacts> = {
    rules4: rules,
    routes4: [...healthy.routes4, way, end],
    links: [...healthy.links, ...(uplink === undefined ? [] : [{ ...uplink, ifname: 'hop0', mac: '' }])],
    disableIpv6: { ...healthy.disableIpv6, hop0: true },
  };
  const judged = (change: Partial<GatewayFacts> = {}, by: Partial<RoutesFacts> = {}) =>
    routesCheck.judge({ policy: chained, plan, tunnelAddresses, snapshot: snapshot({ ...whole, ...change }), ...by });

  test('as a chain needs them', () => {
    expect(judged()).toMatchObject({
      outcome: 'verified',
      evidence: expect.arrayContaining(['VPN socket of hop 2 by hop0', 'VPN socket by 10.0.2.2']),
    });
  });

  test.each<[string, Partial<GatewayFacts>, string]>([
    ['no end behind the hop', { routes4: [...healthy.routes4, way] }, 'table 61 has no end'],
    ['no way into the hop', { routes4: [...healthy.routes4, end] }, 'no route of table 61 into hop0'],
    ['no rule', { rules4: healthy.rules4 }, 'nothing leads the VPN socket to table 61'],
    [
      'the rule behind the main table',
      { rules4: [...healthy.rules4, { priority: 40_000, src: 'all', fwmark: '0x766e', table: '61' }] },
      'comes after table main',
    ],
    [
      "the second's packets by the uplink's table",
      { rules4: [...rules, { priority: 50, src: 'all', fwmark: '0x766e', table: '51' }] },
      'rule not ours',
    ],
    [
      'everybody into the hop',
      { routes4: [...healthy.routes4, way, end, { dst: '9.9.9.0/24', dev: 'hop0' }] },
      'not ours',
    ],
    [
      'the uplink behind the hop',
      { routes4: [...healthy.routes4, way, end, { dst: 'default', gateway: '10.0.2.2', dev: 'up0', table: '61' }] },
      'not ours',
    ],
    ['no hop', { links: healthy.links }, 'hop0: missing or down'],
  ])('%s', (_, change, mentions) => {
    expect(judged(change)).toMatchObject({
      outcome: 'refuted',
      evidence: expect.arrayContaining([expect.stringContaining(mentions)]),
    });
  });

  const userRule = { src: 'all', uid_start: 65_532, uid_end: 65_532, table: '61' };
  test('what has no mark is led by its user, each hop by another', () => {
    expect(judged({ rules4: [...rules, { priority: 61, ...userRule }] })).toMatchObject({ outcome: 'verified' });
  });

  test.each([
    ["the second's user by the uplink's table", { priority: 61, ...userRule, table: '51' }],
    ["the first's user by the hop", { priority: 61, ...userRule, uid_start: 65_533, uid_end: 65_533 }],
    ['more users than one', { priority: 61, ...userRule, uid_start: 0 }],
  ])('%s', (_, other) => {
    expect(judged({ rules4: [...rules, other] })).toMatchObject({
      outcome: 'refuted',
      evidence: [expect.stringContaining('IPv4 rule not ours')],
    });
  });

  test('of a client without marks the rule for its user is what counts', () => {
    const through = [{ ...hop0, endpoints: [{ ...inner, shape: 'openconnect', protocol: 'tcp' } as const] }];
    const by = { policy: { ...chained, through } };
    expect(judged({}, by)).toMatchObject({
      outcome: 'refuted',
      evidence: ['IPv4 rule: nothing leads the VPN socket to table 61'],
    });
    expect(judged({ rules4: [...rules, { priority: 40_000, ...userRule }] }, by)).toMatchObject({
      evidence: ["IPv4 rule: the VPN socket's rule comes after table main"],
    });
    expect(judged({ rules4: [...rules, { priority: 61, ...userRule }] }, by)).toMatchObject({ outcome: 'verified' });
  });

  test('the same is too much for a tunnel without a chain', () => {
    expect(judged({}, { policy })).toMatchObject({ outcome: 'refuted' });
  });
});

test("canaries are aimed at each hop's server, in its shape, and belong into the last tunnel", () => {
  const canaries = planCanaries(chained, plan, ['10.66.0.2/32', '10.67.0.2/32']);
  for (const { address } of [endpoint, inner]) {
    const aimed = canaries.filter(({ destination, fate }) => destination === address && fate === 'tunnel');
    expect(aimed.map(({ kind }) => kind.protocol)).toEqual(['udp', 'tcp-syn', 'wireguard']);
  }
  // The gateway's address in each tunnel is its own.
  for (const own of ['10.66.0.2', '10.67.0.2']) {
    expect(canaries.filter(({ destination }) => destination === own).map(({ fate }) => fate)).toEqual([
      'dropped',
      'dropped',
    ]);
  }
});
