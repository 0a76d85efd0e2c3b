/**
 * OpenVPN end to end, against openvpn(8) in the lab: a gate opens, loses its tunnel, comes back; and what stands between a
 * client and its server is told as what it is, with the gate closed.
 */
import { afterEach, describe, expect, test } from '@jest/globals';
import { vmgate } from '../../system/leaks/life-scene.ts';
import { GateScene, testServerDies, testUp } from './gate-scene.ts';

const LOGIN = { user: 'al"ice', password: 'open \\ "sesame" $(x)' };
const scene = new GateScene('openvpn');

describe('a gate on OpenVPN', () => {
  testUp(scene, 'openvpn', 'udp');

  testServerDies(scene);

  test('a server that pushes routes around itself changes nothing', async () => {
    await scene.stage.lab.openVpn('right', 'lies');
    await scene.closes();
    await scene.opensAgain();
    const { stdout } = await scene.stage.vmgate(['verify', '--json']);
    expect(stdout).toContain('"routes"');
  });
});

describe('what goes wrong between client and server is told as what it is', () => {
  afterEach(async () => {
    await vmgate(scene.stage, 'down');
    await scene.stage.lab.openVpn('right');
  });

  test.each([
    ['another authority', ['other'], 'VPN_SERVER_UNPROVED'],
    ['an expired certificate', ['expired'], 'VPN_SERVER_EXPIRED'],
    ['a certificate of tomorrow: a clock is wrong', ['early'], 'VPN_SERVER_EARLY'],
    ['a resolver that is the gateway itself', ['right', 'resolver'], 'VPN_ASSIGNED_INVALID'],
  ] as const)('%s', async (_, is, code) => {
    await vmgate(scene.stage, 'down');
    await scene.stage.lab.openVpn(...is);
    expect(await scene.told()).toBe(code);
  });

  test('a server that is down', async () => {
    await scene.stage.lab.server('down');
    expect(await scene.told()).toBe('GATE_TUNNEL_SILENT');
  });

  test('a wrong password; with the right one it opens', async () => {
    await scene.stage.lab.vpnLogin('openvpn', LOGIN.user, LOGIN.password);
    await scene.stage.lab.openVpn('right', 'login');
    const profile = await scene.stage.lab.openVpnProfile(scene.stage.lab.endpoint);
    await scene.choose('wrong', profile, { ...LOGIN, password: 'sesame' });
    expect(await scene.told()).toBe('VPN_LOGIN_REFUSED');
    await scene.choose('right', profile, LOGIN);
    await scene.opens();
    await scene.logsHide('sesame');
  });
});
