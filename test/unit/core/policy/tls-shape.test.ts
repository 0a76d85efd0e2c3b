import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compileMatcher, type UplinkPolicy } from '../../../../src/core/policy/index.ts';
import { ipv4Frame, TCP_FLAGS, tcpFrame, tcpSynFrame, udpFrame } from '../../../../src/frame/index.ts';
import { flow, hop, message as wireguard } from './frames.ts';
import { judgedFrame } from './judged.ts';
import { openconnectPolicy, openPolicy } from './policies.ts';

const policy: UplinkPolicy = openconnectPolicy;
const tlsAlone: UplinkPolicy = { ...policy, endpoints: policy.endpoints.slice(0, 1) };

/** A DTLS record. */
function record(type: number, length: number, { version = 0xfefd, epoch = 1, told = length } = {}): Buffer {
  const bytes = Buffer.alloc(13 + length, 0xa5);
  bytes.writeUInt8(type, 0);
  bytes.writeUInt16BE(version, 1);
  bytes.writeUInt16BE(epoch, 3);
  bytes.writeUInt16BE(told, 11);
  return bytes;
}

/** A TLS record. */
function tls(type: number, length: number, version = 0x0303): Buffer {
  const bytes = Buffer.alloc(5 + length, 0xa5);
  bytes.writeUInt8(type, 0);
  bytes.writeUInt16BE(version, 1);
  bytes.writeUInt16BE(length, 3);
  return bytes;
}

const judged = (frame: Buffer, by: UplinkPolicy = policy) => judgedFrame(frame, by);
const datagram = (payload: Buffer) => udpFrame(hop, flow, payload);

describe('what a client sends by DTLS', () => {
  test.each<[string, Buffer]>([
    ['a ClientHello', record(22, 200, { version: 0xfeff, epoch: 0 })],
    [
      'a key exchange and a change of ciphers',
      Buffer.concat([record(22, 40, { epoch: 0 }), record(20, 1, { epoch: 0 }), record(22, 48)]),
    ],
    ['data', record(23, 60)],
    ['a full packet', record(23, 1_425)],
    ['an alert', record(21, 26)],
  ])('%s', (_name, payload) => {
    expect(judged(datagram(payload))).toBe('tunnel');
  });
});

