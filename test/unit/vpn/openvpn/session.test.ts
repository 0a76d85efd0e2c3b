/** What a server says, and what its refusals mean. The logs are openvpn 2.6.14's, word for word. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isReachableIpv6 } from '../../../../src/core/address-class6.ts';
import { VmgateError } from '../../../../src/core/coded.ts';
import { canonicalIpv6, ipv6Overlap } from '../../../../src/core/ipv6.ts';
import { readSession } from '../../../../src/core/openvpn-session.ts';
import { readFailure } from '../../../../src/vpn/openvpn/failure.ts';
import { SESSIONS } from '../../../../src/vpn/sessions.ts';
import type { TunnelPlan } from '../../../../src/vpn/tunnel-plan.ts';
import { faultOf } from '../../faults.ts';

const LOGS = path.join(import.meta.dirname, 'logs');
const log = (name: string) => readFileSync(path.join(LOGS, `${name}.txt`), 'utf8');

const plan: TunnelPlan = {
  kind: 'openvpn',
  endpoint: { host: '198.51.100.10', port: 1_194, protocol: 'udp', shape: 'openvpn' },
  alternatives: [],
  peerIdentity: 'a certificate',
  assigned: true,
  addresses: [],
  routes: ['0.0.0.0/0'],
  split: false,
  resolvers: [],
  searchDomains: [],
  mtu: 1_400,
};
const TAKEN = ['10.213.0.0/29', '192.168.77.50/32', 'fd76:6d67:1:1f::/64'];

const TOLD = [
  'tun_mtu=1500',
  'ifconfig_local=10.77.0.2',
  'foreign_option_2=dhcp-option DOMAIN acme.example',
  'foreign_option_1=dhcp-option DNS 10.77.0.1',
  'trusted_port=1194',
  'trusted_ip=198.51.100.10',
  `tls_digest_sha256_0=${'38:'.repeat(31)}b9`,
  'X509_0_CN=server',
  `tls_digest_sha256_1=${'ed:'.repeat(31)}d3`,
  'local_port_1=34567',
];
const told = (...changed: readonly string[]) => {
  const names = changed.map((line) => line.split('=')[0]);
  return [...TOLD.filter((line) => !names.includes(line.split('=')[0])), ...changed].join('\n');
};
const judge = (text: string, change: Partial<TunnelPlan> = {}) =>
  SESSIONS.openvpn.inside(text, { ...plan, ...change }, TAKEN).inside;

describe('what a server says', () => {
  test('is read', () => {
    expect(readSession(told())).toEqual({
      address: '10.77.0.2',
      tunMtu: 1_500,
      options: [
        ['dhcp-option', 'DNS', '10.77.0.1'],
        ['dhcp-option', 'DOMAIN', 'acme.example'],
      ],
      chain: [`${'38'.repeat(31)}b9`, `${'ed'.repeat(31)}d3`],
      name: 'server',
      endpoint: { address: '198.51.100.10', port: 1_194 },
      localPort: 34_567,
      ipv6: undefined,
    });
  });

  test('becomes the inside of the tunnel: a host address, resolvers, names, and no larger MTU than ours', () => {
    expect(judge(told())).toEqual({
      addresses: ['10.77.0.2/32'],
      resolvers: ['10.77.0.1'],
      searchDomains: ['acme.example'],
      mtu: 1_400,
    });
    expect(judge(told('tun_mtu=1280')).mtu).toBe(1_280);
    expect(judge(told('tun_mtu=9')).mtu).toBe(576);
  });

  test('counts less than the resolvers of profile and user', () => {
    expect(judge(told(), { resolvers: ['10.9.9.9'] }).resolvers).toEqual(['10.9.9.9']);
  });

  test.each([
    ['no address', told('ifconfig_local='), 'VPN_ASSIGNED_INVALID', 'no IPv4 address'],
    ['the loopback as address', told('ifconfig_local=127.0.0.1'), 'VPN_ASSIGNED_INVALID', '127.0.0.1'],
    ['an address of a link', told('ifconfig_local=10.213.0.2'), 'VPN_ASSIGNED_INVALID', 'this side of the tunnel'],
    ['the uplink as address', told('ifconfig_local=192.168.77.50'), 'VPN_ASSIGNED_INVALID', 'this side of the tunnel'],
    ['a name as resolver', told('foreign_option_1=dhcp-option DNS x'), 'VPN_ASSIGNED_INVALID', 'no IPv4 address'],
    ['the loopback as resolver', told('foreign_option_1=dhcp-option DNS 127.0.0.1'), 'VPN_ASSIGNED_INVALID', 'DNS'],
    ['a link as resolver', told('foreign_option_1=dhcp-option DNS 10.213.0.1'), 'VPN_ASSIGNED_INVALID', 'this side'],
    ['no resolver', told('foreign_option_1=dhcp-option WINS 10.77.0.1'), 'VPN_ASSIGNED_NO_DNS', 'DNS server'],
  ])('%s is refused', (_, text, code, mentions) => {
    const fault = faultOf(() => judge(text));
    expect([fault.code, fault.what]).toEqual([code, expect.stringContaining(mentions)]);
  });

  test('a resolver that no route of a split tunnel leads to is refused', () => {
    const split = { split: true, routes: ['10.20.0.0/16'] };
    expect(faultOf(() => judge(told(), split)).what).toContain('no route of the profile leads there');
    expect(judge(told('foreign_option_1=dhcp-option DNS 10.20.0.53'), split).resolvers).toEqual(['10.20.0.53']);
  });

  test('never leads out of the tunnel, whatever it is', () => {
    const line = fc.tuple(
      fc.constantFrom('ifconfig_local', 'foreign_option_1', 'foreign_option_2', 'tun_mtu', 'tls_digest_sha256_0'),
      fc.oneof(
        fc.ipV4(),
        fc.string(),
        fc.ipV4().map((address) => `dhcp-option DNS ${address}`),
      ),
    );
    const property = fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
      try {
        const { addresses, resolvers, mtu } = judge(lines.map(([name, value]) => `${name}=${value}`).join('\n'));
        expect([addresses.length, resolvers.length > 0]).toEqual([1, true]);
        expect(addresses[0]).toMatch(/^\d+\.\d+\.\d+\.\d+\/32$/);
        for (const address of [...addresses, ...resolvers]) expect(address).not.toMatch(/^(127|0|22[4-9]|2[3-5]\d)\./);
        expect(mtu).toBeGreaterThanOrEqual(576);
        expect(mtu).toBeLessThanOrEqual(1_400);
      } catch (fault) {
        if (!VmgateError.is(fault)) throw fault;
      }
    });
    fc.assert(property, { numRuns: 500 });
  });
});

describe('what a server says of IPv6', () => {
  const SIX = [
    'ifconfig_ipv6_local=fd66:6c61:62::2',
    'ifconfig_ipv6_netbits=64',
    'ifconfig_ipv6_remote=fd66:6c61:62::1',
  ];
  /** `redirect-gateway ipv6`, as OpenVPN 2.6.14 tells it. */
  const REDIRECT = ['::/3', '2000::/4', '3000::/4', 'fc00::/7'].map(
    (route, at) => `route_ipv6_network_${at + 1}=${route}`,
  );
  const full = { possibleIpv6: { routes: [], serverRoutes: true } };
  const judge6 = (lines: readonly string[], change: Partial<TunnelPlan> = full) =>
    SESSIONS.openvpn.inside(told(...SIX, ...lines), { ...plan, ...change }, TAKEN);

  test('is nothing to a plan that has none of it', () => {
    const { inside, ipv6Off } = judge6(REDIRECT, {});
    expect([inside.ipv6, ipv6Off, inside.addresses]).toEqual([undefined, undefined, ['10.77.0.2/32']]);
    expect(SESSIONS.openvpn.inside(told(), { ...plan, ...full }, TAKEN)).toEqual({ inside: judge(told()) });
  });

  test.each<[string, readonly string[], readonly string[]]>([
    ['its own network where it says no more', [], ['fd66:6c61:62::/64']],
    ['what it names besides', ['route_ipv6_network_1=2001:db8:7::7/48'], ['fd66:6c61:62::/64', '2001:db8:7::/48']],
    ['everything, by redirect-gateway', REDIRECT, ['::/0']],
    ['everything, where it covers all that is given out', ['route_ipv6_network_1=2000::/3'], ['::/0']],
    [
      'nothing that leads to no machine',
      ['route_ipv6_network_1=fe80::/10', 'route_ipv6_network_2=x'],
      ['fd66:6c61:62::/64'],
    ],
  ])('goes there: %s', (_, lines, routes) => {
    expect(judge6(lines).inside.ipv6).toEqual({ addresses: ['fd66:6c61:62::2/128'], routes, resolvers: [] });
  });

  test('means less to a tunnel of parts: the profile’s prefixes alone', () => {
    const parts = { possibleIpv6: { routes: ['2001:db8:7::/48'], serverRoutes: false } };
    expect(judge6(REDIRECT, parts).inside.ipv6?.routes).toEqual(['2001:db8:7::/48']);
  });

  test('has resolvers, of those that are in the tunnel; the user’s take their place', () => {
    const lines = [
      'foreign_option_3=dhcp-option DNS6 fd66:6c61:62::53',
      'foreign_option_4=dhcp-option DNS fd66:6c61:62::54',
      'foreign_option_5=dhcp-option DNS6 fe80::1',
      'foreign_option_6=dhcp-option DNS6 2001:db8::53',
      'foreign_option_7=dhcp-option DNS6 fd76:6d67:1:1f::1',
    ];
    const { inside } = judge6(lines);
    expect([inside.resolvers, inside.ipv6?.resolvers]).toEqual([
      ['10.77.0.1'],
      ['fd66:6c61:62::53', 'fd66:6c61:62::54'],
    ]);
    expect(judge6(lines, { ...full, resolvers: ['10.9.9.9'] }).inside.ipv6?.resolvers).toEqual([]);
  });

  test.each<[string, readonly string[], string]>([
    ['a link-local address', ['ifconfig_ipv6_local=fe80::2'], 'no machine can be reached'],
    ['a group', ['ifconfig_ipv6_local=ff02::1'], 'no machine can be reached'],
    ['the loopback', ['ifconfig_ipv6_local=::1'], 'no machine can be reached'],
    ['IPv4 in disguise', ['ifconfig_ipv6_local=::ffff:10.0.0.1'], 'no machine can be reached'],
    ['no address', ['ifconfig_ipv6_local=x"; reboot'], 'no IPv6 address'],
    ['an address of a link', ['ifconfig_ipv6_local=fd76:6d67:1:1f::7'], 'on this side of the tunnel'],
    ['a route to a link', ['route_ipv6_network_1=fd76:6d67:1::/48'], 'on this side of the tunnel too'],
    [
      'too many prefixes',
      Array.from({ length: 40 }, (_, at) => `route_ipv6_network_${at}=2001:db8:${at}::/48`),
      'more than 32',
    ],
    ['packets too small', ['tun_mtu=1279'], '1280 bytes'],
  ])('%s: IPv4 goes on without it, and why', (_, lines, why) => {
    const { inside, ipv6Off } = judge6(lines);
    expect([inside.ipv6, ipv6Off]).toEqual([undefined, expect.stringContaining(why)]);
    expect(inside.addresses).toEqual(['10.77.0.2/32']);
  });

  test('never leads out of the tunnel, whatever it is', () => {
    const line = fc.tuple(
      fc.constantFrom('ifconfig_ipv6_local', 'ifconfig_ipv6_netbits', 'route_ipv6_network_1', 'foreign_option_3'),
      fc.oneof(
        fc.ipV6(),
        fc.string(),
        fc.tuple(fc.ipV6(), fc.nat(140)).map(([address, length]) => `${address}/${length}`),
        fc.ipV6().map((address) => `dhcp-option DNS6 ${address}`),
        fc.constantFrom('fd76:6d67:1:1f::/64', 'fe80::/10', '::/0'),
      ),
    );
    const property = fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
      const { inside } = judge6(lines.map(([name, value]) => `${name}=${value}`));
      for (const address of [...(inside.ipv6?.addresses ?? []), ...(inside.ipv6?.resolvers ?? [])]) {
        expect(isReachableIpv6(address.replace(/\/.*/, ''))).toBe(true);
        expect(ipv6Overlap(address, 'fd76:6d67:1:1f::/64')).toBe(false);
      }
      for (const route of inside.ipv6?.routes ?? []) {
        expect(canonicalIpv6(route)).toBe(route);
        expect(Number(route.split('/')[1]) >= 64 && ipv6Overlap(route, 'fd76:6d67:1:1f::/64')).toBe(false);
      }
    });
    fc.assert(property, { numRuns: 500 });
  });
});

describe('why there is no session', () => {
  test.each([
    ['other-authority', 'VPN_SERVER_UNPROVED'],
    ['other-name', 'VPN_SERVER_UNPROVED'],
    ['expired', 'VPN_SERVER_EXPIRED'],
    ['wrong-password', 'VPN_LOGIN_REFUSED'],
    ['client-unknown', 'VPN_CLIENT_REFUSED'],
    ['refused', undefined],
    ['no-answer', undefined],
  ])('%s: %s', (name, code) => {
    const failure = readFailure(log(name), '198.51.100.10:1194/udp');
    expect(failure?.code).toBe(code);
    if (failure !== undefined) expect(failure.evidence.length).toBeGreaterThan(3);
  });

  test('every log is judged', () => {
    expect(readdirSync(LOGS)).toHaveLength(7);
  });

  test('nothing that a log may hold makes it throw', () => {
    fc.assert(fc.property(fc.string(), (text) => void readFailure(text, 'x')));
  });
});
