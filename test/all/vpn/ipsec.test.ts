/**
 * IPsec end to end, against charon(8) in the lab: a gate opens, loses its tunnel, comes back, with each way to log in; and
 * what stands between a client and its server is told as what it is, with the gate closed.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import { ipsecProfile, LAB } from '../../../src/lab/index.ts';
import type { ProfileLogin } from '../../../src/vpn/index.ts';
import { foreignFrames, inside, NONE, statusOf, until, vmgate } from '../../system/leaks/life-scene.ts';
import { stageForAll } from '../../system/leaks/stage.ts';

jest.setTimeout(300_000);

const LOGIN = { user: 'alice', password: 'open \\ "sesame" $(x)' };
/** From asking to being told. The 15 s are the attempt's own; a gateway boots before it under emulation. */
const BOOT_AND_TELL_MS = 60_000;

let stage: Stage;
stageForAll(
  () => ({ attachment: 'wire', vpn: 'ipsec' }),
  (opened) => {
    stage = opened;
  },
);

const exit = async () => (await inside(stage, `timeout 20 wget -qO- http://${LAB.site}/`)).trim();
const phase = async () => (await statusOf(stage)).phase;

describe('a gate on IPsec', () => {
  test('up, start, verify: the work VM comes out at the exit', async () => {
    expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
    expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 0 });
    expect(await vmgate(stage, 'verify')).toMatchObject({ code: 0 });
    expect(await exit()).toBe(LAB.exit);
    expect(await foreignFrames(stage)).toEqual(NONE);
    const { stdout } = await stage.vmgate(['receipt', 'show', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      receipt: { tunnel: { kind: 'ipsec', endpoint: { ...LAB.endpoint, protocol: 'udp' } } },
    });
  });

  test('the server dies: the gate closes, and opens again when it is back', async () => {
    await stage.lab.server('down');
    await until('the gate closed', async () => (await phase()) !== 'open');
    await stage.lab.server('up');
    await until('the gate is open again', async () => (await phase()) === 'open');
    expect(await exit()).toBe(LAB.exit);
    expect(await foreignFrames(stage)).toEqual(NONE);
  });
});

describe('client and server', () => {
  beforeAll(() => vmgate(stage, 'down'));
  afterEach(async () => {
    await vmgate(stage, 'down');
    await stage.lab.ipsec('psk');
  });

  async function told(): Promise<string> {
    await stage.supervise();
    const began = performance.now();
    const { code, fault } = await vmgate(stage, 'up');
    expect(performance.now() - began).toBeLessThan(BOOT_AND_TELL_MS);
    expect(code).toBe(4);
    expect(await phase()).not.toBe('open');
    expect(await foreignFrames(stage)).toEqual(NONE);
    return fault;
  }

  async function choose(name: string, profile: string, login?: ProfileLogin): Promise<void> {
    await stage.addProfile(name, profile, login);
    await use(name);
  }
  const use = (name: string) =>
    writeFile(
      path.join(stage.home.root, 'vmgate.yaml'),
      `version: 1\nvpn: ${name}\nwork: {${WORK_VM}: {template: tiny}}\n`,
    );

  test('a server that is down', async () => {
    await stage.lab.server('down');
    expect(await told()).toBe('GATE_TUNNEL_SILENT');
  });

  test.each([
    ['no common algorithm', ['psk', 'picky'], 'VPN_SERVER_DISAGREES'],
    ['a resolver that is the gateway itself', ['psk', 'resolver'], 'VPN_ASSIGNED_INVALID'],
  ] as const)('%s', async (_, is, code) => {
    await stage.lab.ipsec(is[0], is[1]);
    expect(await told()).toBe(code);
  });

  test('another pre-shared key', async () => {
    await choose('other-psk', ipsecProfile(stage.lab.endpoint, { auth: 'psk', psk: 'somebody else has this one' }));
    expect(await told()).toBe('VPN_PSK_REFUSED');
  });

  test('a wrong password; with the right one it opens', async () => {
    await stage.lab.vpnLogin('ipsec', LOGIN.user, LOGIN.password);
    await stage.lab.ipsec('eap');
    const profile = ipsecProfile(stage.lab.endpoint, {
      auth: 'eap-mschapv2',
      authority: await stage.lab.ipsecFile('ca.pem'),
    });
    await choose('wrong', profile, { ...LOGIN, password: 'sesame' });
    expect(await told()).toBe('VPN_LOGIN_REFUSED');
    await choose('right', profile, LOGIN);
    expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
    expect(await phase()).toBe('open');
    const { stdout, stderr } = await stage.vmgate(['logs', '--gateway']);
    expect(`${stdout}${stderr}`).not.toContain('sesame');
  });

  test.each([
    ['certificate', 'cert'],
    ['eap-tls', 'eaptls'],
  ] as const)('it opens with %s', async (auth, is) => {
    await stage.lab.ipsec(is);
    const [authority, certificate, key] = await Promise.all(
      (['ca.pem', 'client.pem', 'client.key'] as const).map((name) => stage.lab.ipsecFile(name)),
    );
    const profile = ipsecProfile(stage.lab.endpoint, {
      auth,
      authority: authority ?? '',
      certificate: certificate ?? '',
      key: key ?? '',
    });
    await choose(is, profile);
    await stage.supervise();
    expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
    expect(await phase()).toBe('open');
    expect(await foreignFrames(stage)).toEqual(NONE);
  });

  test.each([
    ['another authority', 'other', 'VPN_SERVER_UNPROVED'],
    ['an expired certificate', 'expired', 'VPN_SERVER_EXPIRED'],
    ['a certificate of tomorrow: a clock is wrong', 'early', 'VPN_SERVER_EARLY'],
  ] as const)('%s', async (_, shows, code) => {
    await stage.lab.ipsec('cert', shows);
    await use('cert');
    expect(await told()).toBe(code);
  });
});
