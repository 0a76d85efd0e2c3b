/** The checks of a gate whose tunnel and links have IPv6. */
import { describe, expect, test } from '@jest/globals';
import { planCanaries } from '../../../../src/core/checks/canary-plan.ts';
import { type ExitAnswer, type ExitFacts, exitCheck } from '../../../../src/core/checks/exit.ts';
import { objectionTo } from '../../../../src/core/checks/exit-target.ts';
import { canonicalPrefix } from '../../../../src/core/checks/prefix.ts';
import { routesCheck } from '../../../../src/core/checks/routes.ts';
import { planLinks } from '../../../../src/core/link-plan.ts';
import type { EgressPolicy } from '../../../../src/core/policy/index.ts';
import type { GatewayFacts } from '../../../../src/gateway/protocol.ts';
import { tunnelAddresses as addresses4, healthyFacts, policy as policy4, snapshot, tunnel } from './facts.ts';

const plan = planLinks(
  ['dev'],
  { kind: 'static', address: '10.0.2.15', prefixLength: 24, nextHop: '10.0.2.2' },
  [],
  0x0102,
  [],
);
const links = [...plan.work, plan.probe];
const tunnelAddresses = [...addresses4, 'fd00:66::2/128'];

function policyWith(routes: readonly string[]): EgressPolicy {
  return { ...policy4, links, tunnel: { ...tunnel, ipv6: { routes, resolvers: ['fd00:66::1'] } } };
}
const policy = policyWith(['::/0']);

/** As `ip -6 -j route show table all` prints a router's. */
const routes6 = [
  { dst: 'fd00:66::2', dev: 'tun0', protocol: 'kernel', metric: 256, flags: [] },
  { dst: 'default', dev: 'tun0', metric: 1024, flags: [] },
  { dst: 'fe80::/64', dev: 'tun0', protocol: 'kernel', metric: 256, flags: [] },
  ...links.flatMap(({ ifname, ipv6 }) => [
    { dst: ipv6?.network, dev: ifname, protocol: 'kernel', metric: 256, flags: [] },
    { dst: 'fe80::/64', dev: ifname, protocol: 'kernel', metric: 256, flags: [] },
    { type: 'local', dst: ipv6?.gateway, dev: ifname, table: 'local', protocol: 'kernel', metric: 0, flags: [] },
    { type: 'anycast', dst: ipv6?.network.replace('/64', ''), dev: ifname, table: 'local', metric: 0, flags: [] },
    { type: 'multicast', dst: 'ff00::/8', dev: ifname, table: 'local', metric: 256, flags: [] },
  ]),
  { type: 'local', dst: '::1', dev: 'lo', table: 'local', protocol: 'kernel', metric: 0, flags: [] },
];
const off = Object.fromEntries([...links.map(({ ifname }) => ifname), 'tun0'].map((ifname) => [ifname, false]));
const disableIpv6 = { ...healthyFacts().disableIpv6, ...off };

function judged(change: Partial<GatewayFacts> = {}, of: EgressPolicy = policy) {
  return routesCheck.judge({
    policy: of,
    plan,
    tunnelAddresses,
    snapshot: snapshot({ routes6, disableIpv6, ...change }),
  });
}

describe('routes', () => {
  test('as the policy needs them', () => {
    expect(judged()).toMatchObject({
      outcome: 'verified',
      evidence: [expect.stringContaining('0.0.0.0/0, ::/0 by tun0'), expect.anything()],
    });
  });

  test.each<[string, Partial<GatewayFacts>, string]>([
    [
      'no default route over IPv6',
      { routes6: routes6.filter(({ dst }) => dst !== 'default') },
      'no route for ::/0 into tun0',
    ],
    [
      'a way out that a work VM advertised',
      { routes6: [...routes6, { dst: 'default', gateway: 'fe80::5054:20ff:fe01:200', dev: 'work0', protocol: 'ra' }] },
      '"dst":"::/0"',
    ],
    [
      'another prefix on a link',
      { routes6: [...routes6, { dst: '2001:db8:66::/64', dev: 'work0' }] },
      '2001:db8:66::/64',
    ],
    ['IPv6 on the uplink', { disableIpv6: { ...disableIpv6, up0: false } }, 'up0: IPv6 is not switched off'],
    ['a link that speaks none', { disableIpv6: { ...disableIpv6, work0: true } }, 'work0: IPv6 is switched off'],
    ['link-local addresses of the uplink', { routes6: [...routes6, { dst: 'fe80::/64', dev: 'up0' }] }, '"up0"'],
  ])('%s', (_name, change, mentions) => {
    const { outcome, evidence } = judged(change);
    expect([outcome, evidence.join('\n')]).toEqual(['refuted', expect.stringContaining(mentions)]);
  });

  test('a tunnel of parts must not swallow the rest', () => {
    const parts = routes6.map((entry) => (entry.dst === 'default' ? { ...entry, dst: '2001:db8::/32' } : entry));
    expect(judged({ routes6: parts }, policyWith(['2001:db8::/32']))).toMatchObject({ outcome: 'verified' });
    expect(judged({}, policyWith(['2001:db8::/32']))).toMatchObject({ outcome: 'refuted' });
  });

  test('a gateway without IPv6 is held to have none', () => {
    const without = { ...tunnel, ipv6: undefined };
    expect(judged({}, { ...policy, tunnel: without })).toMatchObject({ outcome: 'refuted' });
  });
});

