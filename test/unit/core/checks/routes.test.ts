import { describe, expect, test } from '@jest/globals';
import { type RoutesFacts, routesCheck } from '../../../../src/core/checks/routes.ts';
import type { GatewayFacts } from '../../../../src/gateway/protocol.ts';
import { healthyFacts, plan, policy, snapshot, tunnel, tunnelAddresses } from './facts.ts';

const healthy = healthyFacts();

function facts(change: Partial<GatewayFacts> = {}): RoutesFacts {
  return { policy, plan, tunnelAddresses, snapshot: snapshot(change) };
}

const plus4 = (...routes: object[]) => facts({ routes4: [...healthy.routes4, ...routes] });
const plus6 = (...routes: object[]) => facts({ routes6: [...healthy.routes6, ...routes] });
const rules4 = (...rules: object[]) => facts({ rules4: [...healthy.rules4, ...rules] });
const without = (dst: string) =>
  facts({ routes4: healthy.routes4.filter((entry) => (entry as { dst: string }).dst !== dst) });
const card = (ifname: string, change: Partial<GatewayFacts['links'][number]>) =>
  facts({ links: healthy.links.map((link) => (link.ifname === ifname ? { ...link, ...change } : link)) });

const split = {
  ...policy,
  tunnel: { ...tunnel, routes: ['10.20.0.0/16', '10.66.0.0/24'] },
};
const splitRoutes = [
  ...healthy.routes4.filter((entry) => (entry as { dev: string }).dev !== 'tun0'),
  { dst: '10.20.0.0/16', dev: 'tun0', scope: 'link', flags: [] },
  { dst: '10.66.0.0/24', dev: 'tun0', scope: 'link', flags: [] },
];

