/**
 * The leak cases of a work VM again, behind a gate on IPsec: what WireGuard's rows prove of the firewall must not be true
 * of one kind of tunnel alone.
 *
 * @leakCase 5 wire: IPsec: a work VM's own DNS tools reach the tunnel's resolver only
 * @leakCase 7 wire: IPsec: a host with IPv6 only fails at once in a work VM, it does not hang
 * @leakCase 13 wire: IPsec: the server killed or blackholed under a flood: nothing in clear, closed, open again by itself
 * @leakCase 33 wire: IPsec: a work VM's traceroute names no hop of the uplink
 * @leakCase 34 wire: IPsec: a work VM's mDNS and SSDP do not cross
 * @leakCase 36 wire: IPsec: a work VM's tools reach neither the untrusted network nor private ranges nor the host in clear
 * @leakCase 42 wire: IPsec: from the VPN's side nothing reaches a work VM that listens
 * @leakCase 61 wire: IPsec: a work VM's clear text to the endpoint and its port does not leave in clear
 */
import { expect, jest, test } from '@jest/globals';
import type { Stage } from '../../../src/demo/index.ts';
import { newToken } from '../../../src/verify/token.ts';
import { until } from '../../system/leaks/life-scene.ts';
import { stageForAll } from '../../system/leaks/stage.ts';
import { captured, describeBehindGate, describeWithoutGateway, flood } from '../../system/leaks/work-scene.ts';

jest.setTimeout(180_000);

let stage: Stage;
stageForAll(
  () => ({ attachment: 'wire', vpn: 'ipsec' }),
  (opened) => {
    stage = opened;
  },
);

describeWithoutGateway(
  () => stage,
  (clientOf) => {
    test('case 13: a flood in clear is seen', async () => {
      const { digits } = newToken();
      await clientOf().run(`${flood(digits)}; sleep 1`);
      await until('the flood is seen in clear', () => captured(stage, digits));
    });

    test('case 42: a machine on the untrusted network answers to the VPN side', async () => {
      expect(await stage.lab.connectIn('ping', '192.168.77.50')).toBe('answered');
    });
  },
);

describeBehindGate(
  () => stage,
  // The server routes the links' addresses to its one client (provision/lab, remote_ts).
  async () => {},
);
