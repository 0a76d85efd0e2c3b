import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compileMatcher, judgeFrame, type UplinkPolicy } from '../../../../src/core/policy/index.ts';
import {
  BROADCAST_MAC,
  buildArpReply,
  buildArpRequest,
  buildDhcpClient,
  buildDnsQuery,
  buildEthernet,
  type DhcpClientFields,
  ETHERNET_HEADER,
  ipv4Bytes,
  tcpSynFrame,
  udpFrame,
} from '../../../../src/frame/index.ts';
import { flow, foreignFrame, hop, message, ROUTER_MAC, tunnelFrame } from './frames.ts';
import { bootPolicy, dhcpPolicy, endpoint, openPolicy, portalPolicy } from './policies.ts';

const ours = { mac: openPolicy.uplink.mac, address: '10.0.2.15' };
const page = { source: '10.0.2.15', destination: '203.0.113.40', sourcePort: 40_001, destinationPort: 80 };
const asking = { ...page, destination: '10.0.2.3', destinationPort: 53 };
const router = { mac: ROUTER_MAC, address: '10.0.2.2' };
const neighbour = { mac: '52:54:00:99:99:99', address: '10.0.2.77' };

function edited(frame: Buffer, edits: Readonly<Record<number, number>>): Buffer {
  const copy = Buffer.from(frame);
  for (const [at, value] of Object.entries(edits)) copy[Number(at)] = value;
  return copy;
}

function dhcpFrame(
  fields: Partial<DhcpClientFields> = {},
  source = '0.0.0.0',
  destination = '255.255.255.255',
): Buffer {
  return dhcpCarrying(buildDhcpClient({ type: 1, mac: ours.mac, transaction: 1, ...fields }), source, destination);
}

function dhcpCarrying(payload: Buffer, source = '0.0.0.0', destination = '255.255.255.255'): Buffer {
  const to = { ...hop, destinationMac: destination === '255.255.255.255' ? BROADCAST_MAC : ROUTER_MAC };
  return udpFrame(to, { source, destination, sourcePort: 68, destinationPort: 67 }, payload);
}

describe('passes', () => {
  test.each<[string, UplinkPolicy, Buffer, string]>([
    ['ARP question for the router', openPolicy, buildArpRequest(ours, router.address), 'arp'],
    ['ARP answer to the router', openPolicy, buildArpReply(ours, router), 'arp'],
    ['ARP announcement', openPolicy, buildArpRequest(ours, ours.address), 'arp'],
    ['ARP before there is an endpoint', bootPolicy, buildArpRequest(ours, router.address), 'arp'],
    ['handshake initiation', openPolicy, udpFrame(hop, flow, message(1, 148)), 'tunnel'],
    ['handshake response', openPolicy, udpFrame(hop, flow, message(2, 92)), 'tunnel'],
    ['cookie reply', openPolicy, udpFrame(hop, flow, message(3, 64)), 'tunnel'],
    ['keepalive', openPolicy, udpFrame(hop, flow, message(4, 32)), 'tunnel'],
    ['full packet of a tunnel of 1420, which WireGuard does not pad', openPolicy, tunnelFrame(1_452), 'tunnel'],
    ['a page of a portal', portalPolicy, tcpSynFrame(hop, page, 1), 'portal'],
    ['the same, encrypted', portalPolicy, tcpSynFrame(hop, { ...page, destinationPort: 443 }, 1), 'portal'],
    ['a name that is allowed', portalPolicy, udpFrame(hop, asking, buildDnsQuery(7, 'login.hotel.example')), 'portal'],
    ['ARP while somebody signs in', portalPolicy, buildArpRequest(ours, router.address), 'arp'],
    ['DHCP discover', dhcpPolicy, dhcpFrame(), 'dhcp'],
    [
      'DHCP request with client identifier',
      dhcpPolicy,
      dhcpFrame({
        type: 3,
        options: [
          { code: 50, value: ipv4Bytes('10.0.2.15') },
          { code: 54, value: ipv4Bytes('10.0.2.2') },
          { code: 55, value: Buffer.from([1, 3, 6]) },
          { code: 61, value: Buffer.from(`01${ours.mac.replaceAll(':', '')}`, 'hex') },
        ],
      }),
      'dhcp',
    ],
    [
      'DHCP renewal',
      dhcpPolicy,
      dhcpFrame({ type: 3, clientAddress: ours.address }, ours.address, router.address),
      'dhcp',
    ],
  ])('%s', (_name, policy, frame, kind) => {
    expect(judgeFrame(policy, frame)).toEqual({ verdict: 'pass', kind });
    expect(compileMatcher(policy).match(frame, 0, frame.length)).toBe(kind);
  });
});

