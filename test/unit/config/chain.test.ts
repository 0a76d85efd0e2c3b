import path from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { VmgateError } from '../../../src/core/coded.ts';
import { loadWritten, removeWritten } from './written.ts';

afterAll(removeWritten);

const load = loadWritten;

/** Code, line, column and message of what is wrong. */
function faultOf(text: string): string {
  try {
    load(text);
  } catch (cause) {
    if (VmgateError.is(cause)) return [cause.code, ...cause.evidence].join('\n').replaceAll(/\/tmp\/vgt-\w+\//g, '');
  }
  return 'accepted';
}

const places = (text: string, local?: string) => load(text, local).hopPlaces.map((place) => path.basename(place));

describe('a chain of profiles', () => {
  test('is known by its last, which runs through the others', () => {
    expect(load('vpn: {chain: [entry, exit]}\n').config).toMatchObject({ vpn: ['exit'], through: ['entry'] });
    expect(load('vpn: {chain: [a, b, c]}\n').config).toMatchObject({ vpn: ['c'], through: ['a', 'b'] });
  });

  test('a profile alone runs through none, and its digest is what it was', () => {
    expect(load('vpn: entry\n').config).not.toHaveProperty('through');
    expect(load('vpn: entry\n').digest).toBe(load('vpn: [entry]\n').digest);
    expect(load('vpn: {chain: [a, b]}\n').digest).not.toBe(load('vpn: b\n').digest);
    expect(load('vpn: {chain: [a, b]}\n').digest).not.toBe(load('vpn: {chain: [c, b]}\n').digest);
  });

  test('where each hop is named is known', () => {
    expect(places('vpn: {chain: [entry, exit]}\n')).toEqual(['vmgate.yaml:2:15', 'vmgate.yaml:2:22']);
    expect(places('', 'vpn:\n  chain:\n    - entry\n    - exit\n')).toEqual([
      'vmgate.local.yaml:3:7',
      'vmgate.local.yaml:4:7',
    ]);
    expect(places('vpn: entry\n')).toEqual([]);
  });

  test.each<[string, string]>([
    ['vpn: {chain: [a]}\n', 'vmgate.yaml:2:14: chain must have at least 2 profiles'],
    ['vpn: {chain: []}\n', 'chain must have at least 2 profiles'],
    ['vpn: {chain: [a, b, c, d]}\n', 'vmgate.yaml:2:14: chain must have at most 3 profiles'],
    ['vpn: {chain: [a, a]}\n', 'vmgate.yaml:2:18: a is in the chain already'],
    ['vpn: {chain: [a, [b, c]]}\n', 'vmgate.yaml:2:18: entry 2 of chain must be the name of a profile: neither a list'],
    ['vpn: {chain: [a, {chain: [b, c]}]}\n', 'neither a list nor a chain has a place inside another'],
    ['vpn: [a, {chain: [b, c]}]\nfailover: {leaky: true}\n', 'neither a list nor a chain has a place inside another'],
    ['vpn: {chain: a}\n', 'chain must be a list'],
    ['vpn: {chain: [A, b]}\n', 'must be the name of a profile'],
    ['vpn: {chian: [a, b]}\n', 'unknown key "chian" in vpn, did you mean "chain"?'],
    ['vpn: {chain: [a, b], order: [c]}\n', 'unknown key "order" in vpn'],
    ['vpn: {chain: [a, b]}\nfailover: {leaky: true}\n', 'failover is about several profiles, and vpn names one chain'],
  ])('%j is refused', (text, message) => {
    const fault = faultOf(text);
    expect(fault).toMatch(/^CONFIG_INVALID/);
    expect(fault).toContain(message);
  });
});
