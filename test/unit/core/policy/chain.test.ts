/** A tunnel inside another: which rules name which way, and what none of them lets through. */
import { describe, expect, test } from '@jest/globals';
import { tableOf, userOf } from '../../../../src/core/policy/chain.ts';
import {
  compileNft,
  type Defence,
  type EgressPolicy,
  hopNames,
  normalizeRuleset,
  type RemovedDefences,
  uplinkSocket,
} from '../../../../src/core/policy/index.ts';
import { chainPolicy, endpoint, openPolicy, secondEndpoint, underwayPolicy } from './policies.ts';

/** Three tunnels. */
const longPolicy: EgressPolicy = {
  ...chainPolicy,
  through: [
    ...(chainPolicy.through ?? []),
    { ifname: 'hop1', localPort: 40_003, mark: 0x766e, endpoints: [{ ...endpoint, address: '192.0.2.30' }] },
  ],
  tunnel: { ifname: 'tun0', routes: ['0.0.0.0/0'], resolvers: ['10.66.0.1'], localPort: 40_004, mark: 0x766f },
};

function accepting(policy: EgressPolicy, chain: string, ifname: string, ...removed: readonly Defence[]): string[] {
  const ruleset = compileNft(policy, new Set(removed) as unknown as RemovedDefences);
  return normalizeRuleset(ruleset).filter(
    (line) =>
      line.startsWith(`rules inet vmgate ${chain} `) && line.includes('"accept":null') && line.includes(`"${ifname}"`),
  );
}

test('a client without marks is known by the user of its hop', () => {
  const [hop, ...more] = chainPolicy.through ?? [];
  const endpoints = hop?.endpoints.map((one) => ({ ...one, protocol: 'tcp', shape: 'openconnect' }) as const) ?? [];
  const policy = { ...chainPolicy, through: hop === undefined ? [] : [{ ...hop, endpoints }, ...more] };
  const out = accepting(policy, 'output', 'hop0');
  expect(out.length).toBeGreaterThan(0);
  for (const line of out) expect(line).toContain('"right":65532');
});

describe('each socket has one way', () => {
  test.each([
    ['up0', endpoint.address, 0x766d],
    ['hop0', secondEndpoint.address, 0x766e],
    ['hop1', '192.0.2.30', 0x766f],
  ])('by %s out goes only what is marked and for %s', (ifname, address, mark) => {
    const out = accepting(longPolicy, 'output', ifname);
    expect(out).toHaveLength(1);
    expect(out[0]).toContain(`"right":"${address}"`);
    expect(out[0]).toContain(`"right":${mark}`);
  });

  test.each(['prerouting', 'input'])('%s: into a hop comes only what its server sends', (chain) => {
    for (const [ifname, address] of [
      ['hop0', secondEndpoint.address],
      ['hop1', '192.0.2.30'],
    ] as const) {
      const back = accepting(longPolicy, chain, ifname);
      expect(back).toHaveLength(1);
      expect(back[0]).toContain(`"right":"${address}"`);
    }
  });

  test("the second's server is in no rule of the uplink", () => {
    const lines = normalizeRuleset(compileNft(chainPolicy)).filter((line) => line.includes('"up0"'));
    expect(lines.join('\n')).not.toContain(secondEndpoint.address);
    expect(lines.join('\n')).not.toContain(String(0x766e));
  });

  test('anti-test: without its output rule anything goes into a hop', () => {
    expect(accepting(chainPolicy, 'output', 'hop0', 'hop-output').join()).not.toContain(secondEndpoint.address);
  });
});

test('links are forwarded into the last hop and no other, and back', () => {
  const lines = normalizeRuleset(compileNft(longPolicy)).filter((line) => line.includes(' forward '));
  expect(lines.join('\n')).toContain('"tun0"');
  expect(lines.join('\n')).not.toMatch(/"hop\d"/);
});

test('while a chain is underway nothing is forwarded, and the gateway asks resolvers alone', () => {
  const lines = normalizeRuleset(compileNft(underwayPolicy));
  expect(lines.filter((line) => line.startsWith('rules inet vmgate forward') && line.includes('accept'))).toEqual([]);
  const out = accepting(underwayPolicy, 'output', 'hop0');
  expect(out.length).toBeGreaterThan(0);
  for (const line of out) expect(line).toContain('"right":"10.64.0.1"');
});

test('the guard knows the first socket', () => {
  expect(uplinkSocket(longPolicy)?.localPort).toBe(40_001);
  expect(uplinkSocket(openPolicy)).toBe(openPolicy.tunnel);
});

test('names, marks and tables of hops', () => {
  expect(hopNames(0, 1)).toEqual({ ifname: 'tun0', mark: 0x766d });
  expect([0, 1, 2].map((index) => hopNames(index, 3).ifname)).toEqual(['hop0', 'hop1', 'tun0']);
  const marks = [0, 1, 2].map((index) => hopNames(index, 3).mark);
  expect(marks.map(tableOf)).toEqual([undefined, 61, 62]);
  // The gateway's /etc/passwd has them.
  expect(marks.map(userOf)).toEqual([65_533, 65_532, 65_531]);
});
