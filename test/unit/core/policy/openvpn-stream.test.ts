import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compileMatcher, type FrameMatcher, type UplinkPolicy } from '../../../../src/core/policy/index.ts';
import { TCP_FLAGS, tcpFrame, udpFrame } from '../../../../src/frame/index.ts';
import { flow, hop } from './frames.ts';
import { endpoint, openPolicy } from './policies.ts';

const policy: UplinkPolicy = { ...openPolicy, endpoints: [{ ...endpoint, shape: 'openvpn', protocol: 'tcp' }] };
const { syn, ack, psh, fin, rst } = TCP_FLAGS;
const FIRST = 0xffff_ff00;

/** A message of the stream: its length in front, then operation and key. */
function message(code: number, length: number, key = 0): Buffer {
  const bytes = Buffer.alloc(2 + length, 0xa5);
  bytes.writeUInt16BE(length, 0);
  bytes.writeUInt8((code << 3) | key, 2);
  return bytes;
}
type Segment = Parameters<typeof tcpFrame>[2];
const hello = message(7, 14);
const data = (length = 100) => message(9, length);

/** Frames in turn through one guard: what the last was taken for. */
class Wire {
  readonly guard: FrameMatcher;
  next = (FIRST + 1) >>> 0;

  constructor(by: UplinkPolicy = policy) {
    this.guard = compileMatcher(by);
  }

  sends(segment: Partial<Segment>, change: (frame: Buffer) => void = () => {}): string {
    const frame = tcpFrame(hop, flow, { flags: ack, sequence: this.next, acknowledgement: 7, ...segment });
    change(frame);
    return this.guard.match(frame, 0, frame.length) ?? this.guard.explain(frame);
  }

  begins(sequence = FIRST): string {
    this.next = (sequence + 1) >>> 0;
    return this.sends({ flags: syn, sequence, acknowledgement: 0 });
  }

  says(...parts: readonly Buffer[]): string {
    const payload = Buffer.concat(parts);
    const verdict = this.sends({ flags: ack | psh, payload });
    this.next = (this.next + payload.length) >>> 0;
    return verdict;
  }
}

function begun(): Wire {
  const wire = new Wire();
  expect(wire.begins()).toBe('tunnel');
  expect(wire.says(hello)).toBe('tunnel');
  return wire;
}