describe('canaries', () => {
  const canaries = planCanaries(policy, plan, tunnelAddresses);
  const six = canaries.filter(({ kind }) => kind.protocol === 'udp6');
  const guest = 'fd76:6d67:102:1f::c0de';

  test('one goes into the tunnel from the probe’s own prefix, and none under another’s', () => {
    const carried = six.filter(({ fate }) => fate === 'tunnel');
    expect(carried.map(({ destination }) => destination)).toEqual(['2001:db8::c0:2', 'fd00:66::1']);
    expect(carried.every(({ source }) => source === guest)).toBe(true);
    expect(six.filter(({ source, fate }) => source !== guest && fate !== 'dropped')).toEqual([]);
  });

  test('other links, the gateway itself and groups are tried, each once', () => {
    const tried = six.map(({ destination }) => destination);
    for (const to of ['fd76:6d67:102::1', 'fd76:6d67:102::c0de', 'fd00:66::2', 'ff02::1']) expect(tried).toContain(to);
    expect(new Set(canaries.map(({ name }) => name)).size).toBe(canaries.length);
  });

  test('without IPv6 in the tunnel every one of them is dropped', () => {
    const without = { ...tunnel, ipv6: undefined };
    const planned = planCanaries({ ...policy, tunnel: without }, plan, addresses4);
    expect(planned.filter(({ kind, fate }) => kind.protocol === 'udp6' && fate !== 'dropped')).toEqual([]);
  });
});

describe('exit', () => {
  const url = 'https://ip.lab.example/';
  const said = (body: string, address: string): ExitAnswer => ({
    kind: 'response',
    status: 200,
    body,
    address,
    date: undefined,
  });
  const four = said('203.0.113.7', '203.0.113.80');
  const facts = (change: Partial<ExitFacts>): ExitFacts => ({
    settings: { url, expect: ['203.0.113.0/24', '2001:db8:e::/48'] },
    split: false,
    hasIpv6: true,
    answer: four,
    ...change,
  });

  test.each<[string, Partial<ExitFacts>, string, string]>([
    [
      'both where they should',
      { answer6: said('2001:db8:e::7', '2001:db8::80') },
      'verified',
      'over IPv6: traffic comes out at 2001:db8:e::7',
    ],
    [
      'IPv6 elsewhere',
      { answer6: said('2001:db8:bad::7', '2001:db8::80') },
      'refuted',
      'over IPv6: traffic comes out at 2001:db8:bad::7',
    ],
    [
      'whoever answers over IPv6 proves nothing',
      { answer6: { kind: 'untrusted', reason: 'self-signed', address: '2001:db8::80' } },
      'refuted',
      'self-signed',
    ],
    [
      'nobody answers over IPv6',
      { answer6: { kind: 'silent', reason: 'ETIMEDOUT', address: '2001:db8::80' } },
      'unknown',
      'ETIMEDOUT',
    ],
    ['led elsewhere', { answer6: { kind: 'withheld', reason: 'ip.lab.example is at ::1' } }, 'unknown', 'is at ::1'],
    ['a server without IPv6', {}, 'verified', 'over IPv6 not asked: ip.lab.example has no IPv6 address in the tunnel'],
    [
      'IPv4 elsewhere',
      { answer: said('198.51.100.4', '203.0.113.80'), answer6: said('2001:db8:e::7', '2001:db8::80') },
      'refuted',
      '198.51.100.4',
    ],
  ])('%s', (_name, change, outcome, mentions) => {
    const opinion = exitCheck.judge(facts(change));
    expect([opinion.outcome, [opinion.summary, ...opinion.evidence].join('\n')]).toEqual([
      outcome,
      expect.stringContaining(mentions),
    ]);
  });

  test.each<[string, string, string | undefined]>([
    ['2001:db8::80', 'https:', undefined],
    ['2001:db8::80', 'http:', 'http would be readable'],
    ['fd00:99::1', 'http:', undefined],
    ['::1', 'https:', 'machine itself'],
    ['fe80::1', 'https:', 'neighbour'],
    ['::ffff:10.0.2.2', 'https:', 'IPv4'],
    [plan.work[0]?.ipv6?.gateway ?? '', 'https:', 'on a link of this gate'],
  ])('asked at %s by %s', (address, scheme, objection) => {
    const found = objectionTo(new URL(`${scheme}//ip.lab.example/`), address, policy);
    expect(found ?? 'none').toContain(objection ?? 'none');
  });

  test('is not asked where no route leads', () => {
    expect(objectionTo(new URL(url), '2001:db9::1', policyWith(['2001:db8::/32']))).toContain(
      'not routed into the tunnel',
    );
    expect(objectionTo(new URL(url), '2001:db8::80', policy4)).toContain('not routed into the tunnel');
  });
});

test('prefixes of IPv6 have one form', () => {
  expect(canonicalPrefix('2001:DB8:0::7/32')).toBe('2001:db8::/32');
});