describe('routes', () => {
  test('a network that sends routes is named, and changes nothing', () => {
    const uplink = { address: '10.0.2.15', prefixLength: 24, nextHop: '10.0.2.2', routeOptions: [33, 121] };
    expect(routesCheck.judge(facts({ uplink }))).toMatchObject({
      outcome: 'verified',
      summary: expect.stringMatching(/sent routes of its own \(DHCP option 33, 121\), which are ignored$/),
    });
    expect(routesCheck.judge(facts())).toMatchObject({ summary: 'every way leads into the tunnel' });
  });

  test.each<[string, RoutesFacts, string, string]>([
    ['as the policy needs them', facts(), 'verified', '0.0.0.0/0 by tun0'],
    ['split tunnel', { ...facts({ routes4: splitRoutes }), policy: split }, 'verified', '10.20.0.0/16, 10.66.0.0/24'],
    ['next hop made reachable', plus4({ dst: '10.0.2.2', dev: 'up0', table: '51' }), 'verified', ''],
    [
      'nowhere routes',
      plus4({ type: 'unreachable', dst: 'default', dev: 'lo', metric: 4_294_967_295 }),
      'verified',
      '',
    ],
    ['IPv6 inside the tunnel', plus6({ dst: 'fe80::/64', dev: 'tun0' }, { dst: '::1', dev: 'lo' }), 'verified', ''],
    [
      'multicast of the kernel',
      plus6({ type: 'multicast', dst: 'ff00::/8', dev: 'tun0', table: 'local' }),
      'verified',
      '',
    ],
    ["the tunnel's own network", plus4({ dst: '10.66.0.2', dev: 'tun0' }), 'verified', ''],

    ['no tunnel', { ...facts(), policy: { ...policy, tunnel: undefined } }, 'unknown', 'no tunnel'],
    [
      'no next hop',
      { ...facts(), policy: { ...policy, uplink: { ...policy.uplink, nextHop: undefined } } },
      'unknown',
      'no tunnel',
    ],
    ['default by the uplink', plus4({ dst: 'default', gateway: '10.0.2.2', dev: 'up0' }), 'refuted', '"dev":"up0"'],
    [
      'a host route by the uplink (TunnelVision)',
      plus4({ dst: '8.8.8.8', gateway: '10.0.2.2', dev: 'up0' }),
      'refuted',
      '8.8.8.8',
    ],
    [
      "the uplink's network (TunnelCrack)",
      plus4({ dst: '10.0.2.0/24', dev: 'up0', scope: 'link' }),
      'refuted',
      '10.0.2.0/24',
    ],
    ['another router', plus4({ dst: 'default', gateway: '10.0.2.3', dev: 'up0', table: '51' }), 'refuted', '10.0.2.3'],
    ['more in table 51', plus4({ dst: '9.9.9.9', gateway: '10.0.2.2', dev: 'up0', table: '51' }), 'refuted', '9.9.9.9'],
    ['on-link in table 51', plus4({ dst: '9.9.9.9', dev: 'up0', table: '51' }), 'refuted', '9.9.9.9'],
    ['another table', plus4({ dst: 'default', dev: 'tun0', table: '77' }), 'refuted', '"77"'],
    [
      'a router behind the tunnel',
      plus4({ dst: '1.1.1.1', gateway: '10.66.0.9', dev: 'tun0' }),
      'refuted',
      '10.66.0.9',
    ],
    ['an unknown interface', plus4({ dst: '1.1.1.1', dev: 'eth7' }), 'refuted', 'eth7'],
    ['no interface', plus4({ dst: '1.1.1.1' }), 'refuted', '1.1.1.1'],
    ['too much by a link', plus4({ dst: '10.0.0.0/8', dev: 'work0' }), 'refuted', '10.0.0.0/8'],
    ['a guest as router', plus4({ dst: '10.213.0.2', gateway: '10.213.0.2', dev: 'work0' }), 'refuted', 'work0'],
    ['IPv6 by the uplink', plus6({ dst: '2001:db8::/32', dev: 'up0' }), 'refuted', '2001:db8::/32'],
    ['IPv6 by a link', plus6({ dst: 'fe80::/64', dev: 'work0' }), 'refuted', 'fe80::/64'],
    ['an unknown type', plus4({ type: 'throw', dst: 'default' }), 'refuted', 'throw'],
    [
      'delivery outside table local',
      plus4({ type: 'local', dst: '0.0.0.0/0', dev: 'lo', table: 'main' }),
      'refuted',
      '"local"',
    ],
    ['several next hops', plus4({ dst: '1.1.1.1', nexthops: [{ dev: 'up0' }] }), 'refuted', 'nexthops'],
    [
      'a router of the other family',
      plus4({ dst: '1.1.1.1', dev: 'tun0', via: { family: 'inet6', host: 'fe80::1' } }),
      'refuted',
      'via',
    ],
    ['encapsulation', plus4({ dst: '1.1.1.1', dev: 'tun0', encap: 'mpls' }), 'refuted', 'encap'],
    ['garbage', plus4({ destination: 7 }), 'refuted', 'destination'],
    ['no default route', without('default'), 'refuted', 'no route for 0.0.0.0/0 into tun0'],
    [
      'a split tunnel swallowing all',
      { ...facts({ routes4: [...splitRoutes, { dst: 'default', dev: 'tun0' }] }), policy: split },
      'refuted',
      '"0.0.0.0/0"',
    ],
    [
      'a split route missing',
      { ...facts({ routes4: splitRoutes.slice(0, -1) }), policy: split },
      'refuted',
      '10.66.0.0/24',
    ],

    ['a rule with a source', rules4({ priority: 9, src: '10.213.0.2', table: 'main' }), 'refuted', '10.213.0.2'],
    ['a rule with an interface', rules4({ priority: 9, src: 'all', iif: 'work0', table: 'main' }), 'refuted', 'iif'],
    ['a rule to another table', rules4({ priority: 9, src: 'all', table: '77' }), 'refuted', '"77"'],
    ['another mark', rules4({ priority: 9, src: 'all', fwmark: '0x1', table: '51' }), 'refuted', '0x1'],
    ['everybody to table 51', rules4({ priority: 9, src: 'all', table: '51' }), 'refuted', '"51"'],
    [
      'no rule for the socket',
      facts({ rules4: [{ priority: 32_766, src: 'all', table: 'main' }] }),
      'refuted',
      'table 51',
    ],
    [
      'nothing looks into main',
      facts({ rules4: healthy.rules4.slice(0, 2) }),
      'refuted',
      'nothing looks into table main',
    ],
    [
      "the socket's rule last",
      facts({
        rules4: [
          { priority: 100, src: 'all', table: 'main' },
          { priority: 200, src: 'all', fwmark: '0x766d', table: '51' },
        ],
      }),
      'refuted',
      'comes after table main',
    ],
    ['an IPv6 rule', facts({ rules6: [{ priority: 9, src: 'all', table: '77' }] }), 'refuted', 'IPv6 rule'],

    [
      'another address by DHCP',
      facts({ uplink: { address: '10.0.2.16', prefixLength: 24, nextHop: '10.0.2.2', routeOptions: [] } }),
      'unknown',
      'now it is 10.0.2.16, router 10.0.2.2',
    ],
    [
      'another router by DHCP',
      facts({ uplink: { address: '10.0.2.15', prefixLength: 24, nextHop: '10.0.2.3', routeOptions: [] } }),
      'unknown',
      'now it is 10.0.2.15, router 10.0.2.3',
    ],
    // What the client's script leaves then: no address, hence no route either. The gateway is not to blame.
    [
      'the address taken back',
      facts({ uplink: null, routes4: healthy.routes4.filter((route) => (route as { dev: string }).dev !== 'up0') }),
      'unknown',
      'now there is none',
    ],
    ['forwarding off', facts({ ipForward: false }), 'refuted', 'ip_forward is off'],
    [
      'a card missing',
      facts({ links: healthy.links.filter(({ ifname }) => ifname !== 'work0') }),
      'refuted',
      'work0: missing',
    ],
    ['a card down', card('probe0', { up: false }), 'refuted', 'probe0: down'],
    ['another MAC', card('up0', { mac: '02:00:00:00:00:01' }), 'refuted', 'up0: MAC 02:00:00:00:00:01'],
    ['the tunnel down', card('tun0', { up: false }), 'refuted', 'tun0: missing or down'],
    ['IPv6 on a card', facts({ disableIpv6: { ...healthy.disableIpv6, up0: false } }), 'refuted', 'up0: IPv6'],
    ['IPv6 unsaid', facts({ disableIpv6: {} }), 'refuted', 'work0: IPv6'],
    [
      'a card too many',
      facts({ links: [...healthy.links, { ...(healthy.links[1] as GatewayFacts['links'][number]), ifname: 'usb0' }] }),
      'refuted',
      'usb0: not ours',
    ],
  ])('%s', (_, given, outcome, mentions) => {
    const opinion = routesCheck.judge(given);
    expect([opinion.outcome, [opinion.summary, ...opinion.evidence].join('\n')]).toEqual([
      outcome,
      expect.stringContaining(mentions),
    ]);
  });
});
