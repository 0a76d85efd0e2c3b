import { expect } from '@jest/globals';
import { readAddresses } from '../../src/frame/dns.ts';
import {
  buildArpReply,
  buildArpRequest,
  buildDhcpClient,
  buildDnsQuery,
  buildEthernet,
  classify,
  DHCP_OPTIONS,
  DNS_TYPES,
  describeFrame,
  dnsQueryFrame,
  FrameReader,
  icmpEchoFrame,
  ipv4Bytes,
  ipv4Frame,
  parseArp,
  parseDhcp,
  parseDns,
  parseEthernet,
  parseIcmp,
  parseIpv4,
  parseIpv6,
  parsePcap,
  parseTcp,
  parseUdp,
  pcapHeader,
  pcapRecord,
  tcpSynFrame,
  udpFrame,
} from '../../src/frame/index.ts';
import { corpusOf, fuzz, hold } from './fuzz.ts';
import { growsLinearly } from './growth.ts';
import { chunksOf, mutated } from './mutate.ts';

const hop = { sourceMac: '52:54:00:12:34:56', destinationMac: '52:55:0a:00:02:02' };
const ends = { source: '10.0.2.15', destination: '192.0.2.1' };
const flow = { ...ends, sourcePort: 40_000, destinationPort: 53 };
const sender = { mac: hop.sourceMac, address: ends.source };

const query = buildDnsQuery(4_711, 'nonce-1.example.com');
/** The question answered by a pointer to its own name, an address, and an alias. */
const reply = Buffer.concat([
  Buffer.from('126781800001000200000000', 'hex'),
  query.subarray(12),
  Buffer.from('c00c000500010000003c0004016ac00c', 'hex'),
  Buffer.from('c00c000100010000003c0004c6336407', 'hex'),
]);
const dhcp = buildDhcpClient({
  type: 3,
  mac: hop.sourceMac,
  transaction: 7,
  options: [
    { code: DHCP_OPTIONS.requestedAddress, value: ipv4Bytes('10.0.2.15') },
    { code: DHCP_OPTIONS.parameterList, value: Buffer.from([1, 3]) },
  ],
});
const frames = [
  buildArpRequest(sender, ends.destination),
  buildArpReply(sender, { mac: hop.destinationMac, address: ends.destination }),
  dnsQueryFrame(hop, flow, { id: 1, name: 'a.b' }),
  udpFrame(hop, { ...flow, sourcePort: 53, destinationPort: 40_000 }, reply),
  tcpSynFrame(hop, flow, 1),
  icmpEchoFrame(hop, ends, { identifier: 1, sequence: 2, data: Buffer.from('vmgate') }),
  udpFrame(hop, { ...flow, sourcePort: 68, destinationPort: 67 }, dhcp),
  ipv4Frame(hop, ends, 47, Buffer.alloc(20)),
  Buffer.concat([
    Buffer.from('333300000002525400123456 86dd 6000000000103aff'.replaceAll(' ', ''), 'hex'),
    Buffer.alloc(48, 1),
  ]),
];

/** A parser that made up bytes, or read beyond the end, would break it. */
function holdWithin(whole: Buffer, ...parts: readonly Buffer[]): void {
  for (const part of parts) hold('what is read was there', whole.includes(part));
  hold('nothing is read twice', parts.reduce((sum, part) => sum + part.length, 0) <= whole.length);
}

fuzz({
  name: 'frame',
  around: frames.filter(({ length }) => length < 200),
  inputs: mutated([...frames, ...corpusOf('frame').map(({ bytes }) => bytes)]),
  judge: (input) => {
    const seen = classify(input);
    const line = describeFrame(input);
    hold('one line of ASCII', /^[ -~]{0,512}$/.test(line));
    if (seen.ethernet !== undefined) hold('built as read', buildEthernet(seen.ethernet).equals(input));
    if ('ip' in seen && seen.kind !== 'ipv6') {
      const { headerBytes, payload, tail, totalLength, fragmentOffset } = seen.ip;
      holdWithin(seen.ethernet.payload, payload, tail);
      hold('the packet is as long as it says', headerBytes + payload.length === totalLength);
      hold('nothing is read out of a later fragment', fragmentOffset === 0 || seen.kind === 'ipv4');
    }
    if ('udp' in seen) {
      holdWithin(seen.ip.payload, seen.udp.payload, seen.udp.tail);
      hold('the datagram is as long as it says', seen.udp.length === 8 + seen.udp.payload.length);
    }
  },
});

fuzz({
  name: 'packet',
  around: frames.filter(({ length }) => length < 200).flatMap((frame) => [frame.subarray(14), frame.subarray(34)]),
  inputs: mutated([...frames.map((frame) => frame.subarray(14)), ...frames.map((frame) => frame.subarray(34))]),
  judge: (input) => {
    const whole = (...parts: readonly Buffer[]) =>
      hold('all of it is accounted for', Buffer.concat(parts).equals(input));
    const arp = parseArp(input);
    if (arp !== undefined) {
      const { senderMac: mac, senderAddress: address, targetMac, targetAddress, tail } = arp;
      const frame =
        arp.operation === 'reply'
          ? buildArpReply({ mac, address }, { mac: targetMac, address: targetAddress })
          : buildArpRequest({ mac, address }, targetAddress);
      const built = frame.subarray(14);
      // A question's target MAC means nothing; the builder leaves it empty.
      if (arp.operation === 'request') built.set(input.subarray(18, 24), 18);
      whole(built, tail);
    }
    const tcp = parseTcp(input);
    if (tcp !== undefined) holdWithin(input.subarray(20), tcp.payload);
    const icmp = parseIcmp(input);
    if (icmp?.echo !== undefined) whole(input.subarray(0, 8), icmp.echo.data);
    const udp = parseUdp(input);
    if (udp !== undefined) whole(input.subarray(0, 8), udp.payload, udp.tail);
    const ip = parseIpv4(input);
    if (ip !== undefined) whole(input.subarray(0, ip.headerBytes), ip.payload, ip.tail);
    const ip6 = parseIpv6(input);
    if (ip6 !== undefined) hold('eight groups', ip6.source.split(':').length === 8);
    parseEthernet(input);
  },
});

