/**
 * IPv6 that an OpenVPN server gives, or does not, against openvpn(8).
 *
 * @leakCase 7 none: OpenVPN: IPv6 that the server gives goes under a lease and with the link's prefix alone; none that it does not give
 */
import { jest } from '@jest/globals';
import { LAB } from '../../../../src/lab/index.ts';
import { planOpenVpn } from '../../../../src/vpn/openvpn/plan.ts';
import { describeUnless, missing } from '../../../obstacle.ts';
import { whyNoMachine } from './image-machine.ts';
import { testIpv6 } from './session-ipv6-scene.ts';

jest.setTimeout(60_000);

const obstacle = (await whyNoMachine('gateway', 'lab')) ?? missing('ip', 'nsenter', 'unshare', 'zstd');

describeUnless(obstacle, 'IPv6 of OpenVPN')('IPv6 of OpenVPN', () => {
  testIpv6({
    kind: 'openvpn',
    plain: ['right'],
    planned: (scene) => {
      const { address, port } = LAB.endpoint;
      const text = `remote ${address} ${port}\n${scene.handedOut('openvpn_profile')}`;
      return planOpenVpn(text, 'lab.ovpn', { split: false, dns: [] }, () => undefined, Date.now());
    },
  });
});
