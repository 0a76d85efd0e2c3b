/**
 * Two VPN profiles, and a work VM in the middle of something when the first gives no tunnel any more.
 * What its open connections still have to say is another test's: test/contract/policy/other-tunnel.test.ts.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, jest, test } from '@jest/globals';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import { readJournal } from '../../../src/home/index.ts';
import { newClientKey } from '../../../src/lab/client-profile.ts';
import { LAB } from '../../../src/lab/index.ts';
import { addProfile, publicKeyOf } from '../../../src/vpn/index.ts';
import { foreignFrames, inside, NONE, partsOf, statusOf, until, vmgate } from '../../system/leaks/life-scene.ts';
import { stageForAll } from '../../system/leaks/stage.ts';

jest.setTimeout(300_000);

const START_MS = 150_000;

/** One more attempt, a fresh gateway and its connect, on a machine that has other things to do. */
const SWITCH_MS = 180_000;
/** Of the other profile, inside the tunnel; nobody is routed to the last. */
const [HOME_ADDRESS, NOWHERE] = ['10.66.0.3', '10.66.0.99'];

let stage: Stage;
stageForAll(
  () => ({
    attachment: 'wire',
    config: `version: 1
vpn: [lab, home]
failover: {leaky: true}
notify: false
work: {${WORK_VM}: {template: tiny}}
`,
  }),
  (opened) => {
    stage = opened;
  },
);

const labKey = () => publicKeyOf(/^PrivateKey = (\S+)$/m.exec(stage.lab.profile)?.[1] ?? '');
/** Inside the tunnel the server sees which client a request comes from. */
const askWhoIAm = () => inside(stage, `wget -q -T 10 -O - http://${LAB.inside}/`);
beforeAll(async () => {
  const key = newClientKey();
  await stage.lab.admit(key.publicKey, [`${HOME_ADDRESS}/32`]);
  const profile = stage.lab.profile
    .replace(/^PrivateKey = .*$/m, `PrivateKey = ${key.privateKey}`)
    .replace(/^Address = .*$/m, `Address = ${HOME_ADDRESS}/32`);
  const file = path.join(stage.home.root, 'home.conf');
  await writeFile(file, profile, { mode: 0o600 });
  const isLab = (address: string) => stage.lab.pass().allowEndpoint(address);
  await addProfile(stage.home.vpn, 'home', file, { split: false, dns: [] }, isLab);
  expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
  // A gate may close for a moment on a machine that has other things to do.
  await until('the work VM runs', async () => (await vmgate(stage, 'start', WORK_VM)).code === 0, START_MS);
}, 300_000);

test('the first of the list is used', async () => {
  expect((await statusOf(stage)).vpn).toMatchObject({ profile: 'lab', order: ['lab', 'home'] });
  expect(await askWhoIAm()).toContain(LAB.client);
});

test('the first gives no tunnel any more: the other is used, by a fresh gateway, and the work VM is the same', async () => {
  const before = await partsOf(stage);
  await stage.lab.admit(labKey(), [`${NOWHERE}/32`]);
  await until(
    'the other profile is used',
    async () => {
      const { phase, vpn } = await statusOf(stage);
      return phase === 'open' && vpn?.profile === 'home';
    },
    SWITCH_MS,
  );
  await until('the wire is up again', async () => (await statusOf(stage)).work.every(({ linkUp }) => linkUp));
  const after = await partsOf(stage);
  expect(after.work).toBe(before.work);
  expect(after.gateway).not.toBe(before.gateway);
  expect(await askWhoIAm()).toContain(HOME_ADDRESS);
  expect(readJournal(stage.gate.journal)).toContainEqual(
    expect.objectContaining({ code: 'GATE_VPN_SWITCHED', payload: { from: 'lab', to: 'home' } }),
  );
  const { stdout } = await stage.vmgate(['status']);
  expect(stdout).toMatch(/vpn {6}home, 2 of 2 \(lab, home\)/);
  expect(stdout).toMatch(/instead {2}the one before failed: /);
  expect(await foreignFrames(stage)).toEqual(NONE);
});
