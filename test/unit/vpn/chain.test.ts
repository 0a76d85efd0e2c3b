import { describe, expect, test } from '@jest/globals';
import {
  type ChainHop,
  innerMtu,
  judgeAddresses,
  judgeChain,
  judgeServer,
  type TunnelPlan,
} from '../../../src/vpn/index.ts';
import { faultOf } from '../faults.ts';

const plan: TunnelPlan = {
  kind: 'wireguard',
  endpoint: { host: '198.51.100.10', port: 51_820, protocol: 'udp', shape: 'wireguard' },
  alternatives: [],
  peerIdentity: 'a key',
  assigned: false,
  addresses: ['10.64.0.2/32'],
  routes: ['0.0.0.0/0'],
  split: false,
  resolvers: ['10.64.0.1'],
  searchDomains: [],
  mtu: 1_420,
};
const hop = (name: string, change: Partial<TunnelPlan> = {}): ChainHop => ({
  name,
  place: `vmgate.yaml:2:${name.length}`,
  plan: { ...plan, ...change },
});
const at = (host: string) => ({ ...plan.endpoint, host });

const entry = hop('entry');
const exit = hop('exit', { endpoint: at('exit.example'), addresses: ['10.65.0.2/32'] });

describe('profiles in a chain', () => {
  test('of two servers, with two addresses: a chain', () => {
    expect(() => judgeChain([entry, exit])).not.toThrow();
    expect(() => judgeChain([entry])).not.toThrow();
  });

  test('of any kinds, each once', () => {
    const chain = [
      hop('entry', { kind: 'openconnect', assigned: true, addresses: [], mtu: 1_400 }),
      hop('middle', { kind: 'ipsec', endpoint: at('middle.example'), assigned: true, addresses: [], mtu: 1_400 }),
      hop('exit', { ...exit.plan, kind: 'openvpn', assigned: true, addresses: [], mtu: 1_400 }),
    ];
    expect(() => judgeChain(chain)).not.toThrow();
  });

  test.each(['openvpn', 'ipsec', 'openconnect'] as const)('%s outside', (kind) => {
    const outer = hop('entry', { kind, assigned: true, addresses: [], resolvers: [], mtu: 1_400 });
    expect(() => judgeChain([outer, exit])).not.toThrow();
    // What its server gave is judged as what a profile says.
    const connected = hop('entry', { ...outer.plan, addresses: ['10.65.0.2/32'] });
    expect(faultOf(() => judgeAddresses(exit, [connected]))).toMatchObject({ code: 'VPN_CHAIN_ADDRESSES_OVERLAP' });
    expect(() => judgeAddresses(exit, [outer])).not.toThrow();
    expect(faultOf(() => innerMtu(exit, 600))).toMatchObject({ code: 'VPN_CHAIN_NARROW' });
  });

  test.each<[string, readonly ChainHop[], string, string]>([
    [
      'the same address of a server',
      [entry, hop('exit', { addresses: ['10.65.0.2/32'] })],
      'VPN_CHAIN_SAME_SERVER',
      'vmgate.yaml:2:4: exit has the same server as entry, 198.51.100.10',
    ],
    [
      'the same name of a server',
      [hop('entry', { endpoint: at('vpn.example') }), hop('exit', { ...exit.plan, endpoint: at('vpn.example') })],
      'VPN_CHAIN_SAME_SERVER',
      'vpn.example',
    ],
    [
      'one of the other servers of a profile',
      [entry, hop('exit', { ...exit.plan, alternatives: [at('198.51.100.10')] })],
      'VPN_CHAIN_SAME_SERVER',
      '198.51.100.10',
    ],
    [
      'the third the first again',
      [entry, exit, hop('back', { addresses: ['10.66.0.2/32'] })],
      'VPN_CHAIN_SAME_SERVER',
      'back has the same server as entry',
    ],
    [
      'the same address inside',
      [entry, hop('exit', { endpoint: at('exit.example') })],
      'VPN_CHAIN_ADDRESSES_OVERLAP',
      'exit gives the gateway the address 10.64.0.2/32 inside its tunnel, which entry uses already',
    ],
    [
      'an address in the network of another',
      [hop('entry', { addresses: ['10.65.0.9/24'] }), exit],
      'VPN_CHAIN_ADDRESSES_OVERLAP',
      '10.65.0.2/32',
    ],
    [
      'a server that the one before does not carry',
      [
        hop('entry', { routes: ['10.0.0.0/8'], split: true }),
        hop('exit', { ...exit.plan, endpoint: at('203.0.113.20') }),
      ],
      'VPN_CHAIN_UNREACHABLE',
      'the server of exit, 203.0.113.20, is not among what entry carries',
    ],
    [
      'a kind twice whose program runs once',
      [hop('entry', { kind: 'openvpn' }), hop('exit', { ...exit.plan, kind: 'openvpn' })],
      'VPN_CHAIN_KIND',
      'exit cannot be this hop of a chain: it is OpenVPN, as entry is',
    ],
    [
      'two codes',
      [
        hop('entry', { challenge: { question: 'code', echo: false } }),
        hop('exit', { ...exit.plan, challenge: { question: 'code', echo: false } }),
      ],
      'VPN_CHAIN_KIND',
      'its server asks for a one-time code, as that of entry does',
    ],
    ['too narrow', [hop('entry', { mtu: 620 }), exit], 'VPN_CHAIN_NARROW', 'would have 560 bytes; 576 are the least'],
  ])('%s: refused, with the place that names it', (_, hops, code, what) => {
    const fault = faultOf(() => judgeChain(hops));
    expect(fault).toMatchObject({ code, exit: 2, what: expect.stringContaining(what) });
    expect(fault.what).toContain('vmgate.yaml:2:');
    expect(fault.remedy).not.toBe('');
  });

  test('what a name led to is judged as what is written', () => {
    expect(faultOf(() => judgeServer(exit, '198.51.100.10', [entry]))).toMatchObject({ code: 'VPN_CHAIN_SAME_SERVER' });
    const narrow = hop('entry', { routes: ['10.0.0.0/8'], split: true });
    expect(faultOf(() => judgeServer(exit, '203.0.113.20', [narrow]))).toMatchObject({ code: 'VPN_CHAIN_UNREACHABLE' });
    expect(() => judgeServer(exit, '203.0.113.20', [entry])).not.toThrow();
  });
});

test('an inner tunnel has what the outer one leaves it, or less where its profile says so', () => {
  expect(innerMtu(exit, 1_420)).toBe(1_360);
  expect(innerMtu(exit, 1_360)).toBe(1_300);
  expect(innerMtu(hop('exit', { mtu: 1_280 }), 1_420)).toBe(1_280);
  const of = (kind: TunnelPlan['kind']) => innerMtu(hop('exit', { kind }), 1_420);
  expect([of('openvpn'), of('ipsec'), of('openconnect')]).toEqual([1_288, 1_323, 1_325]);
});
