/**
 * Eight machines on eight wires of one gateway, all with a lease: none hears another, whatever it puts on its wire, and
 * none is heard under another's address or MAC.
 *
 * @leakCase 34 none: of eight wires, broadcasts and frames to another machine's MAC cross to none
 * @leakCase 35 none: of eight wires, each is heard with its own address and MAC alone
 * @leakCase 36 none: of eight wires, each reaches the one that peers names and no other
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { compileNft, type Defence, type EgressPolicy, type RemovedDefences } from '../../../src/core/policy/index.ts';
import { BROADCAST_MAC, buildArpRequest, udpFrame } from '../../../src/frame/index.ts';
import { describeUnless, missing } from '../../obstacle.ts';
import { link, openPolicy } from '../../unit/core/policy/policies.ts';
import { EightWires, gatewayMac, links, WIRES } from './eight-wires.ts';
import { whyNot } from './namespaces.ts';

const OUTSIDE = '9.9.9.9';
const of = (index: number) => links[index] ?? link(0);

function rulesetOf(peers: Readonly<Record<number, readonly string[]>> = {}, ...removed: readonly Defence[]) {
  const withPeers = links.map((one, index) => ({ ...one, peers: peers[index] }));
  const policy: EgressPolicy = { ...openPolicy, links: [...withPeers, link(9, 'probe0')] };
  return compileNft(policy, new Set(removed) as unknown as RemovedDefences);
}

interface Sent {
  readonly mac?: string;
  readonly source?: string;
  readonly toMac?: string;
}

/** A datagram as machine `from` puts it on its wire: by the gateway unless said. */
function says(from: number, destination: string, { mac, source, toMac }: Sent = {}): Buffer {
  const hop = { sourceMac: mac ?? of(from).guestMac, destinationMac: toMac ?? gatewayMac(from) };
  const flow = { source: source ?? of(from).guest, destination, sourcePort: 5_000 + from, destinationPort: 7_000 };
  return udpFrame(hop, flow, Buffer.from('anybody?'));
}

const othersThan = (from: number) => WIRES.filter((index) => index !== from);

describeUnless(whyNot() ?? missing('socat'), 'eight wires')('eight wires of one gateway', () => {
  let net: EightWires;
  beforeAll(() => {
    net = new EightWires();
  }, 60_000);
  beforeEach(() => net.load(rulesetOf()));
  afterAll(() => net?.remove());

  const broadcasts = (from: number) => [
    says(from, '255.255.255.255', { toMac: BROADCAST_MAC }),
    ...othersThan(from).map((to) => buildArpRequest({ mac: of(from).guestMac, address: of(from).guest }, of(to).guest)),
  ];

  test.each(WIRES)('case 34: what machine %i broadcasts, and sends to the others’ MACs, reaches none', (from) => {
    const direct = othersThan(from).map((to) => says(from, of(to).guest, { toMac: of(to).guestMac }));
    expect(net.seen(() => net.send(from, [...broadcasts(from), ...direct])).at).toEqual([]);
  });

  test('case 34, anti-test: with a switch in the place of the gateway broadcasts are heard', () => {
    net.bridge(0, 1);
    expect(net.seen(() => net.send(0, broadcasts(0))).at).toContain(1);
    net.unbridge();
  });

  test.each(WIRES)(
    'case 36: machine %i reaches no other by way of the gateway, and the tunnel all the same',
    (from) => {
      const packets = othersThan(from).map((to) => says(from, of(to).guest));
      expect(net.seen(() => net.send(from, [...packets, says(from, OUTSIDE)]))).toEqual({ at: [], toTunnel: 1 });
    },
  );

  test('case 36, anti-test: whose peer another is reaches that one alone', () => {
    net.load(rulesetOf({ 2: ['work5'] }));
    expect(
      net.seen(() =>
        net.send(
          2,
          othersThan(2).map((to) => says(2, of(to).guest)),
        ),
      ).at,
    ).toEqual([5]);
    // Not the other way round: it would have to begin something.
    const back = udpFrame(
      { sourceMac: of(5).guestMac, destinationMac: gatewayMac(5) },
      { source: of(5).guest, destination: of(2).guest, sourcePort: 9, destinationPort: 9 },
      Buffer.from('back'),
    );
    expect(net.seen(() => net.send(5, [back])).at).toEqual([]);
  });

  describe('case 35', () => {
    const stolen = (from: number) => [
      ...othersThan(from).map((to) => says(from, OUTSIDE, { source: of(to).guest })),
      ...othersThan(from).map((to) => says(from, OUTSIDE, { mac: of(to).guestMac })),
      ...othersThan(from).map((to) => says(from, OUTSIDE, { source: of(to).guest, mac: of(to).guestMac })),
    ];

    test.each(WIRES)('machine %i is not heard under the name of another', (from) => {
      expect(net.seen(() => net.send(from, stolen(from)))).toEqual({ at: [], toTunnel: 0 });
    });

    test('anti-test: where senders are not pinned it is', () => {
      net.load(rulesetOf({}, 'source-pin'));
      expect(net.seen(() => net.send(3, stolen(3))).toTunnel).toBe(stolen(3).length);
    });
  });
});