fuzz({
  name: 'dns',
  around: [query, reply],
  inputs: mutated(
    [query, reply, buildDnsQuery(1, `${'a'.repeat(63)}.`.repeat(3) + 'b'.repeat(61))],
    ['\x3f', '\xc0\x0c'],
  ),
  judge: (input) => {
    const message = parseDns(input);
    for (const address of readAddresses(input)) hold('an address', ipv4Bytes(address).length === 4);
    if (message?.question === undefined) return;
    const { name, type } = message.question;
    // RFC 1035 3.1: no name takes more than 255 bytes with its lengths.
    hold('no longer than a name', name.length <= 253);
    if (!/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(name) || !Object.values<number>(DNS_TYPES).includes(type)) return;
    const question = buildDnsQuery(message.id, name, type).subarray(12, -2);
    const asked = input
      .subarray(12, 12 + question.length)
      .toString('latin1')
      .toLowerCase();
    hold('one name has one encoding', asked === question.toString('latin1').toLowerCase());
  },
});

fuzz({
  name: 'dhcp',
  around: [dhcp],
  inputs: mutated([dhcp, buildDhcpClient({ type: 1, mac: hop.sourceMac, transaction: 1 })], ['\xff', '\x35\x01\x01']),
  judge: (input) => {
    const message = parseDhcp(input);
    if (message === undefined) return;
    holdWithin(input.subarray(240), message.tail, ...message.options.map(({ value }) => value));
    const [first, ...options] = message.options;
    const [type] = first?.value ?? [];
    if (first?.code !== DHCP_OPTIONS.messageType || first.value.length !== 1 || type === undefined) return;
    const { clientMac: mac, transaction, clientAddress } = message;
    const again = parseDhcp(buildDhcpClient({ type, mac, transaction, clientAddress, options }));
    const essence = (one: typeof again) =>
      one &&
      [
        one.clientMac,
        one.transaction,
        one.clientAddress,
        ...one.options.map(({ code, value }) => `${code} ${value.toString('hex')}`),
      ].join();
    hold('read back as it was built', essence(again) === essence(message));
  },
});

fuzz({
  name: 'pcap',
  inputs: mutated([
    Buffer.concat([pcapHeader(64), ...frames.slice(0, 3).map((frame) => pcapRecord(1_790_000_000_123, frame, 64))]),
    Buffer.concat([
      Buffer.from('a1b23c4d000200040000000000000000000000400000000100000001000000020000000200000002abcd', 'hex'),
    ]),
    pcapHeader(64),
  ]),
  judge: (input) => {
    const captured = parsePcap(input);
    if (captured === undefined) return;
    holdWithin(input.subarray(24), ...captured.map(({ frame }) => frame));
    expect(captured.length).toBeLessThanOrEqual((input.length - 24) / 16);
    const written = captured.map(({ atMs, frame }) => pcapRecord(atMs, frame, 262_144));
    const again = parsePcap(Buffer.concat([pcapHeader(262_144), ...written]));
    expect(again?.map(({ frame }) => frame)).toEqual(captured.map(({ frame }) => frame));
  },
});

fuzz({
  name: 'qemu-framing',
  inputs: mutated([Buffer.concat(frames.flatMap((frame) => [Buffer.from([0, 0, 0, frame.length]), frame]))]),
  judge: (input) => {
    const cut: Buffer[] = [];
    const whole: Buffer[] = [];
    const reader = new FrameReader((frame) => cut.push(frame));
    const inStep = chunksOf(input).map((chunk) => reader.push(chunk));
    // Out of step once is out of step for good.
    expect(inStep).toEqual(inStep.toSorted((a, b) => Number(b) - Number(a)));
    new FrameReader((frame) => whole.push(frame)).push(input);
    expect(cut).toEqual(whole);
    holdWithin(input, ...cut);
  },
});

growsLinearly('DNS name', 60_000, (n) => Buffer.concat([query.subarray(0, 12), Buffer.alloc(n, 1)]), parseDns);
growsLinearly(
  'DNS answers',
  60_000,
  (n) =>
    Buffer.concat([
      reply.subarray(0, 6),
      Buffer.from('ffff00000000', 'hex'),
      query.subarray(12),
      Buffer.alloc(n, 0xc0),
    ]),
  readAddresses,
);
growsLinearly(
  'DHCP options',
  1_000_000,
  (n) => Buffer.concat([dhcp.subarray(0, 240), Buffer.alloc(n, Buffer.from('3201'))]),
  parseDhcp,
);
growsLinearly('pcap of empty records', 1_600_000, (n) => Buffer.concat([pcapHeader(1), Buffer.alloc(n)]), parsePcap);
growsLinearly(
  'empty frames',
  200_000,
  (n) => Buffer.alloc(n),
  (bytes) => new FrameReader(() => {}).push(bytes),
);
