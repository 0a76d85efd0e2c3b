/**
 * OpenConnect end to end, against ocserv(8) in the lab: a gate opens, loses its tunnel, comes back; over TLS alone too; and
 * what stands between a client and its server is told as what it is, with the gate closed.
 */
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { LAB } from '../../../src/lab/index.ts';
import { inside, vmgate } from '../../system/leaks/life-scene.ts';
import { GateScene, testServerDies, testUp } from './gate-scene.ts';

const LOGIN = { user: 'alice', password: 'open \\ "sesame" $(x)' };

const scene = new GateScene('openconnect');

describe('a gate on OpenConnect', () => {
  testUp(scene, 'openconnect', 'tcp');

  testServerDies(scene);

  test('a server that pushes routes around itself changes nothing', async () => {
    await scene.stage.lab.openConnect('right', 'lies');
    await scene.closes();
    await scene.opensAgain();
  });

  test('a server without DTLS: the packets go by TLS', async () => {
    await scene.stage.lab.openConnect('right', 'slow');
    await scene.closes();
    await scene.opensAgain();
    // Many records, of many sizes, each cut into segments as it comes: the guard follows them all.
    await inside(scene.stage, `timeout 60 sh -c 'wget -qO- http://${LAB.site}/endless | head -c 1000000 >/dev/null'`);
    await scene.nothingForeign();
  });
});

describe('what goes wrong between client and server is told as what it is', () => {
  beforeAll(() => vmgate(scene.stage, 'down'));
  afterEach(async () => {
    await vmgate(scene.stage, 'down');
    await scene.stage.lab.openConnect('right');
  });

  test.each([
    ['another authority', ['other'], 'VPN_SERVER_UNPROVED'],
    ['an expired certificate', ['expired'], 'VPN_SERVER_EXPIRED'],
    ['a certificate of tomorrow: a clock is wrong', ['early'], 'VPN_SERVER_EARLY'],
    ['a resolver that is the gateway itself', ['right', 'resolver'], 'VPN_ASSIGNED_INVALID'],
    ['a server that asks for a password, of a profile with a certificate', ['login'], 'VPN_OC_ASKS_MORE'],
  ] as const)('%s', async (_, is, code) => {
    await scene.stage.lab.openConnect(...is);
    expect(await scene.told()).toBe(code);
  });

  test('a server that is down', async () => {
    await scene.stage.lab.server('down');
    expect(await scene.told()).toBe('GATE_TUNNEL_SILENT');
  });

  test('a wrong password; with the right one it opens', async () => {
    await scene.stage.lab.vpnLogin('openconnect', LOGIN.user, LOGIN.password);
    await scene.stage.lab.openConnect('login');
    const profile = await scene.stage.lab.openConnectProfile(scene.stage.lab.endpoint);
    await scene.choose('wrong', profile, { ...LOGIN, password: 'sesame' });
    expect(await scene.told()).toBe('VPN_LOGIN_REFUSED');
    await scene.choose('right', profile, LOGIN);
    await scene.opens();
    await scene.logsHide('sesame');
  });

  test('a pin: another key is refused, the right one opens', async () => {
    await scene.stage.lab.vpnLogin('openconnect', LOGIN.user, LOGIN.password);
    await scene.stage.lab.openConnect('login');
    const authority = /<cafile>[^<]*<\/cafile>\n/;
    const profile = (await scene.stage.lab.openConnectProfile(scene.stage.lab.endpoint)).replace(authority, '');
    const other = `pin-sha256:${Buffer.alloc(32, 7).toString('base64')}`;
    await scene.choose('other-pin', `${profile}servercert=${other}\n`, LOGIN);
    expect(await scene.told()).toBe('VPN_SERVER_UNPROVED');
    await scene.choose('pin', `${profile}servercert=${await scene.stage.lab.openConnectPin()}\n`, LOGIN);
    await scene.opens();
    await scene.nothingForeign();
  });
});
