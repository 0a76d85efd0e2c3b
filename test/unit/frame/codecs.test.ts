import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  BROADCAST_MAC,
  buildArpReply,
  buildArpRequest,
  buildDhcpClient,
  buildDnsQuery,
  classify,
  describeFrame,
  dnsQueryFrame,
  ETHERNET_HEADER,
  icmpEchoFrame,
  internetChecksum,
  ipv4Bytes,
  macBytes,
  parseArp,
  parseDhcp,
  parseDns,
  parseEthernet,
  parseIpv4,
  parsePcap,
  parseUdp,
  pcapHeader,
  pcapRecord,
  tcpSynFrame,
  transportChecksum,
  udpFrame,
  wholePcapBytes,
} from '../../../src/frame/index.ts';

const hop = { sourceMac: '52:54:00:12:34:56', destinationMac: '52:55:0a:00:02:02' };
const flow = { source: '10.0.2.15', destination: '192.0.2.1', sourcePort: 40_000, destinationPort: 53 };

const address = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)).map((bytes) => bytes.join('.'));
const mac = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map((bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':'));
const payload = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));

describe('checksum', () => {
  test('the example of RFC 1071, section 3', () => {
    expect(internetChecksum(Buffer.from('0001f203f4f5f6f7', 'hex'))).toBe(~0xddf2 & 0xffff);
  });

  test('a real IPv4 header adds up to nothing', () => {
    expect(internetChecksum(Buffer.from('450000730000400040 11b861c0a80001c0a800c7'.replaceAll(' ', ''), 'hex'))).toBe(
      0,
    );
  });

  test('split at odd places it stays the same', () => {
    fc.assert(
      fc.property(payload, fc.nat(300), (bytes, cut) => {
        expect(internetChecksum(bytes.subarray(0, cut), bytes.subarray(cut))).toBe(internetChecksum(bytes));
      }),
    );
  });
});

describe('what is built is read back', () => {
  test('ARP', () => {
    fc.assert(
      fc.property(mac, address, mac, address, (senderMac, senderAddress, targetMac, targetAddress) => {
        const sender = { mac: senderMac, address: senderAddress };
        const request = parseEthernet(buildArpRequest(sender, targetAddress));
        expect(request?.destination).toBe(BROADCAST_MAC);
        expect(request && parseArp(request.payload)).toMatchObject({ operation: 'request', senderMac, targetAddress });
        const reply = parseEthernet(buildArpReply(sender, { mac: targetMac, address: targetAddress }));
        expect(reply && parseArp(reply.payload)).toMatchObject({ operation: 'reply', senderAddress, targetMac });
      }),
    );
  });

  test('UDP, with right checksums', () => {
    fc.assert(
      fc.property(payload, fc.nat(65_535), fc.nat(65_535), (bytes, sourcePort, destinationPort) => {
        const frame = udpFrame(hop, { ...flow, sourcePort, destinationPort }, bytes);
        const ip = parseIpv4(frame.subarray(ETHERNET_HEADER));
        expect(ip).toMatchObject({ checksumRight: true, protocol: 17, source: flow.source, fragmentOffset: 0 });
        const segment = ip?.payload ?? Buffer.alloc(0);
        expect(parseUdp(segment)).toMatchObject({ sourcePort, destinationPort, payload: bytes });
        expect(transportChecksum(ipv4Bytes(flow.source), ipv4Bytes(flow.destination), 17, segment)).toBe(0);
      }),
    );
  });

  test('TCP SYN', () => {
    const seen = classify(tcpSynFrame(hop, flow, 0x01020304));
    expect(seen).toMatchObject({ kind: 'tcp', tcp: { sequence: 0x01020304, flags: { syn: true, ack: false } } });
    const segment = seen.kind === 'tcp' ? seen.ip.payload : Buffer.alloc(0);
    expect(transportChecksum(ipv4Bytes(flow.source), ipv4Bytes(flow.destination), 6, segment)).toBe(0);
  });

  test('ICMP echo', () => {
    const echo = { identifier: 7, sequence: 9, data: Buffer.from('vmgate') };
    expect(classify(icmpEchoFrame(hop, flow, echo))).toMatchObject({
      kind: 'icmp',
      icmp: { type: 8, checksumRight: true, echo },
    });
  });

  test('DNS', () => {
    const frame = dnsQueryFrame(hop, flow, { id: 4_711, name: 'Nonce-1.Example.com' });
    expect(classify(frame)).toMatchObject({
      kind: 'dns',
      dns: { id: 4_711, response: false, question: { name: 'nonce-1.example.com', type: 1 } },
    });
  });

  test('DHCP', () => {
    const options = [{ code: 50, value: ipv4Bytes('192.0.2.9') }];
    const message = buildDhcpClient({ type: 3, mac: hop.sourceMac, transaction: 0xdeadbeef, options });
    expect(parseDhcp(message)).toMatchObject({
      operation: 1,
      transaction: 0xdeadbeef,
      clientMac: hop.sourceMac,
      spareZero: true,
      options: [{ code: 53, value: Buffer.from([3]) }, ...options],
    });
  });

  test('pcap', () => {
    const record = fc.record({ atMs: fc.integer({ min: 0, max: 4e12 }), frame: payload });
    fc.assert(
      fc.property(fc.array(record, { maxLength: 10 }), fc.nat(30), (records, cut) => {
        const whole = Buffer.concat([
          pcapHeader(128),
          ...records.map(({ atMs, frame }) => pcapRecord(atMs, frame, 128)),
        ]);
        const read = parsePcap(whole);
        expect(read).toEqual(
          records.map(({ atMs, frame }) => ({ atMs, originalLength: frame.length, frame: frame.subarray(0, 128) })),
        );
        const shorter = parsePcap(whole.subarray(0, Math.max(24, whole.length - cut)));
        expect(read?.slice(0, shorter?.length)).toEqual(shorter);
        // What is whole of a file that was cut short reads the same, and ends where a record does.
        const left = whole.subarray(0, Math.max(24, whole.length - cut));
        const end = wholePcapBytes(left.length, (position, length) => left.subarray(position, position + length));
        expect(parsePcap(left.subarray(0, end))).toEqual(shorter);
        const lengths = (shorter ?? []).map(({ frame }) => 16 + frame.length);
        expect(end).toBe(lengths.reduce((sum, length) => sum + length, 24));
      }),
    );
  });

  test('pcap: a file larger than what is read of it at once', () => {
    const record = pcapRecord(1_000, Buffer.alloc(1_400), 2_048);
    const file = Buffer.concat([
      pcapHeader(2_048),
      ...Array.from({ length: 2_000 }, () => record),
      record.subarray(0, 9),
    ]);
    const most: number[] = [];
    const end = wholePcapBytes(file.length, (position, length) => {
      most.push(length);
      return file.subarray(position, position + length);
    });
    expect(end).toBe(file.length - 9);
    expect(most.length).toBeLessThan(10);
  });
});

