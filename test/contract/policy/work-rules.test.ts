/**
 * Work VMs' rules in the real kernel: random rules, random packets, and the rule's own counters say which decided. What one
 * VM may not reach, and that it would without the rule.
 *
 * @leakCase 5 none: whichever resolver a work VM asks, the gateway's own answers
 * @leakCase 35 none: on its own wire a work VM speaks with its own address alone, not with its neighbour's
 * @leakCase 36 none: a work VM reaches what its rules allow and no other work VM but its peers
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  compareRulesets,
  compileNft,
  type Defence,
  type EgressPolicy,
  type RemovedDefences,
  type WorkEgress,
} from '../../../src/core/policy/index.ts';
import { namesOf } from '../../../src/core/policy/work-egress.ts';
import { icmpEchoFrame, ipv4Frame, parseEthernet, parseIpv4, tcpSynFrame, udpFrame } from '../../../src/frame/index.ts';
import { describeUnless, missing } from '../../obstacle.ts';
import { link, openPolicy } from '../../unit/core/policy/policies.ts';
import { ANSWERS, anyEgress, anyPacket4, judge, type TriedPacket } from '../../unit/core/policy/reference.ts';
import { Namespaces, type Packet, whyNot } from './namespaces.ts';

const SETS_OF_RULES = 12;
const PACKETS = 16;
/** RFC 3692: for experiments, nobody's. */
const OTHER_PROTOCOL = 253;

const [work, peer, probe] = [link(0), link(1), link(3, 'probe0')];

function policyOf(egress: WorkEgress | undefined, peers: readonly string[] = []): EgressPolicy {
  return { ...openPolicy, links: [{ ...work, egress, peers }, peer, probe] };
}

function segmentOf(
  { address, protocol, port }: TriedPacket,
  sourcePort: number,
): { to: string; protocol: number; bytes: Buffer } {
  const hop = { sourceMac: work.guestMac, destinationMac: '52:54:10:00:01:00' };
  const ends = { source: work.guest, destination: address };
  const flow = { ...ends, sourcePort, destinationPort: port };
  const frame = {
    tcp: () => tcpSynFrame(hop, flow, 1),
    udp: () => udpFrame(hop, flow, Buffer.from('rules')),
    icmp: () => icmpEchoFrame(hop, ends, { identifier: sourcePort, sequence: 1, data: Buffer.from('rules') }),
    other: () => ipv4Frame(hop, ends, OTHER_PROTOCOL, Buffer.from('rules')),
  }[protocol]();
  const ip = parseIpv4(parseEthernet(frame)?.payload ?? Buffer.alloc(0));
  if (ip === undefined) throw new Error('built no IPv4');
  return { to: address, protocol: ip.protocol, bytes: ip.payload };
}

