import { describe, expect, test } from '@jest/globals';
import { planLinks } from '../../../src/core/link-plan.ts';
import { bootSettings, renderPlan, renderResolver } from '../../../src/gateway/settings.ts';
import { renderTunnelSettings } from '../../../src/gateway/tunnel-settings.ts';
import type { TunnelPlan } from '../../../src/vpn/tunnel-plan.ts';

const STATIC = { kind: 'static', address: '10.0.2.15', prefixLength: 24, nextHop: '10.0.2.2' } as const;

describe('boot settings', () => {
  test('the plan, one card a line', () => {
    expect(renderPlan(planLinks(['dev', 'bank'], STATIC, [], 0x1234))).toBe(
      [
        'uplink 52:54:01:12:34:00 static 10.0.2.15/24 10.0.2.2',
        'link work0 52:54:10:12:34:00 10.213.0.1/29 10.213.0.2 52:54:20:12:34:00',
        'link work1 52:54:10:12:34:01 10.213.0.9/29 10.213.0.10 52:54:20:12:34:01',
        'link probe0 52:54:10:12:34:1f 10.213.0.249/29 10.213.0.250 52:54:20:12:34:1f',
        '',
      ].join('\n'),
    );
    expect(renderPlan(planLinks([], { kind: 'dhcp' }, [], 0)).split('\n')[0]).toBe('uplink 52:54:01:00:00:00 dhcp');
  });

  test('behind each link its IPv6, where the tunnel has some', () => {
    const lines = renderPlan(planLinks(['dev'], STATIC, [], 0x1234, [])).split('\n');
    expect(lines.filter((line) => line.startsWith('link6'))).toEqual([
      'link6 work0 fd76:6d67:1234::1 fd76:6d67:1234::/64',
      'link6 probe0 fd76:6d67:1234:1f::1 fd76:6d67:1234:1f::/64',
    ]);
  });

  test('what the resolver does with answers, behind the cards', () => {
    const feeds = [{ name: 'bank.example', sets: ['name0', 'name1'] }];
    expect(renderResolver({ feeds, refusesPrivate: true, inner: ['in.example'] })).toBe(
      'name bank.example name0 name1\nprivate refuse\nprivate allow in.example\n',
    );
    expect(renderResolver({ feeds: [], refusesPrivate: false, inner: ['in.example'] })).toBe('');
  });

  test('hold this boot only: other keys each time, and the private client key stays on the host', () => {
    const plan = planLinks([], STATIC, [], 1);
    const [one, two] = [bootSettings(plan, '{}'), bootSettings(plan, '{}')];
    expect(one.credentials.hostKey).not.toBe(two.credentials.hostKey);
    expect(one.archive.includes('PRIVATE KEY')).toBe(false);
    expect(one.archive.includes('etc/vmgate/dropbear_ed25519_host_key')).toBe(true);
    expect(one.archive.length % 4).toBe(0);
  });
});

describe('tunnel settings', () => {
  const plan: TunnelPlan = {
    kind: 'wireguard',
    alternatives: [],
    assigned: false,
    endpoint: { host: 'vpn.example', port: 51_820, protocol: 'udp', shape: 'wireguard' },
    peerIdentity: 'peer',
    addresses: ['10.64.0.2/32', 'fd00::2/128'],
    routes: ['0.0.0.0/0', '::/0'],
    split: false,
    resolvers: ['10.64.0.1'],
    searchDomains: ['corp.example'],
    mtu: 1_420,
  };
  const policy = { ifname: 'tun0', routes: ['0.0.0.0/0'], resolvers: ['10.64.0.1'], localPort: 51_820, mark: 30_317 };

  test('public lines first, secrets last, no IPv6', () => {
    expect(renderTunnelSettings(plan, policy, '[Interface]\n')).toBe(
      [
        'address 10.64.0.2/32',
        'mtu 1420',
        'route 0.0.0.0/0',
        'resolver 10.64.0.1',
        'search corp.example',
        '--- wireguard',
        '[Interface]',
        '',
      ].join('\n'),
    );
  });

  const ipv6 = { addresses: ['fd00::2/128'], routes: ['::/0'], resolvers: ['fd00::1'] };
  const policy6 = { ...policy, ipv6: { routes: ['::/0', '2001:db8::/32'], resolvers: ['fd00::1'] } };

  test('with IPv6, where plan and policy have it', () => {
    const lines = renderTunnelSettings({ ...plan, ipv6 }, policy6, '').split('\n');
    expect(lines.filter((line) => line.includes(':'))).toEqual([
      'address6 fd00::2/128',
      'route6 ::/0',
      'route6 2001:db8::/32',
      'resolver6 fd00::1',
    ]);
    expect(renderTunnelSettings({ ...plan, ipv6 }, policy, '')).not.toContain('6 ');
    expect(renderTunnelSettings(plan, policy6, '')).not.toContain('6 ');
  });

  test.each([
    ['IPv6 in packets that are too small for it', { ...plan, ipv6, mtu: 1_279 }],
    ['IPv6 without an address', { ...plan, ipv6: { ...ipv6, addresses: [] } }],
    ['an IPv6 address that is none', { ...plan, ipv6: { ...ipv6, addresses: ['fd00::2/128 peer ::1'] } }],
  ])('refuses %s', (_name, broken) => {
    expect(() => renderTunnelSettings(broken, policy6, '')).toThrow(
      expect.objectContaining({ code: 'GATEWAY_TUNNEL_UNUSABLE' }),
    );
  });

  test.each([
    ['no IPv4 address', { ...plan, addresses: ['fd00::2/128'] }],
    ['a line break in a search domain', { ...plan, searchDomains: ['a\nroute 0.0.0.0/0'] }],
    ['an address with an option behind it', { ...plan, addresses: ['10.0.0.1/32 peer 1.2.3.4'] }],
  ])('refuses %s', (_name, broken) => {
    expect(() => renderTunnelSettings(broken, policy, '')).toThrow(
      expect.objectContaining({ code: 'GATEWAY_TUNNEL_UNUSABLE' }),
    );
  });
});