const AT = { version: ETHERNET_HEADER, fragment: 20, protocol: 23, udpLength: 38, type: 42, reserved: 43 } as const;
/** Fields of a DHCP message, from the frame's first byte: RFC 2131, figure 1. */
const DHCP = { operation: 42, hops: 45, flags: 52, yours: 58, server: 62, relay: 66, options: 282 } as const;

describe('drops', () => {
  test.each<[string, UplinkPolicy, Buffer, string]>([
    ['a page, where nobody signs in', openPolicy, tcpSynFrame(hop, page, 1), 'IP protocol 6'],
    [
      'a name, where nobody signs in',
      openPolicy,
      udpFrame(hop, asking, buildDnsQuery(7, 'login.hotel.example')),
      'endpoint',
    ],
    ['the VPN while somebody signs in', portalPolicy, tunnelFrame(), 'endpoint'],
    [
      'a page of somebody else',
      portalPolicy,
      tcpSynFrame(hop, { ...page, destination: '203.0.113.42' }, 1),
      "portal's",
    ],
    ['another port of a portal', portalPolicy, tcpSynFrame(hop, { ...page, destinationPort: 22 }, 1), '80 and 443'],
    ["a portal, from a server's port", portalPolicy, tcpSynFrame(hop, { ...page, sourcePort: 22 }, 1), "server's port"],
    ['a portal, from another address', portalPolicy, tcpSynFrame(hop, { ...page, source: '10.0.2.9' }, 1), 'source'],
    [
      'another resolver',
      portalPolicy,
      udpFrame(hop, { ...asking, destination: '8.8.8.8' }, buildDnsQuery(7, 'login.hotel.example')),
      'resolver',
    ],
    [
      'a name that is not allowed',
      portalPolicy,
      udpFrame(hop, asking, buildDnsQuery(7, 'exfil.hotel.example')),
      'not allowed',
    ],
    [
      'more behind a name that is',
      portalPolicy,
      udpFrame(hop, asking, Buffer.concat([buildDnsQuery(7, 'login.hotel.example'), Buffer.from('x')])),
      'not allowed',
    ],
    ['a stub', openPolicy, Buffer.alloc(13), 'shorter'],
    ["another card's MAC", openPolicy, edited(tunnelFrame(), { 6: 0x02 }), 'source MAC'],
    [
      'to itself',
      openPolicy,
      edited(tunnelFrame(), Object.fromEntries([...Buffer.from(ours.mac.replaceAll(':', ''), 'hex')].entries())),
      'itself',
    ],
    ['multicast', openPolicy, edited(tunnelFrame(), { 0: 0x01 }), 'multicast'],
    [
      'VLAN tag',
      openPolicy,
      buildEthernet({
        source: ours.mac,
        destination: ROUTER_MAC,
        etherType: 0x8100,
        payload: tunnelFrame().subarray(12),
      }),
      '0x8100',
    ],
    ['IPv6', openPolicy, edited(tunnelFrame(), { 12: 0x86, 13: 0xdd }), '0x86dd'],
    ['ARP for a neighbour', openPolicy, buildArpRequest(ours, neighbour.address), 'next hop'],
    [
      'ARP from a neighbour',
      openPolicy,
      buildArpRequest({ ...ours, address: neighbour.address }, router.address),
      'sender',
    ],
    [
      "ARP with a MAC that is not the frame's",
      openPolicy,
      edited(buildArpRequest(ours, router.address), { 22: 0x02 }),
      'sender MAC',
    ],
    ['ARP answer to a neighbour', openPolicy, buildArpReply(ours, neighbour), 'next hop'],
    [
      'ARP answer to everybody',
      openPolicy,
      edited(buildArpReply(ours, router), { 0: 255, 1: 255, 2: 255, 3: 255, 4: 255, 5: 255 }),
      'everybody',
    ],
    ['ARP answer to another card than it names', openPolicy, edited(buildArpReply(ours, router), { 5: 0x77 }), 'names'],
    [
      'ARP answer about our own address',
      openPolicy,
      buildArpReply(ours, { ...router, address: ours.address }),
      'ourselves',
    ],
    [
      'ARP question with something in the target MAC',
      openPolicy,
      edited(buildArpRequest(ours, router.address), { 32: 1 }),
      'target MAC',
    ],
    ['ARP with a tail', openPolicy, Buffer.concat([buildArpRequest(ours, router.address), Buffer.alloc(18)]), 'after'],
    [
      'ARP for another kind of network',
      openPolicy,
      edited(buildArpRequest(ours, router.address), { 15: 6 }),
      'garbled',
    ],
    ['RARP', openPolicy, edited(buildArpRequest(ours, router.address), { 21: 3 }), 'garbled'],
    ['a question in clear', openPolicy, foreignFrame(), 'not the endpoint'],
    ['anything before there is an endpoint', bootPolicy, tunnelFrame(), 'not the endpoint'],
    [
      'another port of the endpoint',
      openPolicy,
      udpFrame(hop, { ...flow, destinationPort: 53 }, message(4, 64)),
      'port',
    ],
    ["another socket's port", openPolicy, udpFrame(hop, { ...flow, sourcePort: 5_353 }, message(4, 64)), 'socket'],
    ['TCP to the endpoint', openPolicy, tcpSynFrame(hop, flow, 1), 'protocol 6'],
    ['a spoofed source', openPolicy, udpFrame(hop, { ...flow, source: '10.0.2.16' }, message(4, 64)), 'source'],
    ['broadcast', openPolicy, udpFrame({ ...hop, destinationMac: BROADCAST_MAC }, flow, message(4, 64)), 'everybody'],
    [
      'clear text to endpoint:port',
      openPolicy,
      udpFrame(hop, flow, Buffer.from('GET / HTTP/1.1\r\n\r\n'.padEnd(64))),
      'WireGuard',
    ],
    ['type 5', openPolicy, udpFrame(hop, flow, message(5, 64)), 'type 5'],
    ['reserved bytes', openPolicy, edited(tunnelFrame(), { [AT.reserved]: 1 }), 'reserved'],
    ['a handshake of another length', openPolicy, udpFrame(hop, flow, message(1, 149)), 'length'],
    ['data too short', openPolicy, udpFrame(hop, flow, message(4, 31)), 'too short'],
    ['a data header alone', openPolicy, udpFrame(hop, flow, message(4, 16)), 'too short'],
    ['data not padded', openPolicy, udpFrame(hop, flow, message(4, 65)), 'padding'],
    ['no payload', openPolicy, udpFrame(hop, flow, Buffer.alloc(0)), 'WireGuard'],
    ['IP options', openPolicy, edited(tunnelFrame(), { [AT.version]: 0x46 }), 'options'],
    ['a first fragment', openPolicy, edited(tunnelFrame(), { [AT.fragment]: 0x20 }), 'fragment'],
    [
      'a later fragment whose bytes look like a port',
      openPolicy,
      edited(tunnelFrame(), { [AT.fragment + 1]: 1 }),
      'fragment',
    ],
    ['the reserved flag', openPolicy, edited(tunnelFrame(), { [AT.fragment]: 0xc0 }), 'reserved'],
    ['bytes after the packet', openPolicy, Buffer.concat([tunnelFrame(), Buffer.from('secret')]), 'after'],
    ['bytes the UDP length leaves out', openPolicy, edited(tunnelFrame(128), { [AT.udpLength + 1]: 120 }), 'UDP'],
    ['a packet shorter than it says', openPolicy, tunnelFrame().subarray(0, -1), 'garbled'],
    ['DHCP where none is used', openPolicy, dhcpFrame(), ''],
    [
      'DHCP with a host name',
      dhcpPolicy,
      dhcpFrame({ options: [{ code: 12, value: Buffer.from('laptop') }] }),
      'option 12',
    ],
    [
      'DHCP with a vendor class',
      dhcpPolicy,
      dhcpFrame({ options: [{ code: 60, value: Buffer.from('udhcp') }] }),
      'option 60',
    ],
    ['DHCP that asks twice', dhcpPolicy, dhcpFrame({ options: [{ code: 53, value: Buffer.from([1]) }] }), 'twice'],
    ['DHCP for another card', dhcpPolicy, dhcpFrame({ mac: neighbour.mac }), 'card'],
    ['DHCP to a stranger', dhcpPolicy, dhcpFrame({}, ours.address, neighbour.address), 'next hop'],
    ['DHCP from a neighbour', dhcpPolicy, dhcpFrame({}, neighbour.address), "not the gateway's"],
    ['DHCP to everybody, in one card alone', dhcpPolicy, edited(dhcpFrame(), { 0: 0x52 }), 'one card'],
    [
      'a DHCP renewal to every card',
      dhcpPolicy,
      edited(dhcpFrame({ type: 3 }, ours.address, router.address), { 0: 255, 1: 255, 2: 255, 3: 255, 4: 255, 5: 255 }),
      'next hop',
    ],
    ['a DHCP answer', dhcpPolicy, edited(dhcpFrame(), { [DHCP.operation]: 2 }), 'answer'],
    ['DHCP that says it was relayed', dhcpPolicy, edited(dhcpFrame(), { [DHCP.hops]: 1 }), 'spare'],
    ['DHCP with reserved flags', dhcpPolicy, edited(dhcpFrame(), { [DHCP.flags + 1]: 1 }), 'spare'],
    ["a release of a neighbour's address", dhcpPolicy, dhcpFrame({ type: 7, clientAddress: neighbour.address }), '53'],
    ["a neighbour's address declined", dhcpPolicy, dhcpFrame({ type: 4 }), '53'],
    ['DHCP with an offered address', dhcpPolicy, edited(dhcpFrame(), { [DHCP.yours]: 9 }), "server's fields"],
    ["DHCP with a server's address", dhcpPolicy, edited(dhcpFrame(), { [DHCP.server]: 9 }), "server's fields"],
    ["DHCP with a relay's address", dhcpPolicy, edited(dhcpFrame(), { [DHCP.relay]: 9 }), "server's fields"],
    [
      'DHCP of no type',
      dhcpPolicy,
      edited(dhcpFrame(), { [DHCP.options]: 0, [DHCP.options + 1]: 0, [DHCP.options + 2]: 0 }),
      'without message type',
    ],
    [
      'DHCP with bytes after its end',
      dhcpPolicy,
      dhcpCarrying(Buffer.concat([buildDhcpClient({ type: 1, mac: ours.mac, transaction: 1 }), Buffer.from('secret')])),
      'spare',
    ],
    ['a long address to ask for', dhcpPolicy, dhcpFrame({ options: [{ code: 50, value: Buffer.alloc(5) }] }), '50'],
    ["a long server's address", dhcpPolicy, dhcpFrame({ options: [{ code: 54, value: Buffer.alloc(5) }] }), '54'],
    ['a long message size', dhcpPolicy, dhcpFrame({ options: [{ code: 57, value: Buffer.alloc(3) }] }), '57'],
    ['a long list of wishes', dhcpPolicy, dhcpFrame({ options: [{ code: 55, value: Buffer.alloc(33) }] }), '55'],
    [
      "another client's identifier",
      dhcpPolicy,
      dhcpFrame({ options: [{ code: 61, value: Buffer.from('01525400999999', 'hex') }] }),
      '61',
    ],
    ['DHCP with a file name', dhcpPolicy, edited(dhcpFrame(), { 200: 0x41 }), 'spare'],
    ['DHCP offer', dhcpPolicy, dhcpFrame({ type: 2 }), 'option 53'],
  ])('%s', (_name, policy, frame, why) => {
    expect(judgeFrame(policy, frame)).toEqual({ verdict: 'drop', why: expect.stringContaining(why) });
    expect(compileMatcher(policy).match(frame, 0, frame.length)).toBeUndefined();
  });
});

