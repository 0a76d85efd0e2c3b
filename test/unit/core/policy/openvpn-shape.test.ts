import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { UplinkPolicy } from '../../../../src/core/policy/index.ts';
import { breaksOpenVpn } from '../../../../src/core/policy/openvpn-shape.ts';
import { message as wireguard } from './frames.ts';
import { judgedDatagram } from './judged.ts';
import { endpoint, openPolicy } from './policies.ts';

const policy: UplinkPolicy = { ...openPolicy, endpoints: [{ ...endpoint, shape: 'openvpn' }] };

/** A message with operation code and key in its first byte. */
function message(code: number, length: number, key = 0): Buffer {
  const bytes = Buffer.alloc(length, 0xa5);
  if (length > 0) bytes.writeUInt8((code << 3) | key, 0);
  return bytes;
}

const judged = (payload: Buffer, by: UplinkPolicy = policy) => judgedDatagram(payload, by);

describe('what an OpenVPN client sends', () => {
  test.each<[string, Buffer]>([
    ['a session begins', message(7, 14)],
    ['a session begins, wrapped by tls-auth with SHA-512', message(7, 86)],
    ['a session begins, with a tls-crypt-v2 key', message(10, 400)],
    ['the key of tls-crypt-v2 behind a cookie', message(11, 400)],
    ['TLS', message(4, 1_200)],
    ['TLS of a new key', message(4, 1_200, 1)],
    ['a new key', message(3, 14, 1)],
    ['acknowledgement', message(5, 22)],
    ['data', message(9, 24, 7)],
    ['data of an old server', message(6, 21)],
    ['a full packet', message(9, 1_444)],
  ])('%s', (_name, payload) => {
    expect(judged(payload)).toBe('tunnel');
  });
});

describe('other bytes to the same address and port', () => {
  test.each<[string, Buffer, string]>([
    ['nothing', Buffer.alloc(0), 'operation 0'],
    ['plain text', Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'), 'operation 8'],
    ['a question of DNS', Buffer.from('000101000001000000000000016100000100010000000000', 'hex'), 'operation 0'],
    ['WireGuard', wireguard(1, 148), 'operation 0'],
    ['TLS without OpenVPN round it', Buffer.from(`16030100${'00'.repeat(60)}`, 'hex'), 'operation 2'],
    ["a server's answer", message(8, 26), 'operation 8'],
    ['a protocol of OpenVPN 1', message(1, 40), 'operation 1'],
    ['an operation nobody knows', message(12, 40), 'operation 12'],
    ['a session that begins with another key', message(7, 14, 1), 'another key'],
    ['control cut short', message(4, 13), 'too short'],
    ['acknowledgement of nothing', message(5, 18), 'too short'],
    ['data without a tag', message(9, 20), 'too short'],
  ])('%s', (_name, payload, why) => {
    expect(judged(payload)).toContain(why);
  });

  test('OpenVPN is foreign where WireGuard is expected', () => {
    expect(judged(message(9, 96), openPolicy)).toContain('not WireGuard');
  });
});

describe('the guard and the reference agree', () => {
  test('on any payload, whichever shape the endpoint has', () => {
    const both: UplinkPolicy = {
      ...openPolicy,
      endpoints: [
        { ...endpoint, address: '203.0.113.1' },
        { ...endpoint, shape: 'openvpn' },
      ],
    };
    let passed = 0;
    const property = fc.property(
      fc.constantFrom(policy, both, openPolicy),
      fc.uint8Array({ maxLength: 60, size: 'max' }),
      fc.nat(15),
      fc.nat(7),
      (by, bytes, code, key) => {
        const payload = Buffer.from(bytes);
        if (payload.length > 0) payload.writeUInt8((code << 3) | key, 0);
        if (judged(payload, by) === 'tunnel') passed += 1;
      },
    );
    fc.assert(property, { numRuns: 2_000 });
    expect(passed).toBeGreaterThan(50);
  });

  test('a shorter message never passes where a longer one of its kind does not', () => {
    const property = fc.property(fc.nat(255), fc.nat(1_500), (first, length) => {
      if (breaksOpenVpn(first, length) === undefined) expect(breaksOpenVpn(first, length + 1)).toBeUndefined();
    });
    fc.assert(property);
  });
});
