/** A server of OpenVPN that asks for a one-time code: needed, rejected, taken, and never asked for behind anybody's back. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, jest, test } from '@jest/globals';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import { foreignFrames, NONE, statusOf, until, vmgate } from '../../system/leaks/life-scene.ts';
import { stageForAll } from '../../system/leaks/stage.ts';

jest.setTimeout(300_000);

const PASSWORD = 'open sesame';
const CODE = '123456';
const base64 = (text: string) => Buffer.from(text).toString('base64');

let stage: Stage;
stageForAll(
  () => ({
    attachment: 'wire',
    vpn: 'openvpn',
    config: `version: 1\nvpn: coded\nwork: {${WORK_VM}: {template: tiny}}\n`,
  }),
  (opened) => {
    stage = opened;
  },
);

async function upWith(code: string) {
  const file = path.join(stage.home.root, 'code');
  await writeFile(file, `${code}\n`, { mode: 0o600 });
  return vmgate(stage, 'up', '--code-file', file);
}
const phase = async () => (await statusOf(stage)).phase;

test('a code is needed, a wrong one refused, the right one opens the gate, and no retry brings it again', async () => {
  // What a server is given for name, password and code (SCRV1).
  await stage.lab.vpnLogin('openvpn', 'alice', `SCRV1:${base64(PASSWORD)}:${base64(CODE)}`);
  await stage.lab.openVpn('right', 'login');
  const profile = await stage.lab.openVpnProfile(stage.lab.endpoint);
  const login = { user: 'alice', password: PASSWORD };
  await stage.addProfile('coded', `static-challenge "Code from your phone" 1\n${profile}`, login);

  expect(await vmgate(stage, 'up')).toMatchObject({ code: 4, fault: 'VPN_CODE_NEEDED' });
  expect(await upWith('000000')).toMatchObject({ code: 4, fault: 'VPN_LOGIN_REFUSED' });
  expect(await phase()).not.toBe('open');
  expect(await upWith(CODE)).toMatchObject({ code: 0 });
  expect(await phase()).toBe('open');
  expect(await foreignFrames(stage)).toEqual(NONE);

  await stage.lab.server('down');
  await until('the gate closed', async () => (await phase()) !== 'open');
  await stage.lab.server('up');
  expect(await vmgate(stage, 'up')).toMatchObject({ code: 4, fault: 'VPN_CODE_NEEDED' });
});
