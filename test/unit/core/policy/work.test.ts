/** A work VM's rules: what the table says is what the rules say, and what is left open is left open. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { IpValue } from '../../../../src/core/ip-range.ts';
import { ipv4ToNumber } from '../../../../src/core/ipv4.ts';
import { ipv6ToNumber } from '../../../../src/core/ipv6.ts';
import {
  compileTable,
  type Destination,
  denialOf,
  judgeByTable,
  nameFeeds,
} from '../../../../src/core/policy/index.ts';
import { isBelow } from '../../../../src/core/policy/work-egress.ts';
import { fewRights, manyRights } from './policies.ts';
import { ANSWERS, anyEgress, anyPacket, judge, type TriedPacket } from './reference.ts';

const nothing: Destination = { address: undefined, name: undefined, protocol: undefined, port: undefined };

function known({ address, protocol, port }: TriedPacket): Destination {
  return { address: numberOf(address), name: undefined, protocol, port };
}

function numberOf(text: string): IpValue | undefined {
  return ipv4ToNumber(text) ?? ipv6ToNumber(text);
}

function isNamed(address: IpValue, above: string): boolean {
  return Object.entries(ANSWERS).some(
    ([name, addresses]) => isBelow(name, above) && addresses.some((text) => numberOf(text) === address),
  );
}

describe('the table', () => {
  test('says of every packet what the rules say', () => {
    fc.assert(
      fc.property(anyEgress, anyPacket, (egress, packet) => {
        const { verdict, deciders } = judgeByTable(compileTable(egress), known(packet), isNamed);
        expect(verdict).toBe(judge(egress, packet, ANSWERS));
        expect(deciders).toHaveLength(1);
      }),
      { numRuns: 3_000 },
    );
  });

  test('a question that leaves something open is answered as every packet that it may mean, or as depending', () => {
    const openings = [['address'], ['port'], ['protocol', 'port'], ['address', 'protocol', 'port']] as const;
    fc.assert(
      fc.property(anyEgress, anyPacket, fc.constantFrom(...openings), (egress, packet, open) => {
        fc.pre(packet.port !== 0);
        const asked = { ...known(packet), ...Object.fromEntries(open.map((field) => [field, undefined])) };
        const { verdict } = judgeByTable(compileTable(egress), asked);
        expect([judge(egress, packet, ANSWERS), 'depends']).toContain(verdict);
      }),
      { numRuns: 3_000 },
    );
  });

  test.each<[string, Partial<Destination>, string, unknown[]]>([
    ['a name of a rule', { name: 'bank.example', protocol: 'tcp', port: 443 }, 'allow', [0]],
    ['a name below it', { name: 'login.bank.example', protocol: 'tcp', port: 443 }, 'allow', [0]],
    [
      'a name that only ends like it',
      { name: 'evilbank.example', protocol: 'tcp', port: 443 },
      'depends',
      [0, 1, 2, 3, 'rest'],
    ],
    ['its other port', { name: 'bank.example', protocol: 'tcp', port: 80 }, 'depends', [1, 2, 'rest']],
    [
      'an address denied before it is allowed',
      { address: 0x09090909, protocol: 'tcp', port: 443 },
      'depends',
      [0, 1, 2],
    ],
    ['no port said', { address: 0x09010101, protocol: 'tcp' }, 'depends', [0, 1, 3, 'rest']],
    [
      'a private address that no name may lead to',
      { address: 0x0a000001, protocol: 'tcp', port: 443 },
      'depends',
      [1, 'rest'],
    ],
    ['a protocol without ports', { address: 0x09010101, protocol: 'other' }, 'depends', [1, 'rest']],
    [
      'an IPv6 address that only a name may lead to',
      { address: ipv6ToNumber('2001:db8::9') },
      'depends',
      [0, 1, 'rest'],
    ],
    ['an IPv6 address that no name may lead to', { address: 1n, protocol: 'tcp', port: 443 }, 'deny', ['rest']],
    ['ping', { address: 0x0a400002, protocol: 'icmp' }, 'allow', [4]],
  ])('%s', (_name, asked, verdict, deciders) => {
    const found = judgeByTable(compileTable(fewRights), { ...nothing, ...asked });
    expect(found.verdict).toBe(verdict);
    expect(found.deciders.map(({ decider }) => decider)).toEqual(deciders);
  });

  test('everything but what is said', () => {
    const table = compileTable(manyRights);
    expect(judgeByTable(table, { ...nothing, address: 0x08080808, protocol: 'tcp', port: 25 })).toEqual({
      verdict: 'deny',
      deciders: [{ decider: 3, action: 'deny' }],
    });
    expect(judgeByTable(table, { ...nothing, address: 0x08080808, protocol: 'tcp', port: 443 }).verdict).toBe('allow');
    expect(judgeByTable(table, { ...nothing, address: 0x0a010101 }).verdict).toBe('deny');
  });
});

test('a longer name feeds the sets of the shorter ones it lies below', () => {
  expect(nameFeeds([fewRights, undefined, manyRights])).toEqual([
    { name: 'bank.example', sets: ['name0'] },
    { name: 'www.bank.example', sets: ['name0', 'name1'] },
  ]);
});

test('where there is IPv6, each has a set for it too', () => {
  expect(nameFeeds([fewRights], true)).toEqual([
    { name: 'bank.example', sets: ['name0', 'name0_6'] },
    { name: 'www.bank.example', sets: ['name0', 'name0_6', 'name1', 'name1_6'] },
  ]);
});

test('a counter says whose rule denied', () => {
  expect(denialOf('work3_denied_12')).toEqual({ ifname: 'work3', rule: 12 });
  expect(denialOf('work29_denied_rest')).toEqual({ ifname: 'work29', rule: 'rest' });
  for (const other of [
    'dropped_forward',
    'work3_denied_',
    'work3_denied_1234',
    'work3_denied_1\n',
    'xwork3_denied_1',
  ]) {
    expect(denialOf(other)).toBeUndefined();
  }
});
