/**
 * OpenVPN over TCP end to end, against openvpn(8) in the lab: a gate opens, loses its tunnel, comes back; a server that is
 * down or another one is told as what it is; and where a network swallows UDP, the profile's TCP server has its turn.
 */
import { describe, expect, test } from '@jest/globals';
import { LAB } from '../../../src/lab/index.ts';
import { inside, statusOf, until, vmgate } from '../../system/leaks/life-scene.ts';
import { GateScene, testServerDies, testUp } from './gate-scene.ts';

const BYTES = 2_000_000;

const scene = new GateScene('openvpn-tcp');

describe('a gate on OpenVPN over TCP', () => {
  testUp(scene, 'openvpn', 'tcp');

  test('what a work VM sends and gets, cut by TCP wherever it likes, passes the guard', async () => {
    const got = await inside(scene.stage, `timeout 120 wget -q -O - http://${LAB.site}/bytes/${BYTES} | wc -c`);
    expect(Number(got)).toBe(BYTES);
    // The lab's socat gives a server half a second behind the end of a request, which two thousand lines take longer to read.
    const filler = `(echo 'GET / HTTP/1.0'; yes x-filler:0123456789012345678901234567890123456789 | head -n 2000; echo; sleep 20)`;
    expect((await inside(scene.stage, `${filler} | timeout 120 nc ${LAB.site} 80 | tail -n 1`)).trim()).toBe(LAB.exit);
    await scene.nothingForeign();
  });

  testServerDies(scene);
});

describe('what goes wrong between client and server is told as what it is', () => {
  test.each([
    ['another authority', () => scene.stage.lab.openVpn('other', 'tcp'), 'VPN_SERVER_UNPROVED'],
    ['a server that is down', () => scene.stage.lab.server('down'), 'GATE_TUNNEL_SILENT'],
  ] as const)('%s', async (_, happens, code) => {
    await vmgate(scene.stage, 'down');
    await happens();
    expect(await scene.told()).toBe(code);
  });

  // The lab takes UDP for foreign while its server speaks TCP: here the guard's count is the one that tells.
  test('a network that swallows UDP: the next server of the profile is asked by TCP', async () => {
    await vmgate(scene.stage, 'down');
    await scene.stage.lab.openVpn('right', 'tcp');
    const both = (await scene.stage.lab.openVpnProfile(scene.stage.lab.endpoint)).replace(
      /^remote (\S+) (\d+)$/m,
      '$& udp\n$&',
    );
    await scene.choose('both', both);
    await scene.stage.supervise();
    await vmgate(scene.stage, 'up');
    await until('the gate is open', async () => (await scene.phase()) === 'open');
    expect((await statusOf(scene.stage)).uplink).toMatchObject({ foreign: 0 });
  });
});
