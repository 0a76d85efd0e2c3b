import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { classifyAddress } from '../../../src/core/address-class.ts';
import { within } from '../../../src/core/checks/prefix.ts';
import { numberToIpv4 } from '../../../src/core/ipv4.ts';
import { refuseOffer } from '../../../src/core/uplink-address.ts';

const taken = ['10.213.0.1/29', '10.213.0.249/29', '10.66.0.2/32', '10.66.0.1/32'];
const offer = (address: string, prefixLength: number, nextHop: string) => ({ address, prefixLength, nextHop });

describe('an address that the local network offers', () => {
  test.each([
    ['at home', offer('192.168.77.101', 24, '192.168.77.1')],
    ['behind a carrier', offer('100.64.3.9', 10, '100.64.0.1')],
    ['of a public range', offer('9.9.9.77', 24, '9.9.9.1')],
    ['of the range of a site that somebody wants to see in clear', offer('203.0.113.101', 24, '203.0.113.66')],
    ['beside the links, not on them', offer('10.213.0.77', 24, '10.213.0.78')],
    ['on a link of two', offer('172.20.0.0', 31, '172.20.0.1')],
    ['of the widest network', offer('10.0.0.2', 8, '10.255.255.254')],
  ])('%s is taken', (_, offered) => {
    expect(refuseOffer(offered, taken)).toBeUndefined();
  });

  test.each([
    ['loopback', offer('127.0.0.2', 8, '127.0.0.1'), /no host's/],
    ['unspecified', offer('0.0.0.0', 24, '0.0.0.1'), /no host's/],
    ['made up by the client', offer('169.254.7.7', 16, '169.254.0.1'), /no host's/],
    ['multicast', offer('224.0.0.9', 24, '224.0.0.1'), /no host's/],
    ['class E', offer('240.0.0.9', 24, '240.0.0.1'), /no host's/],
    ['everybody', offer('255.255.255.255', 24, '255.255.255.1'), /no host's/],
    ['a router that is loopback', offer('192.168.7.7', 24, '127.0.0.1'), /router 127.0.0.1 is no host's/],
    ['not canonical', offer('192.168.007.7', 24, '192.168.7.1'), /no host's/],
    ["the gateway's own on a link", offer('10.213.0.1', 24, '10.213.0.78'), /in use inside/],
    ["a work VM's", offer('10.213.0.2', 24, '10.213.0.78'), /in use inside/],
    ["the tunnel's resolver as router", offer('10.66.0.9', 24, '10.66.0.1'), /router 10.66.0.1 is in use inside/],
    ['on a network that holds everything', offer('192.168.7.7', 0, '8.8.8.8'), /0 bits/],
    ['alone', offer('192.168.7.7', 32, '192.168.7.7'), /32 bits/],
    ["the router's own", offer('192.168.7.1', 24, '192.168.7.1'), /router's too/],
    ['with a router elsewhere', offer('192.168.7.7', 24, '192.168.8.1'), /not in the network/],
    ['the name of its network', offer('192.168.7.0', 24, '192.168.7.1'), /192.168.7.0 is an end of the network/],
    ['with a router that is everybody', offer('192.168.7.7', 24, '192.168.7.255'), /is an end of the network/],
  ])('%s is refused', (_, offered, why) => {
    expect(refuseOffer(offered, taken)).toMatch(why);
  });

  test('whatever is taken has a host and a router of its own network, outside the gate', () => {
    const address = fc.oneof(
      fc.integer({ min: 0, max: 2 ** 32 - 1 }).map(numberToIpv4),
      fc.constantFrom('10.213.0.1', '10.66.0.1', '127.0.0.1', '192.168.7.7', '192.168.7.1', '192.168.7.255'),
    );
    fc.assert(
      fc.property(address, fc.integer({ min: 0, max: 32 }), address, (mine, prefixLength, nextHop) => {
        if (refuseOffer(offer(mine, prefixLength, nextHop), taken) !== undefined) return;
        expect(mine).not.toBe(nextHop);
        expect(within(nextHop, `${mine}/${prefixLength}`)).toBe(true);
        for (const text of [mine, nextHop]) {
          expect(['private', 'shared', 'global', 'slirp', 'documentation']).toContain(classifyAddress(text).class);
          expect(taken.filter((prefix) => within(text, prefix))).toEqual([]);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
