/** What is said to guard and gateway, in which order, when one connect's policy follows another's. */
import { describe, expect, test } from '@jest/globals';
import type { EgressPolicy, Endpoint } from '../../../src/core/policy/egress-policy.ts';
import { loadPolicy } from '../../../src/supervisor/policy.ts';
import type { World } from '../../../src/supervisor/world.ts';

const uplink = { mac: '52:54:01:0b:ad:00', address: '10.0.2.15', nextHop: '10.0.2.2', dhcp: false };
const tunnel = { ifname: 'tun0', routes: ['0.0.0.0/0'], resolvers: [], localPort: 40_001, mark: 1 };
const link = {
  ifname: 'probe0',
  gateway: '10.213.0.1',
  guest: '10.213.0.2',
  prefixLength: 29,
  guestMac: '52:54:20:00:01:00',
};

function policyTo(protocol: Endpoint['protocol']): EgressPolicy {
  const endpoint: Endpoint = { address: '198.51.100.10', port: 1_194, protocol, shape: 'openvpn' };
  return { uplink, endpoints: [endpoint], links: [link], tunnel };
}

/** What was said; a ruleset by whether anything may leave by the uplink. */
async function saidAfter(before: Partial<Pick<World, 'connection' | 'signIn'>>): Promise<readonly string[]> {
  const said: string[] = [];
  const say = (what: string) => {
    said.push(what);
    return Promise.resolve();
  };
  const world = {
    session: {
      guard: { sync: () => say('guard: sync'), setPolicy: () => void say('guard: policy') },
      control: {
        untunnel: () => say('gateway: untunnel'),
        apply: (ruleset: string) => say(`gateway: ${ruleset.includes('198.51.100.10') ? 'policy' : 'silence'}`),
      },
      plan: { uplink: { mac: uplink.mac, addressing: { kind: 'static', ...uplink } }, work: [], probe: link },
    },
    ...before,
  } as unknown as World;
  await loadPolicy(world, policyTo('udp'), new AbortController().signal);
  expect(world.signIn).toBeUndefined();
  return said;
}

const loaded = ['guard: sync', 'guard: policy', 'guard: sync', 'gateway: policy'];

describe('one policy after another', () => {
  test('the first one', async () => {
    expect(await saidAfter({})).toEqual(loaded);
  });

  test('the old tunnel is gone before the guard takes its endpoint for foreign', async () => {
    const connection = { policy: policyTo('udp') } as NonNullable<World['connection']>;
    expect(await saidAfter({ connection })).toEqual(['gateway: untunnel', ...loaded]);
  });

  test('what the kernel repeats of a TCP connection whose process is gone leaves the gateway no more by then', async () => {
    const connection = { policy: policyTo('tcp') } as NonNullable<World['connection']>;
    expect(await saidAfter({ connection })).toEqual(['gateway: untunnel', 'gateway: silence', ...loaded]);
    const signIn = {} as NonNullable<World['signIn']>;
    expect(await saidAfter({ signIn })).toEqual(['gateway: untunnel', 'gateway: silence', ...loaded]);
  });
});
