/**
 * What a work VM tries with the tools it has, behind a supervised gate on the lab's wire; and the same lines in a machine
 * without a gateway, where the lab sees each in clear: so its silence means something.
 *
 * @leakCase 5 wire: a work VM's own DNS tools reach the tunnel's resolver only
 * @leakCase 7 wire: a host with IPv6 only fails at once in a work VM, it does not hang
 * @leakCase 13 wire: the server killed or blackholed under a flood: nothing in clear, closed, open again by itself
 * @leakCase 33 wire: a work VM's traceroute names no hop of the uplink
 * @leakCase 34 wire: a work VM's mDNS and SSDP do not cross
 * @leakCase 36 wire: a work VM's tools reach neither the untrusted network nor private ranges nor the host in clear
 * @leakCase 42 wire: from the VPN's side nothing reaches a work VM that listens
 * @leakCase 61 wire: a work VM's clear text to the endpoint and its port does not leave in clear
 */
import { expect, jest, test } from '@jest/globals';
import type { Stage } from '../../../src/demo/index.ts';
import { LAB } from '../../../src/lab/index.ts';
import { newToken } from '../../../src/verify/token.ts';
import { until } from './life-scene.ts';
import { stageForAll } from './stage.ts';
import { admitClient } from './volley.ts';
import { captured, describeBehindGate, describeWithoutGateway, flood, WORK_ADDRESS } from './work-scene.ts';

jest.setTimeout(180_000);

let stage: Stage;
stageForAll(
  () => ({ attachment: 'wire' }),
  (opened) => {
    stage = opened;
  },
);

const bindings = ({ lab }: Stage) => lab.profile.replace(/^(?:Address|DNS) .*\n/gm, '');

describeWithoutGateway(
  () => stage,
  (clientOf) => {
    test('case 42: a VPN client that defends nothing answers from the VPN side', async () => {
      await clientOf().run(`printf %s '${bindings(stage)}' >/run/wg.conf; ip link add tun0 type wireguard
        wg setconf tun0 /run/wg.conf; ip addr add ${LAB.client}/32 dev tun0; ip link set tun0 up
        ip route add ${LAB.site} dev tun0; ip route add ${LAB.inside} dev tun0; ping -c 1 -W 5 ${LAB.inside}`);
      expect(await stage.lab.connectIn('ping', LAB.client)).toBe('answered');
      expect(await stage.lab.connectIn('tcp', LAB.client, 22)).toBe('refused');
    });

    test('case 13: a flood in clear, once the VPN gives up its interface', async () => {
      const { digits } = newToken();
      await clientOf().run(`${flood(digits)}; sleep 1`);
      expect(await captured(stage, digits)).toBe(false);
      await clientOf().run('ip link del tun0');
      await until('the flood is seen in clear', () => captured(stage, digits));
    });
  },
);

describeBehindGate(
  () => stage,
  ({ lab }) => admitClient(lab, WORK_ADDRESS),
);
