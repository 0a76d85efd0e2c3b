/** The compiled ruleset in the real kernel: listed back it is the same, and packets get the policy's verdicts. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  compareRulesets,
  compileNft,
  type Defence,
  type NftRuleset,
  normalizeRuleset,
  type RemovedDefences,
} from '../../../src/core/policy/index.ts';
import { describeUnless, missing, testUnless } from '../../obstacle.ts';
import { link, openPolicy, POLICIES } from '../../unit/core/policy/policies.ts';
import { Namespaces, type Packet, whyNot } from './namespaces.ts';

const suite = describeUnless(whyNot(), 'nft');

function without(...defences: readonly Defence[]): NftRuleset {
  return compileNft(openPolicy, new Set(defences) as unknown as RemovedDefences);
}

suite('the ruleset in the kernel', () => {
  let net: Namespaces;
  beforeAll(() => {
    net = new Namespaces();
  });
  afterAll(() => net.remove());

  const policies = {
    ...POLICIES,
    'no work VM': { ...openPolicy, links: [link(3, 'probe0')] },
  };

  describe.each(Object.entries(policies))('%s', (_name, policy) => {
    beforeEach(() => net.load(compileNft(policy)));

    test('is listed as it was compiled', () => {
      expect(compareRulesets(compileNft(policy), net.list())).toEqual([]);
      expect(normalizeRuleset(net.list())).toEqual(normalizeRuleset(compileNft(policy)));
    });

    test('loading it again is the same, and ends every lease', () => {
      net.lease('work0');
      net.load(compileNft(policy));
      expect(compareRulesets(compileNft(policy), net.list())).toEqual([]);
      expect(JSON.stringify(net.list())).not.toContain('"val"');
    });
  });

  describe('a change is seen', () => {
    beforeEach(() => net.load(compileNft(openPolicy)));

    test.each<[string, string[], RegExp]>([
      [
        'an extra accept',
        ['insert', 'rule', 'inet', 'vmgate', 'forward', 'accept'],
        /rules inet vmgate forward: line 1/,
      ],
      [
        'an extra accept at the end',
        ['add', 'rule', 'inet', 'vmgate', 'output', 'accept'],
        /output: line \d+ is not ours/,
      ],
      ['another table', ['add', 'table', 'ip', 'nat'], /table ip nat: not ours/],
      ['the table gone', ['delete', 'table', 'inet', 'vmgate'], /table inet vmgate: missing/],
      [
        'a policy of accept',
        ['add', 'chain', 'inet', 'vmgate', 'forward', '{ policy accept ; }'],
        /chain inet vmgate forward/,
      ],
      ['a lease without end', ['add', 'element', 'inet', 'vmgate', 'open', '{ work0 }'], /set inet vmgate open/],
      [
        'a lease too long',
        ['add', 'element', 'inet', 'vmgate', 'open', '{ work0 timeout 1h }'],
        /set inet vmgate open/,
      ],
      ['a chain flushed', ['flush', 'chain', 'inet', 'vmgate', 'input'], /rules inet vmgate input: missing/],
    ])('%s', (_name, command, difference) => {
      net.nft(...command);
      expect(compareRulesets(compileNft(openPolicy), net.list()).join('\n')).toMatch(difference);
    });

    test('a lease and moved counters are no change', () => {
      net.lease('work0', 15);
      net.send({ from: 'work', source: '10.213.0.2:5000', destination: '9.9.9.9:7000' });
      expect(compareRulesets(compileNft(openPolicy), net.list())).toEqual([]);
    });
  });

  const out: Packet = { from: 'work', source: '10.213.0.2:5000', destination: '9.9.9.9:7000' };
  const back: Packet = { from: 'tun', source: '9.9.9.9:7000', destination: '10.64.0.1:5000' };
  const spoofed: Packet = { ...out, source: '10.213.0.3:5000' };
  const dns: Packet = { from: 'work', source: '10.213.0.2:5001', destination: '10.213.0.1:53' };
  const toUplink: Packet = { ...out, destination: '203.0.113.9:7000' };
  const fromEndpoint: Packet = { from: 'up', source: '198.51.100.7:51820', destination: '10.0.2.15:40001' };
  const fromStranger: Packet = { from: 'up', source: '10.0.2.2:51820', destination: '10.0.2.15:40001' };
  const ownClear: Packet = { from: 'gw', source: '10.0.2.15:40002', destination: '198.51.100.7:53' };
  const ownUnmarked: Packet = { from: 'gw', source: '10.0.2.15:40001', destination: '198.51.100.7:51820' };

  describe('verdicts', () => {
    beforeEach(() => net.load(compileNft(openPolicy)));

    test('a link without a lease reaches nothing', () => {
      expect(net.send(out)).toEqual({ dropped_forward: 1 });
      expect(net.send(dns)).toEqual({ dropped_input: 1 });
    });

    test('a lease opens the tunnel and DNS, both ways, and its end closes both, established or not', () => {
      net.lease('work0');
      expect(net.send(out)).toEqual({ to_tunnel: 1 });
      expect(net.send(back)).toEqual({});
      expect(net.send(dns)).toEqual({});
      net.unlease();
      expect(net.send(out)).toEqual({ dropped_forward: 1 });
      expect(net.send(back)).toEqual({ dropped_forward: 1 });
    });

    test('a lease of one link opens no other', () => {
      net.lease('probe0');
      expect(net.send(out)).toEqual({ dropped_forward: 1 });
    });

    test('a lease opens neither the uplink nor the other links', () => {
      net.lease('work0');
      net.lease('probe0');
      expect(net.send(toUplink)).toEqual({ dropped_forward: 1 });
      expect(net.send({ ...out, destination: '10.213.0.10:7000' })).toEqual({ dropped_forward: 1 });
      expect(net.send({ ...out, destination: '10.0.2.15:54' })).toEqual({ dropped_input: 1 });
    });

    test('another source address or MAC does not get in', () => {
      net.lease('work0');
      expect(net.send(spoofed)).toEqual({ dropped_prerouting: 1 });
      net.run('work', 'ip', 'link', 'set', 'w1', 'address', '52:54:20:00:01:99');
      expect(net.send(out)).toEqual({ dropped_prerouting: 1 });
      net.run('work', 'ip', 'link', 'set', 'w1', 'address', link(0).guestMac);
    });

    test('from the uplink only the endpoint comes in, and no ICMP answers it', () => {
      expect(net.send(fromEndpoint)).toEqual({ dropped_output: 1 });
      expect(net.send(fromStranger)).toEqual({ dropped_prerouting: 1 });
      expect(net.send({ ...fromEndpoint, source: '198.51.100.7:51821' })).toEqual({ dropped_prerouting: 1 });
      expect(net.send({ ...fromEndpoint, destination: '10.0.2.15:53' })).toEqual({ dropped_prerouting: 1 });
    });

    test('nothing begins from inside the tunnel', () => {
      net.lease('work0');
      expect(net.send({ ...back, destination: '10.64.0.1:53' })).toEqual({ dropped_input: 1 });
      net.run('tun', 'ip', 'route', 'replace', '10.213.0.0/24', 'via', '10.64.0.1');
      expect(net.send({ ...back, destination: '10.213.0.2:22' })).toEqual({ dropped_forward: 1 });
    });

    test("of the gateway's own packets only the marked socket's leave on the uplink", () => {
      expect(net.send(ownClear)).toEqual({ dropped_output: 1 });
      expect(net.send(ownUnmarked)).toEqual({ dropped_output: 1 });
      expect(net.send({ ...ownClear, source: '10.64.0.1:4000', destination: '9.9.9.9:53' })).toEqual({
        dropped_output: 1,
      });
    });

    testUnless(missing('socat'), 'the marked socket')(
      'the marked socket reaches the endpoint and no other port',
      () => {
        expect(net.send({ ...ownUnmarked, mark: 0x766d })).toEqual({ up_out: 1 });
        expect(net.send({ ...ownUnmarked, destination: '198.51.100.7:53', mark: 0x766d })).toEqual({
          dropped_output: 1,
        });
        expect(net.send({ ...ownUnmarked, destination: '203.0.113.9:51820', mark: 0x766d })).toEqual({
          dropped_output: 1,
        });
      },
    );

    test('what arrives on the probe link is counted, whatever becomes of it', () => {
      net.run('work', 'ip', 'route', 'replace', '9.9.9.8', 'via', '10.213.0.25', 'dev', 'p1');
      const probe: Packet = { from: 'work', source: '10.213.0.26:5000', destination: '9.9.9.8:7000' };
      expect(net.send(probe)).toEqual({ probe_rx: 1, dropped_forward: 1 });
      expect(net.send({ ...probe, source: '10.213.0.2:5000' })).toEqual({ probe_rx: 1, dropped_prerouting: 1 });
    });
  });

  describe('anti-tests: with a defence taken away the same packet gets through', () => {
    test.each<[Defence, boolean, Packet, object]>([
      ['lease', false, out, { to_tunnel: 1 }],
      ['lease', false, dns, {}],
      ['source-pin', true, spoofed, { to_tunnel: 1 }],
      ['tunnel-only', true, toUplink, { to_tunnel: 1 }],
      ['uplink-input', true, fromStranger, { dropped_output: 1 }],
      ['uplink-output', true, ownClear, { up_out: 1 }],
    ])('%s', (defence, leased, packet, moved) => {
      net.load(without(defence));
      if (leased) net.lease('work0');
      expect(net.send(packet)).toEqual(moved);
    });

    test('no-shortcut', () => {
      net.load(without('no-shortcut'));
      net.lease('work0');
      net.send(out);
      net.unlease();
      expect(net.send(back)).toEqual({});
    });
  });
});
