import { describe, expect, test } from '@jest/globals';
import { readAnswer } from '../../../src/gateway/answer.ts';
import * as protocol from '../../../src/gateway/protocol.ts';

const { VERBS } = protocol;

const FACTS = {
  v: 1,
  bootId: 'f73bdaa6-e426-45af-90c2-7ab633f28513',
  epochMs: 1_795_419_552_123,
  uptimeMs: 5_190,
  ruleset: {
    nftables: [
      { metainfo: { version: '1.1.3' } },
      { counter: { family: 'inet', name: 'up_out', table: 'vmgate', handle: 4, packets: 3, bytes: 444 } },
      { set: { family: 'inet', name: 'open', elem: [{ elem: { val: 'work0', timeout: 15, expires: 14 } }] } },
    ],
  },
  rules4: [{ priority: 51, src: 'all', fwmark: '0x766d', table: '51' }],
  rules6: [],
  routes4: [{ dst: 'default', dev: 'tun0', scope: 'link', flags: [] }],
  routes6: [],
  uplink: { address: '10.0.2.15', prefixLength: 24, nextHop: '10.0.2.2', routeOptions: [] },
  ipForward: true,
  disableIpv6: { up0: true },
  links: [{ ifname: 'up0', mac: '52:54:01:12:34:00', up: true, rxPackets: 1, rxBytes: 2, txPackets: 3, txBytes: 4 }],
  tunnel: {
    kind: 'wireguard',
    ifname: 'tun0',
    listenPort: 51_820,
    mark: 30_317,
    peers: [
      {
        publicKey: 'CQkJ',
        endpoint: '192.0.2.9:51820',
        latestHandshakeMs: 0,
        rxBytes: 0,
        txBytes: 148,
        allowedIps: ['0.0.0.0/0'],
      },
    ],
  },
  resolvers: ['10.64.0.1'],
};

describe('readAnswer', () => {
  test('takes the document the gateway really printed', () => {
    const output = { stdout: Buffer.from(`${JSON.stringify(FACTS)}\n`), stderr: '', exit: 0 };
    expect(readAnswer('facts', protocol.factsAnswer, output)).toEqual({
      ...FACTS,
      leases: [{ ifname: 'work0', expiresMs: 14_000 }],
      counters: { up_out: { packets: 3, bytes: 444 } },
    });
  });

  test('deep nesting is refused and does not overflow the stack', () => {
    const depth = 400_000;
    const stdout = Buffer.from(`${'['.repeat(depth)}${']'.repeat(depth)}`);
    expect(() => readAnswer('facts', protocol.factsAnswer, { stdout, stderr: '', exit: 0 })).toThrow(
      expect.objectContaining({ code: 'GATEWAY_GARBLED' }),
    );
  });

  test('a failure that claims success by its status is still a failure', () => {
    const stdout = Buffer.from('{"v":1,"ok":false,"step":"nft","detail":"no"}');
    expect(() => readAnswer('apply', protocol.done, { stdout, stderr: '', exit: 0 })).toThrow(
      expect.objectContaining({ code: 'GATEWAY_VERB_FAILED' }),
    );
  });
});

test('no deadline is longer than what the gateway gives a verb before it kills it, 30 s', () => {
  expect(Math.max(...Object.values(VERBS))).toBeLessThan(30_000);
});
