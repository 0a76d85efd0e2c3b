import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { classifyAddress } from '../../../src/core/address-class.ts';
import { ipv4ToNumber } from '../../../src/core/ipv4.ts';

describe('classifyAddress', () => {
  test.each([
    ['0.0.0.0', 'unspecified', 'forbidden'],
    ['0.255.255.255', 'unspecified', 'forbidden'],
    ['1.0.0.0', 'global', 'admitted'],
    ['9.255.255.255', 'global', 'admitted'],
    ['10.0.0.0', 'private', 'permission'],
    ['10.0.1.255', 'private', 'permission'],
    ['10.0.2.0', 'slirp', 'forbidden'],
    ['10.0.2.255', 'slirp', 'forbidden'],
    ['10.0.3.0', 'private', 'permission'],
    ['10.255.255.255', 'private', 'permission'],
    ['100.63.255.255', 'global', 'admitted'],
    ['100.64.0.0', 'shared', 'permission'],
    ['100.127.255.255', 'shared', 'permission'],
    ['100.128.0.0', 'global', 'admitted'],
    ['127.0.0.0', 'loopback', 'forbidden'],
    ['127.255.255.255', 'loopback', 'forbidden'],
    ['169.254.169.254', 'link-local', 'forbidden'],
    ['172.15.255.255', 'global', 'admitted'],
    ['172.16.0.0', 'private', 'permission'],
    ['172.31.255.255', 'private', 'permission'],
    ['172.32.0.0', 'global', 'admitted'],
    ['192.0.0.8', 'reserved', 'forbidden'],
    ['192.0.2.1', 'documentation', 'forbidden'],
    ['192.88.99.1', 'reserved', 'forbidden'],
    ['192.168.255.255', 'private', 'permission'],
    ['192.169.0.0', 'global', 'admitted'],
    ['198.18.0.0', 'reserved', 'forbidden'],
    ['198.19.255.255', 'reserved', 'forbidden'],
    ['198.20.0.0', 'global', 'admitted'],
    ['203.0.113.1', 'documentation', 'forbidden'],
    ['223.255.255.255', 'global', 'admitted'],
    ['224.0.0.0', 'multicast', 'forbidden'],
    ['239.255.255.255', 'multicast', 'forbidden'],
    ['240.0.0.0', 'reserved', 'forbidden'],
    ['255.255.255.254', 'reserved', 'forbidden'],
    ['255.255.255.255', 'broadcast', 'forbidden'],
  ])('%s is %s: %s', (address, kind, admission) => {
    expect(classifyAddress(address)).toMatchObject({ class: kind, admission });
  });

  test.each([
    '',
    '127.1',
    '010.0.0.1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    ' 1.2.3.4',
    '1.2.3.4\n',
    '::1',
    '0x7f.0.0.1',
    '1e1.0.0.1',
  ])('%j is not canonical, so never dialled', (text) => {
    expect(ipv4ToNumber(text)).toBeUndefined();
    expect(classifyAddress(text).admission).toBe('forbidden');
  });

  test('nothing that slirp hands to the host is admitted', () => {
    const aimed = fc.tuple(
      fc.constantFrom('127', '0', '10.0.2'),
      fc.array(fc.nat(255), { minLength: 3, maxLength: 3 }),
    );
    fc.assert(
      fc.property(aimed, ([head, tail]) => {
        const address = [...head.split('.'), ...tail].slice(0, 4).join('.');
        return classifyAddress(address).admission === 'forbidden';
      }),
    );
  });
});
