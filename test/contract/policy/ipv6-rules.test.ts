/**
 * Work VMs' rules over IPv6 in the real kernel: random rules, random packets, and the rule's own counters say which decided.
 *
 * @leakCase 36 none: over IPv6 a work VM reaches what its rules allow
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalIpv6, ipv6ToNumber } from '../../../src/core/ipv6.ts';
import { compareRulesets, compileNft, type EgressPolicy, type WorkEgress } from '../../../src/core/policy/index.ts';
import { nameSet6, namesOf } from '../../../src/core/policy/work-egress.ts';
import { IP_PROTOCOLS, transportChecksum } from '../../../src/frame/index.ts';
import { describeUnless, missing } from '../../obstacle.ts';
import { ANSWERS, anyEgress, anyPacket6, judge, type TriedPacket } from '../../unit/core/policy/reference.ts';
import { GUEST6, Ipv6Scene, peer6, policy, probe6, work6 } from './ipv6-scene.ts';
import { whyNot } from './namespaces.ts';

jest.setTimeout(180_000);

const SETS_OF_RULES = 12;
const PACKETS = 16;
const ICMPV6 = 58;
/** RFC 3692: for experiments, nobody's. */
const OTHER_PROTOCOL = 253;

function policyOf(egress: WorkEgress): EgressPolicy {
  return { ...policy, links: [{ ...work6, egress }, peer6, probe6] };
}

function bytesOf(address: string): Buffer {
  return Buffer.from((ipv6ToNumber(address) ?? 0n).toString(16).padStart(32, '0'), 'hex');
}

/** What stands behind the IPv6 header; a raw socket fills in ICMPv6's checksum and no other. */
function segmentOf({ address, protocol, port }: TriedPacket, sourcePort: number) {
  const ends = [bytesOf(GUEST6), bytesOf(address)] as const;
  switch (protocol) {
    case 'tcp': {
      const bytes = Buffer.alloc(20);
      bytes.writeUInt16BE(sourcePort, 0);
      bytes.writeUInt16BE(port, 2);
      bytes.writeUInt32BE(1, 4);
      bytes.writeUInt16BE(0x5002, 12);
      bytes.writeUInt16BE(65_535, 14);
      bytes.writeUInt16BE(transportChecksum(...ends, IP_PROTOCOLS.tcp, bytes), 16);
      return { to: address, protocol: IP_PROTOCOLS.tcp, bytes };
    }
    case 'udp': {
      const bytes = Buffer.alloc(13, 'rules');
      bytes.writeUInt16BE(sourcePort, 0);
      bytes.writeUInt16BE(port, 2);
      bytes.writeUInt16BE(bytes.length, 4);
      bytes.writeUInt16BE(0, 6);
      bytes.writeUInt16BE(transportChecksum(...ends, IP_PROTOCOLS.udp, bytes) || 0xffff, 6);
      return { to: address, protocol: IP_PROTOCOLS.udp, bytes };
    }
    case 'icmp': {
      const bytes = Buffer.alloc(12);
      bytes.writeUInt8(128, 0);
      bytes.writeUInt16BE(sourcePort, 4);
      return { to: address, protocol: ICMPV6, bytes };
    }
    case 'other':
      return { to: address, protocol: OTHER_PROTOCOL, bytes: Buffer.from('rules') };
  }
}

describeUnless(whyNot() ?? missing('socat'), 'rules over IPv6')('rules over IPv6 in the kernel', () => {
  let scene: Ipv6Scene;
  beforeAll(() => {
    scene = new Ipv6Scene();
  });
  afterAll(() => scene.remove());

  test('random rules let pass and count what the rules say, packet by packet', () => {
    let sourcePort = 20_000;
    const { net } = scene;
    // Port 53 is the gateway's resolver's, whatever the rules say.
    const tried = fc.array(
      anyPacket6.filter(({ port }) => port !== 53),
      { minLength: PACKETS, maxLength: PACKETS },
    );
    fc.assert(
      fc.property(anyEgress, tried, (egress, packets) => {
        const ruleset = compileNft(policyOf(egress));
        net.load(ruleset);
        expect(compareRulesets(ruleset, net.list())).toEqual([]);
        for (const [index, above] of namesOf([egress]).entries()) {
          const addresses = Object.entries(ANSWERS).flatMap(([name, all]) =>
            `.${name}`.endsWith(`.${above}`) ? all.filter((address) => canonicalIpv6(address) !== undefined) : [],
          );
          net.nft('add', 'element', 'inet', 'vmgate', nameSet6(index), `{ ${addresses.join(', ')} }`);
        }
        net.lease('work0');
        const moved = net.moved(() =>
          net.sendRaw(
            'work',
            packets.map((packet) => segmentOf(packet, sourcePort++)),
          ),
        );
        const allowed = packets.filter((packet) => judge(egress, packet, ANSWERS) === 'allow').length;
        const denied = Object.entries(moved).map(([name, count = 0]) => (name.startsWith('work0_denied_') ? count : 0));
        expect({ to_tunnel: moved.to_tunnel ?? 0, denied: denied.reduce((sum, count) => sum + count, 0) }).toEqual({
          to_tunnel: allowed,
          denied: PACKETS - allowed,
        });
      }),
      { numRuns: SETS_OF_RULES },
    );
  });

  const deny: WorkEgress = {
    otherwise: 'allow',
    rules: [{ action: 'deny', to: { kind: 'prefix', prefix: '2001:db8::/32' }, protocols: [], ports: [] }],
  };
  const out = { from: 'work', source: GUEST6, to: '2001:db8::80' } as const;

  test('case 36: what is denied stays denied with a lease', async () => {
    scene.net.load(compileNft(policyOf(deny)));
    scene.net.lease('work0');
    expect(await scene.arrived(out)).toBe(0);
  });

  test('case 36, anti-test: without the rule, and by a rule of IPv4 alone, it passes', async () => {
    const of4 = deny.rules.map((rule) => ({ ...rule, to: { kind: 'prefix', prefix: '0.0.0.0/0' } as const }));
    for (const rules of [[], of4]) {
      scene.net.load(compileNft(policyOf({ ...deny, rules })));
      scene.net.lease('work0');
      expect(await scene.arrived(out)).toBe(1);
    }
  });
});
