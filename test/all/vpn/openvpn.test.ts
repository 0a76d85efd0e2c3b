/**
 * OpenVPN end to end, against openvpn(8) in the lab: a gate opens, loses its tunnel, comes back; and what stands between a
 * client and its server is told as what it is, with the gate closed.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import { LAB } from '../../../src/lab/index.ts';
import { foreignFrames, inside, NONE, statusOf, until, vmgate } from '../../system/leaks/life-scene.ts';
import { stageForAll } from '../../system/leaks/stage.ts';

jest.setTimeout(300_000);

const LOGIN = { user: 'al"ice', password: 'open \\ "sesame" $(x)' };
/** From asking to being told. The 15 s are the attempt's own; a gateway boots before it under emulation. */
const BOOT_AND_TELL_MS = 60_000;

let stage: Stage;
stageForAll(
  () => ({ attachment: 'wire', vpn: 'openvpn' }),
  (opened) => {
    stage = opened;
  },
);

const exit = async () => (await inside(stage, `timeout 20 wget -qO- http://${LAB.site}/`)).trim();
const phase = async () => (await statusOf(stage)).phase;

describe('a gate on OpenVPN', () => {
  test('up, start, verify: the work VM comes out at the exit', async () => {
    expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
    expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 0 });
    expect(await vmgate(stage, 'verify')).toMatchObject({ code: 0 });
    expect(await exit()).toBe(LAB.exit);
    expect(await foreignFrames(stage)).toEqual(NONE);
    const { stdout } = await stage.vmgate(['receipt', 'show', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      receipt: { tunnel: { kind: 'openvpn', endpoint: { ...LAB.endpoint, protocol: 'udp' } } },
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

  test('a server that pushes routes around itself changes nothing', async () => {
    await stage.lab.openVpn('right', 'lies');
    await until('the gate closed', async () => (await phase()) !== 'open');
    await until('the gate is open again', async () => (await phase()) === 'open');
    expect(await exit()).toBe(LAB.exit);
    expect(await foreignFrames(stage)).toEqual(NONE);
    const { stdout } = await stage.vmgate(['verify', '--json']);
    expect(stdout).toContain('"routes"');
  });
});

describe('what goes wrong between client and server is told as what it is', () => {
  afterEach(async () => {
    await vmgate(stage, 'down');
    await stage.lab.openVpn('right');
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

  test.each([
    ['another authority', ['other'], 'VPN_SERVER_UNPROVED'],
    ['an expired certificate', ['expired'], 'VPN_SERVER_EXPIRED'],
    ['a certificate of tomorrow: a clock is wrong', ['early'], 'VPN_SERVER_EARLY'],
    ['a resolver that is the gateway itself', ['right', 'resolver'], 'VPN_ASSIGNED_INVALID'],
  ] as const)('%s', async (_, is, code) => {
    await vmgate(stage, 'down');
    await stage.lab.openVpn(...is);
    expect(await told()).toBe(code);
  });

  test('a server that is down', async () => {
    await stage.lab.server('down');
    expect(await told()).toBe('GATE_TUNNEL_SILENT');
  });

  test('a wrong password; with the right one it opens', async () => {
    await stage.lab.vpnLogin('openvpn', LOGIN.user, LOGIN.password);
    await stage.lab.openVpn('right', 'login');
    const profile = await stage.lab.openVpnProfile(stage.lab.endpoint);
    await stage.addProfile('wrong', profile, { ...LOGIN, password: 'sesame' });
    await stage.addProfile('right', profile, LOGIN);
    const file = path.join(stage.home.root, 'vmgate.yaml');
    const config = (vpn: string) => `version: 1\nvpn: ${vpn}\nwork: {${WORK_VM}: {template: tiny}}\n`;
    await writeFile(file, config('wrong'));
    expect(await told()).toBe('VPN_LOGIN_REFUSED');
    await writeFile(file, config('right'));
    expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
    expect(await phase()).toBe('open');
    const { stdout, stderr } = await stage.vmgate(['logs', '--gateway']);
    expect(`${stdout}${stderr}`).not.toContain('sesame');
  });
});
