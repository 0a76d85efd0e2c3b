/**
 * IPsec end to end, against charon(8) in the lab: a gate opens, loses its tunnel, comes back, with each way to log in; and
 * what stands between a client and its server is told as what it is, with the gate closed.
 */
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { ipsecProfile } from '../../../src/lab/index.ts';
import { vmgate } from '../../system/leaks/life-scene.ts';
import { GateScene, testServerDies, testUp } from './gate-scene.ts';

const LOGIN = { user: 'alice', password: 'open \\ "sesame" $(x)' };

const scene = new GateScene('ipsec');

describe('a gate on IPsec', () => {
  testUp(scene, 'ipsec', 'udp');

  testServerDies(scene);
});

describe('client and server', () => {
  beforeAll(() => vmgate(scene.stage, 'down'));
  afterEach(async () => {
    await vmgate(scene.stage, 'down');
    await scene.stage.lab.ipsec('psk');
  });

  test('a server that is down', async () => {
    await scene.stage.lab.server('down');
    expect(await scene.told()).toBe('GATE_TUNNEL_SILENT');
  });

  test.each([
    ['no common algorithm', ['psk', 'picky'], 'VPN_SERVER_DISAGREES'],
    ['a resolver that is the gateway itself', ['psk', 'resolver'], 'VPN_ASSIGNED_INVALID'],
  ] as const)('%s', async (_, is, code) => {
    await scene.stage.lab.ipsec(is[0], is[1]);
    expect(await scene.told()).toBe(code);
  });

  test('another pre-shared key', async () => {
    await scene.choose(
      'other-psk',
      ipsecProfile(scene.stage.lab.endpoint, { auth: 'psk', psk: 'somebody else has this one' }),
    );
    expect(await scene.told()).toBe('VPN_PSK_REFUSED');
  });

  test('a wrong password; with the right one it opens', async () => {
    await scene.stage.lab.vpnLogin('ipsec', LOGIN.user, LOGIN.password);
    await scene.stage.lab.ipsec('eap');
    const profile = ipsecProfile(scene.stage.lab.endpoint, {
      auth: 'eap-mschapv2',
      authority: await scene.stage.lab.ipsecFile('ca.pem'),
    });
    await scene.choose('wrong', profile, { ...LOGIN, password: 'sesame' });
    expect(await scene.told()).toBe('VPN_LOGIN_REFUSED');
    await scene.choose('right', profile, LOGIN);
    await scene.opens();
    await scene.logsHide('sesame');
  });

  test.each([
    ['certificate', 'cert'],
    ['eap-tls', 'eaptls'],
  ] as const)('it opens with %s', async (auth, is) => {
    await scene.stage.lab.ipsec(is);
    const [authority, certificate, key] = await Promise.all(
      (['ca.pem', 'client.pem', 'client.key'] as const).map((name) => scene.stage.lab.ipsecFile(name)),
    );
    const profile = ipsecProfile(scene.stage.lab.endpoint, {
      auth,
      authority: authority ?? '',
      certificate: certificate ?? '',
      key: key ?? '',
    });
    await scene.choose(is, profile);
    await scene.stage.supervise();
    await scene.opens();
    await scene.nothingForeign();
  });

  test.each([
    ['another authority', 'other', 'VPN_SERVER_UNPROVED'],
    ['an expired certificate', 'expired', 'VPN_SERVER_EXPIRED'],
    ['a certificate of tomorrow: a clock is wrong', 'early', 'VPN_SERVER_EARLY'],
  ] as const)('%s', async (_, shows, code) => {
    await scene.stage.lab.ipsec('cert', shows);
    await scene.use('cert');
    expect(await scene.told()).toBe(code);
  });
});