describe('other bytes by UDP to the same address and port', () => {
  test.each<[string, Buffer, string]>([
    ['nothing', Buffer.alloc(0), 'empty'],
    ['plain text', Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'), 'record type 71'],
    ['WireGuard', wireguard(4, 128), 'record type 4'],
    ['data before there are keys', record(23, 60, { epoch: 0 }), 'without keys'],
    ['data without a tag', record(23, 16), 'without a tag'],
    ['a record of no length', record(22, 0), 'a length that no record has'],
    ['a record longer than it is', record(23, 60, { told: 61 }), 'cut short'],
    ['bytes behind a record', Buffer.concat([record(23, 60), Buffer.from('clear')]), 'cut short'],
    ['a header alone', record(23, 60).subarray(0, 12), 'cut short'],
    ['an old version', record(23, 60, { version: 0x0100 }), 'version 0x100'],
    ['TLS', tls(23, 60), 'version 0x303'],
    ['a heartbeat', record(24, 60), 'record type 24'],
  ])('%s', (_name, payload, why) => {
    expect(judged(datagram(payload))).toContain(why);
  });

  test('over TLS alone no datagram leaves', () => {
    expect(judged(datagram(record(23, 60)), tlsAlone)).toContain("not the endpoint's port");
  });

  test('it is foreign where WireGuard is expected', () => {
    expect(judged(datagram(record(23, 96)), openPolicy)).toContain('not WireGuard');
  });
});

const segment = (payload: Buffer, flags: number = TCP_FLAGS.ack, change: Partial<typeof flow> = {}) =>
  tcpFrame(hop, { ...flow, ...change }, { flags, sequence: 7, payload });

/** A segment with these bytes of options, and one byte of the fixed header changed. */
function odd(options: string, [at, value]: readonly [number, number] = [0, 0]): Buffer {
  const more = Buffer.from(options, 'hex');
  const bytes = Buffer.concat([segment(Buffer.alloc(0)).subarray(34, 54), more]);
  bytes.writeUInt8((bytes.length / 4) << 4, 12);
  if (at > 0) bytes.writeUInt8(value, at);
  return ipv4Frame(hop, flow, 6, bytes);
}

describe('what a client sends by TCP', () => {
  test.each<[string, Buffer]>([
    ['a SYN', tcpSynFrame(hop, flow, 1)],
    ["a SYN with Linux's options", odd('020405b40402080a000000010000000001030307', [13, TCP_FLAGS.syn])],
    ['an acknowledgement of what came in pieces', odd('0101050a0000000100000002')],
    ['an end', segment(Buffer.alloc(0), TCP_FLAGS.fin | TCP_FLAGS.ack)],
    ['a reset', segment(Buffer.alloc(0), TCP_FLAGS.rst)],
    ['a record', segment(tls(22, 300, 0x0301))],
  ])('%s', (_name, frame) => {
    expect(judged(frame)).toBe('tunnel');
  });
});

describe('other TCP', () => {
  test.each<[string, Buffer, string]>([
    ['to another port', tcpSynFrame(hop, { ...flow, destinationPort: 80 }, 1), "not the endpoint's port"],
    ['to another address', tcpSynFrame(hop, { ...flow, destination: '9.9.9.9' }, 1), 'IP protocol 6'],
    ["from a server's port", segment(Buffer.alloc(0), TCP_FLAGS.ack, { sourcePort: 22 }), 'a port of no client'],
    ["from a canary's port", tcpSynFrame(hop, { ...flow, sourcePort: 20_000 }, 1), 'a port of no client'],
    ['from another address', tcpSynFrame(hop, { ...flow, source: '10.213.0.2' }, 1), "not the gateway's address"],
    ['an answer to a SYN', segment(Buffer.alloc(0), TCP_FLAGS.syn | TCP_FLAGS.ack), 'answers or ends'],
    ['a SYN with data', segment(Buffer.from('x'), TCP_FLAGS.syn), 'begins or breaks off with data'],
    ['urgent', segment(Buffer.alloc(0), 0x20 | TCP_FLAGS.ack), 'urgent'],
    ['an urgent pointer', odd('', [19, 1]), 'urgent'],
    ['reserved bits', odd('', [12, 0x52]), 'reserved'],
    ['an option nobody sends', odd('fd04abcd'), 'TCP option 253'],
    ['an option without an end', odd('0101020a'), 'TCP option 2'],
    ['bytes behind the options', odd('00414141'), 'bytes after'],
    ['a header that is not there', odd('', [12, 0xf0]), 'garbled'],
  ])('%s', (_name, frame, why) => {
    expect(judged(frame)).toContain(why);
  });
});

describe('the guard and the reference agree', () => {
  test('on any datagram', () => {
    let passed = 0;
    const bytes = fc.uint8Array({ maxLength: 60, size: 'max' });
    const property = fc.property(bytes, fc.nat(30), fc.boolean(), fc.nat(2), (tail, type, right, epoch) => {
      const body = Buffer.from(tail);
      const payload = Buffer.concat([record(type, 0, { epoch, told: right ? body.length : 40 }), body]);
      if (judged(datagram(payload)) === 'tunnel') passed += 1;
    });
    fc.assert(property, { numRuns: 2_000 });
    expect(passed).toBeGreaterThan(20);
  });
});

describe('TLS is followed from the SYN on', () => {
  const FIRST = 0xffff_ff00;
  const stream = Buffer.concat([
    tls(22, 300, 0x0301),
    tls(20, 1),
    tls(22, 60),
    ...Array.from({ length: 6 }, () => tls(23, 700)),
  ]);

  /** What becomes of segments of `stream`, each from one cut to the next. */
  function sent(
    bytes: Buffer,
    cuts: readonly number[],
    policies: UplinkPolicy = policy,
  ): readonly (string | undefined)[] {
    const matcher = compileMatcher(policies);
    const match = (frame: Buffer) => matcher.match(frame, 0, frame.length);
    const places = [0, ...cuts.filter((cut) => cut > 0 && cut < bytes.length), bytes.length];
    return [
      match(tcpSynFrame(hop, flow, FIRST - 1)),
      ...places.slice(1).map((end, index) => {
        const from = places[index] ?? 0;
        const payload = bytes.subarray(from, end);
        return match(tcpFrame(hop, flow, { flags: TCP_FLAGS.ack, sequence: (FIRST + from) >>> 0, payload }));
      }),
    ];
  }

  test('however it is cut, over the end of the sequence numbers too', () => {
    const cuts = fc.array(fc.nat(stream.length), { maxLength: 30 });
    const property = fc.property(cuts, (places) => {
      const sorted = [...new Set(places)].toSorted((a, b) => a - b);
      expect(new Set(sent(stream, sorted))).toEqual(new Set(['tunnel']));
    });
    fc.assert(property, { numRuns: 300 });
  });

  test('clear text behind a record, in it a new segment, is foreign wherever it is cut', () => {
    const clear = Buffer.from('GET /secret HTTP/1.1\r\nHost: endpoint\r\n\r\n');
    const property = fc.property(fc.nat(stream.length), (cut) => {
      expect(sent(Buffer.concat([stream, clear]), [cut, stream.length])).toContain(undefined);
    });
    fc.assert(property, { numRuns: 100 });
  });

  test('clear text from the beginning is foreign; so are records that are no handshake', () => {
    expect(sent(Buffer.from('SSH-2.0-x\r\n'), []).at(-1)).toBeUndefined();
    expect(sent(tls(23, 60), []).at(-1)).toBeUndefined();
  });

  test('what is sent again passes', () => {
    const matcher = compileMatcher(policy);
    const match = (frame: Buffer) => matcher.match(frame, 0, frame.length);
    const part = (from: number, to: number) =>
      match(
        tcpFrame(hop, flow, {
          flags: TCP_FLAGS.ack,
          sequence: (FIRST + from) >>> 0,
          payload: stream.subarray(from, to),
        }),
      );
    expect(match(tcpSynFrame(hop, flow, FIRST - 1))).toBe('tunnel');
    expect([part(0, 400), part(400, 900), part(200, 1_200), part(100, 300)]).toEqual(
      Array.from({ length: 4 }, () => 'tunnel'),
    );
  });

  test('a connection older than the policy goes on with a record or not at all', () => {
    const matcher = compileMatcher(policy);
    const data = (payload: Buffer) => {
      const frame = tcpFrame(hop, flow, { flags: TCP_FLAGS.ack, sequence: 9, payload });
      return matcher.match(frame, 0, frame.length);
    };
    expect(data(Buffer.alloc(0))).toBe('tunnel');
    expect(data(Buffer.from('clear text'))).toBeUndefined();
    expect(data(tls(23, 60))).toBe('tunnel');
  });

  test('the rule that a segment broke is told', () => {
    const matcher = compileMatcher(policy);
    const frame = tcpFrame(hop, flow, { flags: TCP_FLAGS.ack, sequence: 9, payload: Buffer.from('clear text') });
    expect(matcher.match(frame, 0, frame.length)).toBeUndefined();
    expect(matcher.explain(frame)).toBe('not TLS: record type 99');
  });
});
