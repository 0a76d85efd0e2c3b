/**
 * Two VPN profiles, and a work VM in the middle of something when the first gives no tunnel any more.
 *
 * @leakCase 68 wire: after a failover a work VM's open connection says nothing by the other tunnel, it is reset
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
/** A connection that says something each second, for as long as it stands. */
const talk = `(while :; do echo x-mark:0; sleep 1; done | nc ${LAB.inside} 80) </dev/null >/dev/null 2>&1 & echo $! >/tmp/talk`;

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
  expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 0 });
}, 300_000);

test('the first of the list is used', async () => {
  expect((await statusOf(stage)).vpn).toMatchObject({ profile: 'lab', order: ['lab', 'home'] });
  expect(await askWhoIAm()).toContain(LAB.client);
});

test('case 68, anti-test: within one profile an open connection outlives a reconnect', async () => {
  await inside(stage, talk);
  await stage.lab.server('down');
  await until('the gate is not open', async () => (await statusOf(stage)).phase !== 'open');
  await stage.lab.server('up');
  await until('the gate is open', async () => (await statusOf(stage)).phase === 'open');
  await until('the wire is up again', async () => (await statusOf(stage)).work.every(({ linkUp }) => linkUp));
  expect((await statusOf(stage)).vpn).toMatchObject({ profile: 'lab' });
  expect(await inside(stage, 'sleep 8; kill -0 $(cat /tmp/talk) && echo stands')).toContain('stands');
});

test('case 68: the first gives no tunnel any more: the other is used, by a fresh gateway, and the connection is reset', async () => {
  const before = await partsOf(stage);
  await stage.lab.admit(labKey(), [`${NOWHERE}/32`]);
  await until('the other profile is used', async () => {
    const { phase, vpn } = await statusOf(stage);
    return phase === 'open' && vpn?.profile === 'home';
  });
  await until('the wire is up again', async () => (await statusOf(stage)).work.every(({ linkUp }) => linkUp));
  const after = await partsOf(stage);
  expect(after.work).toBe(before.work);
  expect(after.gateway).not.toBe(before.gateway);
  expect(await askWhoIAm()).toContain(HOME_ADDRESS);
  await until('the connection is over', async () => {
    return (await inside(stage, 'kill -0 $(cat /tmp/talk) 2>/dev/null && echo stands || echo over')).includes('over');
  });
  expect(readJournal(stage.gate.journal)).toContainEqual(
    expect.objectContaining({ code: 'GATE_VPN_SWITCHED', payload: { from: 'lab', to: 'home' } }),
  );
  const { stdout } = await stage.vmgate(['status']);
  expect(stdout).toMatch(/vpn {6}home, 2 of 2 \(lab, home\)/);
  expect(stdout).toMatch(/instead {2}the one before failed: /);
  expect(await foreignFrames(stage)).toEqual(NONE);
});
