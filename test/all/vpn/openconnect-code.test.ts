/** A server of OpenConnect that asks for a one-time code: needed, rejected, taken, and never asked for behind anybody's back. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, jest, test } from '@jest/globals';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import { foreignFrames, NONE, statusOf, until, vmgate } from '../../system/leaks/life-scene.ts';
import { stageForAll } from '../../system/leaks/stage.ts';

jest.setTimeout(300_000);

const LOGIN = { user: 'alice', password: 'open sesame' };
/** The first code of RFC 4226's example, appendix D; ocserv takes each once. */
const CODE = '755224';

let stage: Stage;
stageForAll(
  () => ({
    attachment: 'wire',
    vpn: 'openconnect',
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
  await stage.lab.vpnLogin('openconnect', LOGIN.user, LOGIN.password);
  await stage.lab.openConnect('code');
  const profile = await stage.lab.openConnectProfile(stage.lab.endpoint);
  await stage.addProfile('coded', `challenge=Code from your phone\n${profile}`, LOGIN);

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
