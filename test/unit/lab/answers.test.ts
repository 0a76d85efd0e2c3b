import { describe, expect, test } from '@jest/globals';
import { bulk, counts, parseDnsLog, parseHttpLog } from '../../../src/lab/answers.ts';

const counter = (name: string, packets: number) => ({
  counter: { family: 'netdev', name, table: 'witness', handle: 1, packets, bytes: packets * 60 },
});
const nft = (...entries: object[]) => ({
  ok: true,
  nft: { nftables: [{ metainfo: { json_schema_version: 1 } }, ...entries] },
});

describe('counts', () => {
  const all = ['arp', 'dhcp', 'tunnel', 'foreign', 'stranger', 'portal'].map((name, index) =>
    counter(`seen_${name}`, index),
  );

  test('are read from nft', () => {
    expect(counts.parse(nft(...all))).toEqual({ arp: 0, dhcp: 1, tunnel: 2, foreign: 3, stranger: 4, portal: 5 });
  });

  test('a missing counter is no zero', () => {
    expect(counts.safeParse(nft(...all.slice(0, 3))).success).toBe(false);
  });
});

test('bulk is base64', () => {
  expect(bulk.parse({ ok: true, data: Buffer.from('\0hello').toString('base64') })).toEqual(Buffer.from('\0hello'));
  expect(bulk.safeParse({ ok: true, data: 'not base64!' }).success).toBe(false);
});

test('the log of requests', () => {
  const log = 't off in the middle\n12.50 http 203.0.113.7 203.0.113.80 /nonce\n13 https 192.168.77.50 8.8.8.8 /\n';
  expect(parseHttpLog(log)).toEqual([
    { at: 12.5, scheme: 'http', source: '203.0.113.7', destination: '203.0.113.80', path: '/nonce' },
    { at: 13, scheme: 'https', source: '192.168.77.50', destination: '8.8.8.8', path: '/' },
  ]);
});

test('the log of a resolver', () => {
  const log = `Nov 23 07:00:00 dnsmasq[99]: query[A] Nonce.Example from 10.66.0.2
Nov 23 07:00:00 dnsmasq[99]: config Nonce.Example is NXDOMAIN
Nov 23 07:00:01 dnsmasq[99]: query[AAAA] ip.lab.example from 10.66.0.2
`;
  expect(parseDnsLog(log)).toEqual([
    { type: 'A', name: 'nonce.example', source: '10.66.0.2' },
    { type: 'AAAA', name: 'ip.lab.example', source: '10.66.0.2' },
  ]);
});
