/**
 * OpenVPN over TCP end to end, against openvpn(8) in the lab: a gate opens, loses its tunnel, comes back; a server that is
 * down or another one is told as what it is; and where a network swallows UDP, the profile's TCP server has its turn.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import { LAB } from '../../../src/lab/index.ts';
import { foreignFrames, inside, NONE, statusOf, until, vmgate } from '../../system/leaks/life-scene.ts';
import { stageForAll } from '../../system/leaks/stage.ts';

jest.setTimeout(300_000);

const BYTES = 2_000_000;

let stage: Stage;
stageForAll(
  () => ({ attachment: 'wire', vpn: 'openvpn-tcp' }),
  (opened) => {
    stage = opened;
  },
);

const exit = async () => (await inside(stage, `timeout 20 wget -qO- http://${LAB.site}/`)).trim();
const phase = async () => (await statusOf(stage)).phase;

describe('a gate on OpenVPN over TCP', () => {
  test('up, start, verify: the work VM comes out at the exit', async () => {
    expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
    expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 0 });
    expect(await vmgate(stage, 'verify')).toMatchObject({ code: 0 });
    expect(await exit()).toBe(LAB.exit);
    expect(await foreignFrames(stage)).toEqual(NONE);
    const { stdout } = await stage.vmgate(['receipt', 'show', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      receipt: { tunnel: { kind: 'openvpn', endpoint: { ...LAB.endpoint, protocol: 'tcp' } } },
    });
  });

  test('what a work VM sends and gets, cut by TCP wherever it likes, passes the guard', async () => {
    const got = await inside(stage, `timeout 120 wget -q -O - http://${LAB.site}/bytes/${BYTES} | wc -c`);
    expect(Number(got)).toBe(BYTES);
    const filler = `(echo 'GET / HTTP/1.0'; yes x-filler:0123456789012345678901234567890123456789 | head -n 2000; echo)`;
    expect((await inside(stage, `${filler} | timeout 120 nc ${LAB.site} 80 | tail -n 1`)).trim()).toBe(LAB.exit);
    expect(await foreignFrames(stage)).toEqual(NONE);
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

describe('what goes wrong between client and server is told as what it is', () => {
  test.each([
    ['another authority', () => stage.lab.openVpn('other', 'tcp'), 'VPN_SERVER_UNPROVED'],
    ['a server that is down', () => stage.lab.server('down'), 'GATE_TUNNEL_SILENT'],
  ] as const)('%s', async (_, happens, code) => {
    await vmgate(stage, 'down');
    await happens();
    await stage.supervise();
    expect(await vmgate(stage, 'up')).toMatchObject({ code: 4, fault: code });
    expect(await phase()).not.toBe('open');
    expect(await foreignFrames(stage)).toEqual(NONE);
  });

  // The lab takes UDP for foreign while its server speaks TCP: here the guard's count is the one that tells.
  test('a network that swallows UDP: the next server of the profile is asked by TCP', async () => {
    await vmgate(stage, 'down');
    await stage.lab.openVpn('right', 'tcp');
    const both = (await stage.lab.openVpnProfile(stage.lab.endpoint)).replace(/^remote (\S+) (\d+)$/m, '$& udp\n$&');
    await stage.addProfile('both', both);
    const file = path.join(stage.home.root, 'vmgate.yaml');
    await writeFile(file, `version: 1\nvpn: both\nwork: {${WORK_VM}: {template: tiny}}\n`);
    await stage.supervise();
    await vmgate(stage, 'up');
    await until('the gate is open', async () => (await phase()) === 'open');
    expect((await statusOf(stage)).uplink).toMatchObject({ foreign: 0 });
  });
});
