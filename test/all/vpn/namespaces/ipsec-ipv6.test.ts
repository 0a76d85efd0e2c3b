/**
 * IPv6 that an IKEv2 server gives, or does not, against charon(8) on both sides.
 *
 * @leakCase 7 none: IPsec: IPv6 that the server gives goes under a lease and with the link's prefix alone; none that it does not give
 */
import { jest } from '@jest/globals';
import { ipsecProfile } from '../../../../src/lab/client-profile.ts';
import { LAB } from '../../../../src/lab/index.ts';
import { planIpsec } from '../../../../src/vpn/ipsec/plan.ts';
import { ip } from '../../../contract/policy/namespaces.ts';
import { describeUnless, missing } from '../../../obstacle.ts';
import { whyNoMachine } from './image-machine.ts';
import { testIpv6 } from './session-ipv6-scene.ts';

jest.setTimeout(60_000);

/** What carries packets is the kernel's; charon alone would say that all is well. */
function whyNoXfrm(): string | undefined {
  try {
    ip('link', 'add', 'vgmprobe', 'type', 'xfrm', 'dev', 'lo', 'if_id', '7');
    ip('link', 'del', 'vgmprobe');
    return undefined;
  } catch {
    return 'needs XFRM interfaces in the kernel';
  }
}

const obstacle = (await whyNoMachine('gateway', 'lab')) ?? missing('ip', 'nsenter', 'unshare', 'zstd') ?? whyNoXfrm();

describeUnless(obstacle, 'IPv6 of IPsec')('IPv6 of IPsec', () => {
  testIpv6({
    kind: 'ipsec',
    plain: ['psk'],
    planned: (scene) => {
      const psk = scene.lab.run('cat', '/run/lab/ipsec/psk').trim();
      const text = ipsecProfile(LAB.endpoint, { auth: 'psk', psk });
      return planIpsec(text, 'lab.yaml', { split: false, dns: [] }, Date.now());
    },
  });
});
