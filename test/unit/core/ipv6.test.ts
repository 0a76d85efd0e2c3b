import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalIpv6, ipv6Overlap, ipv6Range, ipv6ToNumber, numberToIpv6 } from '../../../src/core/ipv6.ts';

const address = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n });

test('text and number are two forms of one address', () => {
  fc.assert(fc.property(address, (number) => ipv6ToNumber(numberToIpv6(number)) === number));
});

test('a prefix holds its address, is as large as its length says, and begins where that divides', () => {
  fc.assert(
    fc.property(address, fc.integer({ min: 0, max: 128 }), (number, length) => {
      const { first = 1n, last = 0n } = ipv6Range(`${numberToIpv6(number)}/${length}`) ?? {};
      const size = 1n << BigInt(128 - length);
      return first <= number && number <= last && last - first + 1n === size && first % size === 0n;
    }),
  );
});

test.each([
  ['2001:DB8::1/32', '2001:db8::/32'],
  ['::0/0', '::/0'],
  ['fd00:0:0:1:0:0:0:7', 'fd00:0:0:1::7/128'],
  ['::ffff:0:0/96', '::ffff:0.0.0.0/96'],
])('%s is written %s', (prefix, canonical) => {
  expect(canonicalIpv6(prefix)).toBe(canonical);
});

test.each(['', '::/', '::/129', '::/08', '::/8/8', 'fe80::1%work0', '10.0.0.0/8', 'g::', '1:2:3'])(
  '%j is none',
  (prefix) => {
    expect(canonicalIpv6(prefix)).toBeUndefined();
    expect(ipv6Overlap(prefix, '::/0')).toBe(false);
  },
);

test('prefixes overlap where one holds the other', () => {
  expect(ipv6Overlap('fd76:6d67:1::/48', 'fd76::/16')).toBe(true);
  expect(ipv6Overlap('fd76:6d67:1::/48', 'fd76:6d67:2::/48')).toBe(false);
});