describe('hostile bytes', () => {
  test('a name that never ends is not read for ever', () => {
    const header = Buffer.alloc(12);
    header.writeUInt16BE(1, 4);
    expect(parseDns(Buffer.concat([header, Buffer.alloc(60_000, 1)]))?.question).toBeUndefined();
  });

  test('a later fragment is not read as UDP', () => {
    const frame = udpFrame(hop, flow, Buffer.alloc(40));
    frame.writeUInt16BE(0x0001, ETHERNET_HEADER + 6);
    expect(classify(frame).kind).toBe('ipv4');
  });
});

describe('garbled addresses are refused, not guessed', () => {
  test.each(['010.0.0.1', '1.2.3', '1.2.3.256', ' 1.2.3.4', '1.2.3.4/32', ''])('%p', (text) => {
    expect(() => ipv4Bytes(text)).toThrow(RangeError);
  });
  test.each(['52:54:00:12:34', '52-54-00-12-34-56', 'zz:54:00:12:34:56'])('%p', (text) => {
    expect(() => macBytes(text)).toThrow(RangeError);
  });
  test.each(['', 'a..b', `${'a'.repeat(64)}.b`, 'a b'])('DNS name %p', (name) => {
    expect(() => buildDnsQuery(1, name)).toThrow(RangeError);
  });
});

test('describeFrame says what a capture would', () => {
  expect(describeFrame(buildArpRequest({ mac: hop.sourceMac, address: flow.source }, '10.0.2.2'))).toBe(
    'arp who has 10.0.2.2, asks 10.0.2.15 (52:54:00:12:34:56)',
  );
  expect(describeFrame(udpFrame(hop, { ...flow, destinationPort: 51_820 }, Buffer.alloc(148)))).toBe(
    'udp 10.0.2.15:40000 > 192.0.2.1:51820, 148 bytes',
  );
  expect(describeFrame(Buffer.alloc(3))).toBe('garbled, 3 bytes');
});