describe("an OpenVPN client's TCP", () => {
  test('a whole connection: SYN, acknowledgement, messages, its end', () => {
    const wire = begun();
    expect(wire.sends({})).toBe('tunnel');
    expect(wire.says(message(5, 22), message(4, 1_200))).toBe('tunnel');
    expect(wire.says(data(), data(1_430))).toBe('tunnel');
    expect(wire.sends({ flags: fin | ack })).toBe('tunnel');
    expect(wire.sends({ flags: rst, acknowledgement: 0 })).toBe('tunnel');
  });

  test('a SYN that is sent again does not begin anew, another one does', () => {
    const wire = begun();
    expect(wire.begins()).toBe('tunnel');
    wire.next = (FIRST + 1 + hello.length) >>> 0;
    expect(wire.says(data())).toBe('tunnel');
    expect(wire.begins(5)).toBe('tunnel');
    expect(wire.says(data())).toContain('begins otherwise');
  });

  test('any stream of messages, cut and repeated anywhere, is let through, over the wrap of sequence numbers', () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 4, maxLength: 60 });
    const lengths = fc.array(fc.integer({ min: 24, max: 400 }), { maxLength: 20 });
    fc.assert(
      fc.property(lengths, cuts, fc.array(fc.nat(300), { maxLength: 60 }), (sizes, pieces, again) => {
        const stream = Buffer.concat([hello, ...sizes.map((size) => data(size))]);
        const wire = new Wire();
        wire.begins();
        const first = wire.next;
        for (let at = 0, turn = 0; at < stream.length; turn += 1) {
          const end = Math.min(stream.length, at + (pieces[turn % pieces.length] ?? 1));
          const from = Math.max(0, at - (again[turn] ?? 0));
          wire.next = (first + from) >>> 0;
          expect(wire.says(stream.subarray(from, end))).toBe('tunnel');
          at = end;
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('other bytes to the same address and port by TCP', () => {
  const ip = (offset: number) => 34 + offset;
  test.each<[string, (wire: Wire) => string, string]>([
    ['clear text in its place', (wire) => wire.says(Buffer.from('GET / HTTP/1.1\r\n\r\n')), 'a length'],
    ['clear text behind a message', (wire) => wire.says(data(), Buffer.from('GET / HTTP/1.1')), 'a length'],
    ['TLS without OpenVPN round it', (wire) => wire.says(Buffer.from(`160301${'00'.repeat(60)}`, 'hex')), 'a length'],
    ['nothing, with its length', (wire) => wire.says(Buffer.from([0, 0, 0x48])), 'operation 9'],
    ["a server's answer", (wire) => wire.says(message(8, 26)), 'operation 8'],
    ['data cut short', (wire) => wire.says(message(9, 20)), 'too short'],
    ['a stream without a SYN', () => new Wire().says(hello), 'without a beginning'],
    [
      'a stream that begins with data',
      () => {
        const wire = new Wire();
        wire.begins();
        return wire.says(data());
      },
      'begins otherwise',
    ],
    [
      'a piece left out',
      (wire) => {
        wire.next += 1;
        return wire.says(data());
      },
      'left out',
    ],
    [
      'what was sent, sent again with another head',
      (wire) => {
        wire.next -= hello.length;
        return wire.says(message(10, 14));
      },
      'again otherwise',
    ],
    [
      'bytes from before the first',
      (wire) => {
        wire.next = (FIRST - 20) >>> 0;
        return wire.says(data());
      },
      'before the stream',
    ],
    ['a SYN with data', (wire) => wire.sends({ flags: syn, payload: hello }), 'with data'],
    ['a SYN that acknowledges', (wire) => wire.sends({ flags: syn | ack }), 'as it begins'],
    ['no flag at all', (wire) => wire.sends({ flags: 0 }), 'acknowledges nothing'],
    ['urgent', (wire) => wire.sends({ flags: ack | 0x20 }), 'urgent'],
    ['a pointer to what is urgent', (wire) => wire.sends({}, (frame) => frame.writeUInt16BE(9, ip(18))), 'urgent'],
    ['congestion', (wire) => wire.sends({ flags: ack | 0x40 }), 'congestion'],
    ['a reserved bit', (wire) => wire.sends({}, (frame) => frame.writeUInt8(0x51, ip(12))), 'reserved'],
    ['another port there', (wire) => wire.sends({}, (frame) => frame.writeUInt16BE(443, ip(2))), "endpoint's port"],
    ['another port here', (wire) => wire.sends({}, (frame) => frame.writeUInt16BE(5_000, ip(0))), "socket's port"],
    ['a header of no length', (wire) => wire.sends({}, (frame) => frame.writeUInt8(0x40, ip(12))), 'garbled TCP'],
  ])('%s', (_name, send, why) => {
    expect(send(begun())).toContain(why);
  });

  test.each<[string, string, string | undefined]>([
    ["a client's own", '020405b40402080a00000001000000000103030700', undefined],
    ['an unknown one', '22040000', 'TCP option 34'],
    ['one that is too long', '08200000', 'TCP option 8'],
    ['one of another length', '02030000', 'TCP option 2'],
    ['bytes after the last', '00000001', 'bytes after'],
  ])('options: %s', (_name, hex, why) => {
    const options = Buffer.from(hex.padEnd(Math.ceil(hex.length / 8) * 8, '0'), 'hex');
    const { guard } = new Wire();
    const frame = tcpFrame(hop, flow, { flags: syn, sequence: 1, payload: options });
    frame.writeUInt8(((20 + options.length) / 4) << 4, ip(12));
    expect(guard.match(frame, 0, frame.length) ?? guard.explain(frame)).toContain(why ?? 'tunnel');
  });

  test('UDP is foreign where TCP is expected, and the other way round', () => {
    const udp = udpFrame(hop, flow, message(9, 100).subarray(2));
    expect(new Wire().guard.match(udp, 0, udp.length)).toBeUndefined();
    const wire = new Wire({ ...policy, endpoints: [{ ...endpoint, shape: 'openvpn' }] });
    expect(wire.begins()).toContain('IP protocol 6');
  });
});
