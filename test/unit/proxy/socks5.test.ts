import { describe, expect, test } from '@jest/globals';
import { type Reading, readLogin, readMethods, readRequest } from '../../../src/proxy/socks5.ts';

const bytes = (...parts: readonly (number | string)[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from([part]))));

/** However the bytes arrive: every shorter piece asks for more, every longer one keeps what comes behind. */
function whole<T>(read: (bytes: Buffer) => Reading<T>, message: Buffer): T | undefined {
  for (let length = 0; length < message.length; length += 1) {
    expect(read(message.subarray(0, length))).toEqual({ kind: 'more' });
  }
  const longer = read(Buffer.concat([message, Buffer.from('payload')]));
  const exact = read(message);
  expect(longer).toEqual({ ...exact, rest: Buffer.from('payload') });
  return exact.kind === 'read' ? exact.value : undefined;
}

describe('SOCKS5', () => {
  test('methods', () => {
    expect(whole(readMethods, bytes(5, 2, 0, 2))).toEqual([0, 2]);
    expect(readMethods(bytes(4, 1, 0))).toEqual({ kind: 'garbled' });
    expect(readMethods(bytes(5, 0))).toEqual({ kind: 'garbled' });
  });

  test('a login', () => {
    expect(whole(readLogin, bytes(1, 2, 'me', 3, 'key'))).toEqual({ user: 'me', password: 'key' });
    expect(whole(readLogin, bytes(1, 0, 0))).toEqual({ user: '', password: '' });
    expect(readLogin(bytes(5, 2, 'me'))).toEqual({ kind: 'garbled' });
  });

  test('a request by name and by address', () => {
    const name = bytes(5, 1, 0, 3, 11, 'example.org', 1, 187);
    expect(whole(readRequest, name)).toEqual({ kind: 'connect', host: 'example.org', port: 443 });
    const address = bytes(5, 1, 0, 1, 9, 9, 9, 9, 0, 80);
    expect(whole(readRequest, address)).toEqual({ kind: 'connect', host: '9.9.9.9', port: 80 });
  });

  test.each<[string, Buffer, number]>([
    ['BIND', bytes(5, 2, 0, 1, 9, 9, 9, 9, 0, 80), 7],
    ['UDP ASSOCIATE', bytes(5, 3, 0, 1, 9, 9, 9, 9, 0, 80), 7],
    ['IPv6', bytes(5, 1, 0, 4, '0123456789abcdef', 0, 80), 8],
    ['port 0', bytes(5, 1, 0, 1, 9, 9, 9, 9, 0, 0), 1],
    ['no name', bytes(5, 1, 0, 3, 0, 0, 80), 1],
  ])('%s has its own refusal', (_what, message, reply) => {
    expect(readRequest(message)).toMatchObject({ kind: 'read', value: { kind: 'refusal', reply } });
  });

  test.each([
    ['another version', bytes(4, 1, 0, 1)],
    ['a reserved byte', bytes(5, 1, 1, 1)],
    ['an unknown kind of address', bytes(5, 1, 0, 2)],
  ])('%s is garbled', (_what, message) => {
    expect(readRequest(message)).toEqual({ kind: 'garbled' });
  });
});
