/**
 * IPv6 that an ocserv gives, or does not, against ocserv(8) and openconnect(8).
 *
 * @leakCase 7 none: OpenConnect: IPv6 that the server gives goes under a lease and with the link's prefix alone; none that it does not give
 */
import { jest } from '@jest/globals';
import { LAB } from '../../../../src/lab/index.ts';
import { planOpenConnect } from '../../../../src/vpn/openconnect/plan.ts';
import { describeUnless, missing } from '../../../obstacle.ts';
import { whyNoMachine } from './image-machine.ts';
import { testIpv6 } from './session-ipv6-scene.ts';

jest.setTimeout(60_000);

const obstacle = (await whyNoMachine('gateway', 'lab')) ?? missing('ip', 'nsenter', 'unshare', 'zstd');

describeUnless(obstacle, 'IPv6 of OpenConnect')('IPv6 of OpenConnect', () => {
  testIpv6({
    kind: 'openconnect',
    plain: ['right'],
    planned: (scene) => {
      const { address, port } = LAB.endpoint;
      const server = `server=https://vpn.lab.example:${port}\nresolve=vpn.lab.example:${address}\n`;
      const text = `${server}${scene.handedOut('openconnect_profile')}`;
      return planOpenConnect(text, 'lab.oc', { split: false, dns: [] }, () => undefined, Date.now());
    },
  });
});
