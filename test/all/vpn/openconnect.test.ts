/**
 * OpenConnect end to end, against ocserv(8) in the lab: a gate opens, loses its tunnel, comes back; over TLS alone too; and
 * what stands between a client and its server is told as what it is, with the gate closed.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import { LAB } from '../../../src/lab/index.ts';
import type { ProfileLogin } from '../../../src/vpn/index.ts';
import { foreignFrames, inside, NONE, statusOf, until, vmgate } from '../../system/leaks/life-scene.ts';
import { stageForAll } from '../../system/leaks/stage.ts';

jest.setTimeout(300_000);

const LOGIN = { user: 'alice', password: 'open \\ "sesame" $(x)' };
/** From asking to being told. The 15 s are the attempt's own; a gateway boots before it under emulation. */
const BOOT_AND_TELL_MS = 60_000;

let stage: Stage;
stageForAll(
  () => ({ attachment: 'wire', vpn: 'openconnect' }),
  (opened) => {
    stage = opened;
  },
);

const exit = async () => (await inside(stage, `timeout 20 wget -qO- http://${LAB.site}/`)).trim();
const phase = async () => (await statusOf(stage)).phase;

describe('a gate on OpenConnect', () => {
  test('up, start, verify: the work VM comes out at the exit', async () => {
    expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
    expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 0 });
    expect(await vmgate(stage, 'verify')).toMatchObject({ code: 0 });
    expect(await exit()).toBe(LAB.exit);
    expect(await foreignFrames(stage)).toEqual(NONE);
    const { stdout } = await stage.vmgate(['receipt', 'show', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      receipt: { tunnel: { kind: 'openconnect', endpoint: { ...LAB.endpoint, protocol: 'tcp' } } },
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
    await stage.lab.openConnect('right', 'lies');
    await until('the gate closed', async () => (await phase()) !== 'open');
    await until('the gate is open again', async () => (await phase()) === 'open');
    expect(await exit()).toBe(LAB.exit);
    expect(await foreignFrames(stage)).toEqual(NONE);
  });

  test('a server without DTLS: the packets go by TLS', async () => {
    await stage.lab.openConnect('right', 'slow');
    await until('the gate closed', async () => (await phase()) !== 'open');
    await until('the gate is open again', async () => (await phase()) === 'open');
    expect(await exit()).toBe(LAB.exit);
    // Many records, of many sizes, each cut into segments as it comes: the guard follows them all.
    await inside(stage, `timeout 60 sh -c 'wget -qO- http://${LAB.site}/endless | head -c 1000000 >/dev/null'`);
    expect(await foreignFrames(stage)).toEqual(NONE);
  });
});

describe('what goes wrong between client and server is told as what it is', () => {
  afterEach(async () => {
    await vmgate(stage, 'down');
    await stage.lab.openConnect('right');
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
    await writeFile(
      path.join(stage.home.root, 'vmgate.yaml'),
      `version: 1\nvpn: ${name}\nwork: {${WORK_VM}: {template: tiny}}\n`,
    );
  }

  test.each([
    ['another authority', ['other'], 'VPN_SERVER_UNPROVED'],
    ['an expired certificate', ['expired'], 'VPN_SERVER_EXPIRED'],
    ['a certificate of tomorrow: a clock is wrong', ['early'], 'VPN_SERVER_EARLY'],
    ['a resolver that is the gateway itself', ['right', 'resolver'], 'VPN_ASSIGNED_INVALID'],
    ['a server that asks for a password, of a profile with a certificate', ['login'], 'VPN_OC_ASKS_MORE'],
  ] as const)('%s', async (_, is, code) => {
    await vmgate(stage, 'down');
    await stage.lab.openConnect(...is);
    expect(await told()).toBe(code);
  });

  test('a server that is down', async () => {
    await stage.lab.server('down');
    expect(await told()).toBe('GATE_TUNNEL_SILENT');
  });

  test('a wrong password; with the right one it opens', async () => {
    await stage.lab.vpnLogin('openconnect', LOGIN.user, LOGIN.password);
    await stage.lab.openConnect('login');
    const profile = await stage.lab.openConnectProfile(stage.lab.endpoint);
    await choose('wrong', profile, { ...LOGIN, password: 'sesame' });
    expect(await told()).toBe('VPN_LOGIN_REFUSED');
    await choose('right', profile, LOGIN);
    expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
    expect(await phase()).toBe('open');
    const { stdout, stderr } = await stage.vmgate(['logs', '--gateway']);
    expect(`${stdout}${stderr}`).not.toContain('sesame');
  });

  test('a pin: another key is refused, the right one opens', async () => {
    await stage.lab.openConnect('login');
    const authority = /<cafile>[^<]*<\/cafile>\n/;
    const profile = (await stage.lab.openConnectProfile(stage.lab.endpoint)).replace(authority, '');
    const other = `pin-sha256:${Buffer.alloc(32, 7).toString('base64')}`;
    await choose('other-pin', `${profile}servercert=${other}\n`, LOGIN);
    expect(await told()).toBe('VPN_SERVER_UNPROVED');
    await choose('pin', `${profile}servercert=${await stage.lab.openConnectPin()}\n`, LOGIN);
    await stage.supervise();
    expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
    expect(await phase()).toBe('open');
    expect(await foreignFrames(stage)).toEqual(NONE);
  });
});