test('a frame whose end is not in the buffer is not judged by its beginning', () => {
  const frame = tunnelFrame();
  expect(compileMatcher(openPolicy).match(frame.subarray(0, -1), 0, frame.length)).toBeUndefined();
});

test('an endpoint of a protocol the shape does not have lets nothing out', () => {
  const policy = { ...openPolicy, endpoints: [{ ...endpoint, protocol: 'tcp' as const }] };
  expect(judgeFrame(policy, tunnelFrame())).toMatchObject({ verdict: 'drop' });
});

test('without the MTU, lengths are not held to the padding', () => {
  const { mtu: _mtu, ...tunnel } = openPolicy.tunnel ?? { localPort: 0 };
  const policy: UplinkPolicy = { ...openPolicy, tunnel };
  expect(judgeFrame(policy, tunnelFrame(65))).toEqual({ verdict: 'pass', kind: 'tunnel' });
});

describe('the matcher and the reference are one', () => {
  const seeds = [
    ...[148, 92, 64, 32, 48, 1_452].flatMap((length) =>
      [1, 2, 3, 4].map((type) => udpFrame(hop, flow, message(type, length))),
    ),
    buildArpRequest(ours, router.address),
    buildArpReply(ours, router),
    dhcpFrame(),
    foreignFrame(),
    tcpSynFrame(hop, flow, 1),
  ];
  const policies = [
    openPolicy,
    dhcpPolicy,
    bootPolicy,
    { ...openPolicy, tunnel: undefined },
    { ...openPolicy, endpoints: [{ ...endpoint, port: 1 }, endpoint, { ...endpoint, address: '203.0.113.1' }] },
    { ...openPolicy, uplink: { ...openPolicy.uplink, address: undefined } },
  ];
  /** Bytes that decide: headers and the first of the payload. */
  const edit = fc.tuple(
    fc.oneof({ weight: 5, arbitrary: fc.nat(50) }, fc.nat(400)),
    fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 4, 0x40, 0x45, 0xff)),
  );
  const frame = fc
    .tuple(
      fc.constantFrom(...seeds),
      fc.array(edit, { maxLength: 2 }),
      fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: -40, max: 40 })),
    )
    .map(([seed, edits, change]) => {
      const copy = Buffer.concat([seed, Buffer.alloc(Math.max(0, change), 7)]);
      for (const [at, value] of edits) if (at < copy.length) copy[at] = value;
      return copy.subarray(0, Math.min(copy.length, copy.length + change));
    });

  test('on mutated frames, at any place in a buffer', () => {
    const matchers = policies.map((policy) => ({ policy, matcher: compileMatcher(policy) }));
    let passed = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...matchers),
        frame,
        fc.nat(20),
        fc.nat(20),
        ({ policy, matcher }, bytes, before, after) => {
          const buffer = Buffer.concat([Buffer.alloc(before, 0xee), bytes, Buffer.alloc(after, 0xdd)]);
          const verdict = judgeFrame(policy, bytes);
          const kind = matcher.match(buffer, before, before + bytes.length);
          expect(kind).toBe(verdict.verdict === 'pass' ? verdict.kind : undefined);
          if (kind !== undefined) passed += 1;
        },
      ),
      { numRuns: 20_000 },
    );
    expect(passed).toBeGreaterThan(500);
  });

  test('on random bytes', () => {
    const matcher = compileMatcher(openPolicy);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(matcher.match(Buffer.from(bytes), 0, bytes.length)).toBeUndefined();
      }),
    );
  });

  test('it says which rule a frame broke', () => {
    expect(compileMatcher(openPolicy).explain(foreignFrame())).toBe('destination is not the endpoint');
  });
});
