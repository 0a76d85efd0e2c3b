import { describe, expect, test } from '@jest/globals';
import { ipv6Overlap } from '../../../src/core/ipv6.ts';
import { planLinks, USER_NETWORK } from '../../../src/core/link-plan.ts';

const planned = (seed: number, taken?: readonly string[]) => {
  const { work, probe } = planLinks(['dev', 'bank'], USER_NETWORK, [], seed, taken);
  return [...work, probe].map(({ ipv6 }) => ipv6);
};

describe('IPv6 of the links', () => {
  test('there is none unless the tunnel has some', () => {
    expect(planned(0x1234)).toEqual([undefined, undefined, undefined]);
  });

  test('each has its own prefix, the same every time', () => {
    expect(planned(0x1234, [])).toEqual([
      { gateway: 'fd76:6d67:1234::1', network: 'fd76:6d67:1234::/64' },
      { gateway: 'fd76:6d67:1234:1::1', network: 'fd76:6d67:1234:1::/64' },
      { gateway: 'fd76:6d67:1234:1f::1', network: 'fd76:6d67:1234:1f::/64' },
    ]);
    expect(planned(0x1234, [])).toEqual(planned(0x1234, ['2001:db8::/32']));
  });

  test('another gate has others', () => {
    const all = [0, 1, 0x1234, 0xffff].flatMap((seed) => planned(seed, []).map((ipv6) => ipv6?.network ?? ''));
    expect(new Set(all).size).toBe(12);
  });

  test('it keeps off what the tunnel has', () => {
    const taken = 'fd76:6d67::/32';
    for (const ipv6 of planned(0, [taken])) {
      expect(ipv6).toBeDefined();
      expect(ipv6Overlap(ipv6?.network ?? '::/0', taken)).toBe(false);
    }
    expect(() => planned(0, ['fd00::/8'])).toThrow(RangeError);
  });
});
