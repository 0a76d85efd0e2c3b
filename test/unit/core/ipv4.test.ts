import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ipv4Range, ipv4ToNumber, numberToIpv4 } from '../../../src/core/ipv4.ts';

const address = fc.integer({ min: 0, max: 2 ** 32 - 1 });

test('text and number are two forms of one address', () => {
  fc.assert(fc.property(address, (number) => ipv4ToNumber(numberToIpv4(number)) === number));
});

test('a prefix holds its address, is as large as its length says, and begins where that divides', () => {
  fc.assert(
    fc.property(address, fc.integer({ min: 0, max: 32 }), (number, length) => {
      const range = ipv4Range(`${numberToIpv4(number)}/${length}`);
      const { first = 1, last = 0 } = range ?? {};
      const size = 2 ** (32 - length);
      return first <= number && number <= last && last - first + 1 === size && first % size === 0;
    }),
  );
});

test.each([
  ['10.0.2.9/24', '10.0.2.0', '10.0.2.255'],
  ['240.0.0.1/4', '240.0.0.0', '255.255.255.255'],
  ['192.0.2.7', '192.0.2.7', '192.0.2.7'],
])('%s is %s to %s', (prefix, first, last) => {
  expect(ipv4Range(prefix)).toEqual({ first: ipv4ToNumber(first), last: ipv4ToNumber(last) });
});

test.each(['', '10.0.0.0/', '10.0.0.0/33', '10.0.0.0/08', '10.0.0.0/8/8', '::/0', '10.0/8'])('%j is none', (prefix) => {
  expect(ipv4Range(prefix)).toBeUndefined();
});
