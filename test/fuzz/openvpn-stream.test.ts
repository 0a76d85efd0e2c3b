/** What the guard lets out of an OpenVPN client's TCP, put together again and read a second time. */
import { compileMatcher, type UplinkPolicy } from '../../src/core/policy/index.ts';
import { TCP_FLAGS, tcpFrame } from '../../src/frame/index.ts';
import { flow, hop } from '../unit/core/policy/frames.ts';
import { endpoint, openPolicy } from '../unit/core/policy/policies.ts';
import { corpusOf, fuzz, hold } from './fuzz.ts';
import { mutated } from './mutate.ts';

const policy: UplinkPolicy = { ...openPolicy, endpoints: [{ ...endpoint, shape: 'openvpn', protocol: 'tcp' }] };
const { syn, ack } = TCP_FLAGS;
const FIRST = 0xffff_ffc0;

const message = (first: string, length: number) => Buffer.from(`${first}`.padEnd(length * 2, 'a5'), 'hex');
const framed = (bytes: Buffer) =>
  Buffer.concat([Buffer.from(bytes.length.toString(16).padStart(4, '0'), 'hex'), bytes]);
const stream = (...messages: readonly Buffer[]) => Buffer.concat(messages.map(framed));
const valid = [
  stream(message('38', 14), message('28', 22), message('20', 300), message('48', 100), message('48', 1_450)),
  stream(message('50', 400), message('48', 24), message('4f', 25)),
];
const hostile = [Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'), stream(message('48', 100))];

/** First byte, and bytes of the shortest, of every operation of a client: as p4-oracle.ts has them for datagrams. */
const LEAST: Readonly<Record<number, number>> = { 3: 14, 4: 14, 5: 22, 6: 21, 7: 14, 9: 24, 10: 14, 11: 14 };

/** Heads of messages that are whole in `bytes`. */
function headsIn(bytes: Buffer): readonly { readonly length: number; readonly operation: number }[] {
  const heads = [];
  for (let at = 0; at + 3 <= bytes.length; ) {
    const length = bytes.readUInt16BE(at);
    heads.push({ length, operation: bytes.readUInt8(at + 2) >> 3 });
    at += 2 + Math.max(1, length);
  }
  return heads;
}

fuzz({
  name: 'guard-openvpn-stream',
  inputs: mutated([...valid, ...hostile, ...corpusOf('guard-openvpn-stream').map(({ bytes }) => bytes)]),
  judge: (bytes) => {
    const guard = compileMatcher(policy);
    const passes = (sequence: number, flags: number, payload: Buffer) => {
      const frame = tcpFrame(hop, flow, { flags, sequence: sequence >>> 0, payload });
      return guard.match(frame, 0, frame.length) === 'tunnel';
    };
    hold('a SYN passes', passes(FIRST, syn, Buffer.alloc(0)));
    const out: Buffer[] = [];
    // Pieces of sizes that the bytes themselves say, each said twice.
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at, at + 1 + ((bytes[at] ?? 0) % 97) * 3);
      if (!passes(FIRST + 1 + at, ack, piece)) break;
      hold('what was let out may be sent again', passes(FIRST + 1 + at, ack, piece));
      out.push(piece);
      at += piece.length;
    }
    const heads = headsIn(Buffer.concat(out));
    const [first] = heads;
    hold('a session begins', first === undefined || first.operation === 7 || first.operation === 10);
    for (const { length, operation } of heads) {
      hold('a message of a client', length <= 2_048 && length >= (LEAST[operation] ?? Number.POSITIVE_INFINITY));
    }
  },
});
