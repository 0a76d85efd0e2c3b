import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compileMatcher, judgeFrame, type UplinkPolicy } from '../../../../src/core/policy/index.ts';
import { tcpSynFrame, udpFrame } from '../../../../src/frame/index.ts';
import { espPacket, flow, hop, ikeMessage, message as wireguard } from './frames.ts';
import { judgedDatagram } from './judged.ts';
import { endpoint, openPolicy } from './policies.ts';

const policy: UplinkPolicy = { ...openPolicy, endpoints: [{ ...endpoint, shape: 'ipsec' }] };

const judged = (payload: Buffer, by: UplinkPolicy = policy) => judgedDatagram(payload, by);

/** `ikeMessage` with one byte of it another. */
function spoilt(offset: number, value: number): Buffer {
  const message = ikeMessage(35, 300);
  message.writeUInt8(value, offset);
  return message;
}

describe('what an IKEv2 client sends to the port that ESP is at too', () => {
  test.each<[string, Buffer]>([
    ['IKE_SA_INIT', ikeMessage(34, 400)],
    ['IKE_AUTH', ikeMessage(35, 1_200)],
    ['IKE_INTERMEDIATE', ikeMessage(43, 800)],
    ['a new key', ikeMessage(36, 200)],
    ['is the other side there?', ikeMessage(37, 80)],
    ['an answer to a question of the server', spoilt(4 + 19, 0x28)],
    ['ESP', espPacket(120)],
    ['the smallest ESP', espPacket(52)],
    ['a full packet', espPacket(1_460)],
    ['a byte that keeps a NAT open', Buffer.from([0xff])],
  ])('%s', (_name, payload) => {
    expect(judged(payload)).toBe('tunnel');
  });
});

describe('other bytes to the same address and port', () => {
  test.each<[string, Buffer, string]>([
    ['nothing', Buffer.alloc(0), 'too short'],
    ['another byte', Buffer.from([0xfe]), 'keeps nothing alive'],
    ['two bytes', Buffer.from([0xff, 0xff]), 'too short'],
    ['plain text', Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'), 'not ESP'],
    ['a question of DNS', Buffer.from('000101000001000000000000016100000100010000000000', 'hex'), 'not ESP'],
    ['a reserved index', espPacket(120, 255), 'not ESP'],
    ['ESP of an odd length', espPacket(121), 'not ESP'],
    ['ESP without a packet in it', espPacket(48), 'not ESP'],
    ['WireGuard that begins something', wireguard(1, 145), 'not ESP'],
    ['IKE without its marker', ikeMessage(34, 401).subarray(4), 'not ESP'],
    ['IKE cut short', ikeMessage(34, 24), 'too short'],
    ['IKE that nobody began', Buffer.concat([Buffer.alloc(12), ikeMessage(34, 400).subarray(12)]), 'nobody began it'],
    ['IKE of version 1', spoilt(4 + 17, 0x10), 'another version'],
    ['an exchange of version 1', spoilt(4 + 18, 4), 'exchange 4'],
    ['a reserved flag', spoilt(4 + 19, 0x48), 'reserved flags'],
    ['IKE with bytes behind it', Buffer.concat([ikeMessage(34, 400), Buffer.alloc(4)]), 'another length'],
  ])('%s', (_name, payload, why) => {
    expect(judged(payload)).toContain(why);
  });

  test('IPsec is foreign where another kind is expected', () => {
    expect(judged(espPacket(120), openPolicy)).toContain('not WireGuard');
    expect(judged(ikeMessage(34, 400), openPolicy)).toContain('not WireGuard');
  });

  test('ESP itself and TCP are foreign', () => {
    const bare = udpFrame(hop, flow, espPacket(120));
    bare.writeUInt8(50, 23);
    for (const frame of [bare, tcpSynFrame(hop, flow, 1)]) {
      expect(judgeFrame(policy, frame).verdict).toBe('drop');
      expect(compileMatcher(policy).match(frame, 0, frame.length)).toBeUndefined();
    }
  });
});

test('the guard and the reference agree on any payload', () => {
  let passed = 0;
  const first = fc.oneof(fc.constantFrom(0, 1, 255, 256, 0xffffffff), fc.nat(0xffffffff));
  const property = fc.property(
    first,
    fc.uint8Array({ minLength: 4, maxLength: 80, size: 'max' }),
    fc.boolean(),
    (word, bytes, isIke) => {
      const payload = isIke ? ikeMessage(34 + ((bytes[0] ?? 0) % 6), bytes.length) : Buffer.from(bytes);
      payload.writeUInt32BE(isIke ? 0 : word, 0);
      if (judged(payload) === 'tunnel') passed += 1;
    },
  );
  fc.assert(property, { numRuns: 2_000 });
  expect(passed).toBeGreaterThan(100);
});
