/** The policies of a connect, hop by hop. */
import { describe, expect, test } from '@jest/globals';
import { carryOn, endpointsAt, tunnelOf, withInside } from '../../../src/supervisor/hops.ts';
import type { TunnelPlan } from '../../../src/vpn/index.ts';
import { bootPolicy } from '../core/policy/policies.ts';

const plan: TunnelPlan = {
  kind: 'wireguard',
  endpoint: { host: 'vpn.example', port: 51_820, protocol: 'udp', shape: 'wireguard' },
  alternatives: [],
  peerIdentity: 'a key',
  assigned: false,
  addresses: ['10.64.0.2/32'],
  routes: ['10.0.0.0/8'],
  split: true,
  resolvers: ['10.64.0.1'],
  searchDomains: [],
  mtu: 1_420,
  ipv6: { addresses: ['fd00::2/128'], routes: ['::/0'], resolvers: ['fd00::1'] },
};
const place = (index: number, count: number) => ({ index, count, onlyNewFlows: true });

const first = () => {
  const outside = { ...bootPolicy, endpoints: endpointsAt('198.51.100.7', plan.endpoint) };
  return { ...outside, tunnel: tunnelOf(plan, place(0, 2), outside) };
};

describe('hops', () => {
  test('one VPN is the tunnel at once', () => {
    expect(tunnelOf(plan, place(0, 1), bootPolicy)).toMatchObject({
      ifname: 'tun0',
      routes: ['10.0.0.0/8'],
      ipv6: { routes: ['::/0'], resolvers: ['fd00::1'] },
      onlyNewFlows: true,
    });
    expect(tunnelOf(plan, place(0, 1), bootPolicy)).not.toHaveProperty('underway');
  });

  test('a hop that is to carry another leads to its resolvers alone, and carries no IPv6', () => {
    const { tunnel } = first();
    expect(tunnel).toMatchObject({ ifname: 'hop0', routes: ['10.64.0.1/32'], underway: true });
    expect(tunnel).not.toHaveProperty('ipv6');
    expect(withInside(first(), { resolvers: ['10.64.0.9'], mtu: 1_300 }).tunnel).toMatchObject({
      routes: ['10.64.0.9/32'],
      mtu: 1_300,
    });
  });

  test('carrying on, it has no tunnel of its own, and keeps its socket', () => {
    const policy = first();
    const carried = carryOn(policy, endpointsAt('203.0.113.20', plan.endpoint));
    expect(carried.tunnel).toBeUndefined();
    expect(carried.through).toEqual([
      {
        ifname: 'hop0',
        localPort: policy.tunnel.localPort,
        mark: 0x766d,
        mtu: 1_420,
        endpoints: [{ address: '203.0.113.20', port: 51_820, protocol: 'udp', shape: 'wireguard' }],
      },
    ]);
    expect(tunnelOf(plan, place(1, 2), carried)).toMatchObject({
      ifname: 'tun0',
      mark: 0x766e,
      ipv6: expect.anything(),
    });
  });

  test('a server with datagrams beside its TCP is two endpoints', () => {
    const endpoint = { ...plan.endpoint, protocol: 'tcp', shape: 'openconnect', datagrams: true } as const;
    expect(endpointsAt('198.51.100.7', endpoint).map(({ protocol }) => protocol)).toEqual(['tcp', 'udp']);
  });
});