describeUnless(whyNot() ?? missing('socat'), 'rules of work VMs')("work VMs' rules in the kernel", () => {
  let net: Namespaces;
  beforeAll(() => {
    net = new Namespaces();
  });
  afterAll(() => net.remove());

  test('random rules let pass and count what the rules say, packet by packet', () => {
    let sourcePort = 20_000;
    const packets = fc.array(
      // Not to itself; and port 53 is the gateway's resolver's, whatever the rules say.
      anyPacket4.filter(({ address, port }) => !address.startsWith('127.') && port !== 53),
      { minLength: PACKETS, maxLength: PACKETS },
    );
    fc.assert(
      fc.property(anyEgress, packets, (egress, tried) => {
        const policy = policyOf(egress);
        net.load(compileNft(policy));
        expect(compareRulesets(compileNft(policy), net.list())).toEqual([]);
        for (const [index, above] of namesOf([egress]).entries()) {
          const addresses = Object.entries(ANSWERS).flatMap(([name, all]) =>
            `.${name}`.endsWith(`.${above}`) ? all.filter((address) => !address.includes(':')) : [],
          );
          net.nft('add', 'element', 'inet', 'vmgate', `name${index}`, `{ ${addresses.join(', ')} }`);
        }
        net.lease('work0');
        const moved = net.moved(() =>
          net.sendRaw(
            'work',
            tried.map((packet) => segmentOf(packet, sourcePort++)),
          ),
        );
        const expected: Record<string, number> = {};
        for (const packet of tried) {
          const name = judge(egress, packet, ANSWERS) === 'allow' ? 'to_tunnel' : 'denied';
          expected[name] = (expected[name] ?? 0) + 1;
        }
        const denied = Object.entries(moved).map(([name, count = 0]) => (name.startsWith('work0_denied_') ? count : 0));
        expect({ to_tunnel: moved.to_tunnel ?? 0, denied: denied.reduce((sum, count) => sum + count, 0) }).toEqual({
          to_tunnel: expected['to_tunnel'] ?? 0,
          denied: expected['denied'] ?? 0,
        });
      }),
      { numRuns: SETS_OF_RULES },
    );
  }, 120_000);

  const out: Packet = { from: 'work', source: `${work.guest}:5000`, destination: '9.9.9.9:7000' };
  const deny: WorkEgress = {
    otherwise: 'allow',
    rules: [{ action: 'deny', to: { kind: 'prefix', prefix: '9.0.0.0/8' }, protocols: [], ports: [] }],
  };
  const nothing: WorkEgress = { otherwise: 'deny', rules: [] };

  test('case 36: what is denied stays denied with a lease', () => {
    net.load(compileNft(policyOf(deny)));
    net.lease('work0');
    expect(net.send(out)).toEqual({ work0_denied_0: 1 });
  });

  test('case 36, anti-test: without the rule it passes', () => {
    net.load(compileNft(policyOf({ ...deny, rules: [] })));
    net.lease('work0');
    expect(net.send(out)).toEqual({ to_tunnel: 1 });
  });

  test('rules of one work VM are no other’s, and allow nothing without a lease', () => {
    net.load(compileNft(policyOf(nothing)));
    net.lease('work1');
    expect(net.send(out)).toEqual({ dropped_forward: 1 });
    expect(net.send({ ...out, from: 'peer', source: `${peer.guest}:5000` })).toEqual({ to_tunnel: 1 });
    net.lease('work0');
    expect(net.send(out)).toEqual({ work0_denied_rest: 1 });
  });

  test('an address of a name is let through while the name is answered with it, and not a private one', () => {
    const to = { kind: 'name', name: 'bank.example', allowPrivate: false } as const;
    const rules = (allowPrivate: boolean): WorkEgress => ({
      otherwise: 'deny',
      rules: [{ action: 'allow', to: { ...to, allowPrivate }, protocols: [], ports: [] }],
    });
    net.load(compileNft(policyOf(rules(false))));
    net.lease('work0');
    expect(net.send(out)).toEqual({ work0_denied_rest: 1 });
    net.nft('add', 'element', 'inet', 'vmgate', 'name0', '{ 9.9.9.9, 10.99.0.1 }');
    expect(net.send(out)).toEqual({ to_tunnel: 1 });
    expect(net.send({ ...out, destination: '9.9.9.8:7000' })).toEqual({ work0_denied_rest: 1 });
    expect(net.send({ ...out, destination: '10.99.0.1:7000' })).toEqual({ work0_denied_rest: 1 });
    net.nft('delete', 'element', 'inet', 'vmgate', 'name0', '{ 9.9.9.9 }');
    expect(net.send({ ...out, source: `${work.guest}:5001` })).toEqual({ work0_denied_rest: 1 });
    net.load(compileNft(policyOf(rules(true))));
    net.lease('work0');
    net.nft('add', 'element', 'inet', 'vmgate', 'name0', '{ 10.99.0.1 }');
    expect(net.send({ ...out, destination: '10.99.0.1:7000' })).toEqual({ to_tunnel: 1 });
  });

  describe('a question to a resolver elsewhere', () => {
    const question: Packet = { ...out, destination: '9.9.9.9:53' };

    test.each<[string, WorkEgress | undefined]>([
      ['everything', undefined],
      ['nothing', nothing],
    ])('case 5: with rights to %s it goes to the gateway, under a lease only', (_name, egress) => {
      net.load(compileNft(policyOf(egress)));
      expect(net.send(question)).toEqual({ dropped_input: 1 });
      net.lease('work0');
      expect(net.send(question)).toEqual({});
    });

    test('case 5: the gateway’s answer comes from whom was asked', () => {
      net.load(compileNft(policyOf(nothing)));
      net.lease('work0');
      net.run('work', '/usr/sbin/nft', 'insert', 'rule', 'ip', 'deaf', 'input', 'udp', 'sport', '53', 'accept');
      const serve = `timeout 5 socat UDP4-RECVFROM:53,bind=${work.gateway} SYSTEM:'echo here'`;
      net.run('gw', 'sh', '-c', `${serve} >/dev/null 2>&1 & sleep 0.3`);
      expect(net.run('work', 'sh', '-c', 'echo who | socat -t 3 - UDP4:9.9.9.9:53')).toBe('here\n');
    });

    test('case 5, anti-test: without that it leaves by the tunnel', () => {
      net.load(compileNft(policyOf(undefined), new Set<Defence>(['own-resolver']) as unknown as RemovedDefences));
      net.lease('work0');
      expect(net.send({ ...question, source: `${work.guest}:5055` })).toEqual({ to_tunnel: 1 });
    });
  });

  describe('two work VMs', () => {
    const across: Packet = { from: 'work', source: `${work.guest}:5100`, destination: `${peer.guest}:7000` };
    const back: Packet = { from: 'peer', source: `${peer.guest}:7000`, destination: `${work.guest}:5100` };
    const begins: Packet = { ...back, source: `${peer.guest}:7001` };
    /** Counted where it would arrive. */
    const SEEN = `table ip seen { counter arrived { }
      chain arriving { type filter hook prerouting priority -400; udp sport 5100 counter name "arrived"; udp dport 5100 counter name "arrived"; }; }`;
    const arrived = (space: 'work' | 'peer') =>
      Number(/packets (\d+)/.exec(net.run(space, '/usr/sbin/nft', 'list', 'counters'))?.[1] ?? Number.NaN);
    beforeAll(() => {
      for (const space of ['work', 'peer'] as const) net.run(space, '/usr/sbin/nft', SEEN);
    });
    beforeEach(() => {
      for (const space of ['work', 'peer'] as const) net.run(space, '/usr/sbin/nft', 'reset', 'counters');
    });

    function load(policy: EgressPolicy): void {
      net.load(compileNft(policy));
      net.lease('work0');
      net.lease('work1');
    }

    test('case 36: do not see each other', () => {
      load(policyOf(undefined));
      expect(net.send(across)).toEqual({ dropped_forward: 1 });
      expect(net.send(begins)).toEqual({ dropped_forward: 1 });
      expect(arrived('peer')).toBe(0);
    });

    test('case 36, anti-test: with peers one reaches the other and hears its answer, which begins nothing itself', () => {
      load(policyOf(nothing, ['work1']));
      expect(net.send(begins)).toEqual({ dropped_forward: 1 });
      expect(net.send(across)).toEqual({});
      expect(arrived('peer')).toBe(1);
      expect(net.send(back)).toEqual({});
      expect(arrived('work')).toBe(1);
    });

    test('peers need both leases', () => {
      load(policyOf(undefined, ['work1']));
      net.unlease();
      net.lease('work0');
      expect(net.send({ ...across, source: `${work.guest}:5100`, destination: `${peer.guest}:7002` })).toEqual({
        dropped_forward: 1,
      });
    });

    describe('under the other’s address', () => {
      const forged: Packet = { ...out, source: `${peer.guest}:5000` };
      const address = [`${peer.guest}/32`, 'dev', 'w1'];
      beforeAll(() => void net.run('work', 'ip', 'addr', 'add', ...address));
      afterAll(() => void net.run('work', 'ip', 'addr', 'del', ...address));

      test('case 35: nothing is said', () => {
        load(policyOf(undefined));
        expect(net.send(forged)).toEqual({ dropped_prerouting: 1 });
      });

      test('case 35, anti-test: it would be, if sources were not pinned', () => {
        net.load(compileNft(policyOf(undefined), new Set<Defence>(['source-pin']) as unknown as RemovedDefences));
        net.lease('work0');
        expect(net.send(forged)).toEqual({ to_tunnel: 1 });
      });
    });
  });
});
