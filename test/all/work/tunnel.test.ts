/**
 * What a work VM gets of its tunnel: packets as large as the way carries, the names of its VPN.
 *
 * @leakCase 31 wire: a way that swallows packets above 1,420, 1,280 or 800 bytes: the tunnel's become smaller, a download and an upload come whole
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import { readJournal } from '../../../src/home/index.ts';
import { LAB } from '../../../src/lab/index.ts';
import { addProfile } from '../../../src/vpn/index.ts';
import { foreignFrames, inside, NONE, statusOf, until, vmgate } from '../../system/leaks/life-scene.ts';
import { stageForAll } from '../../system/leaks/stage.ts';

jest.setTimeout(300_000);

const START_MS = 150_000;

const BYTES = 200_000;
/** To the gateway's resolver the lab's addresses, of the blocks for documentation, are private ones too. */
const configOf = (rebinding: 'allow' | 'refuse') => `version: 1
vpn: named
notify: false
dns: {rebinding: ${rebinding}}
work:
  ${WORK_VM}:
    template: tiny
    egress: {default: allow, rules: [{to: ip.lab.example, allowPrivate: true}]}
`;

let stage: Stage;
stageForAll(
  () => ({ attachment: 'wire', config: configOf('allow') }),
  (opened) => {
    stage = opened;
  },
);

const open = () => until('the gate is open', async () => (await statusOf(stage)).phase === 'open');
const tries = (line: string) => inside(stage, `(${line}) 2>&1 || true`);

beforeAll(async () => {
  const file = path.join(stage.home.root, 'named.conf');
  await writeFile(file, stage.lab.profile.replace(/^DNS = .*$/m, `DNS = ${LAB.inside}, lab.example`), { mode: 0o600 });
  const isLab = (address: string) => stage.lab.pass().allowEndpoint(address);
  await addProfile(stage.home.vpn, 'named', file, { split: false, dns: [] }, isLab);
  expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
  // A gate may close for a moment on a machine that has other things to do.
  await until('the work VM runs', async () => (await vmgate(stage, 'start', WORK_VM)).code === 0, START_MS);
}, 300_000);

describe('case 31: a way that swallows large packets', () => {
  const download = `timeout 40 wget -q -O - http://${LAB.site}/bytes/${BYTES} | wc -c`;
  const filler = `(echo 'GET / HTTP/1.0'; yes x-filler:0123456789012345678901234567890123456789 | head -n 40; echo)`;
  const upload = `${filler} | timeout 60 nc ${LAB.site} 80 | tail -n 1`;
  const sizes = () =>
    readJournal(stage.gate.journal).flatMap(({ code, payload }) =>
      code === 'GATE_PATH_NARROW' ? [(payload as { mtu: number }).mtu] : [],
    );
  const again = async () => {
    await stage.lab.server('down');
    await until('the gate is not open', async () => (await statusOf(stage)).phase !== 'open');
    await stage.lab.server('up');
    await open();
    await until('the wire is up again', async () => (await statusOf(stage)).work.every(({ linkUp }) => linkUp));
  };

  test('anti-test: a tunnel that was there before such a way hangs', async () => {
    expect((await tries(download)).trim()).toBe(`${BYTES}`);
    expect(sizes()).toEqual([]);
    await stage.lab.fault('narrow-1280', true);
    expect(await tries(download)).not.toMatch(new RegExp(`^${BYTES}$`, 'm'));
    await stage.lab.fault('narrow-1280', false);
  });

  test.each([
    [1420, 1_360],
    [1280, 1_216],
    [800, 736],
  ] as const)('of %i bytes: the tunnel carries %i', async (way, mtu) => {
    const fault = `narrow-${way}` as const;
    await stage.lab.fault(fault, true);
    await again();
    expect(sizes().at(-1)).toBe(mtu);
    expect((await tries(download)).trim()).toBe(`${BYTES}`);
    expect((await tries(upload)).trim()).toBe(LAB.exit);
    await stage.lab.fault(fault, false);
    expect(await foreignFrames(stage)).toEqual(NONE);
  });
});

describe('names', () => {
  const asked = (name: string) => tries(`nslookup ${name}`);

  test('a search domain of the profile completes what the work VM asks for', async () => {
    expect(await inside(stage, 'cat /etc/resolv.conf')).toContain('search lab.example');
    expect(await tries('wget -q -T 10 -O - http://www/')).toContain(LAB.exit);
  });

  test('anti-test: without it the name means nothing', async () => {
    await inside(stage, "cp /etc/resolv.conf /tmp/r; sed -i '/^search/d' /etc/resolv.conf");
    expect(await tries('wget -q -T 10 -O - http://www/')).not.toContain(LAB.exit);
    await inside(stage, 'cp /tmp/r /etc/resolv.conf');
  });

  test('anti-test: unless rebinding is refused, a name leads to a private address', async () => {
    expect(await asked('server.lab.example')).toContain(`Address: ${LAB.inside}`);
  });

  test('refused, no name leads to a private address, but one that a rule allows it to', async () => {
    await writeFile(path.join(stage.home.root, 'vmgate.yaml'), configOf('refuse'));
    expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
    await until('the wire is up again', async () => (await statusOf(stage)).work.every(({ linkUp }) => linkUp));
    const answer = await asked('server.lab.example');
    // The resolver's own address stands in the first lines.
    expect(answer).not.toContain(`Address: ${LAB.inside}`);
    expect(await asked('ip.lab.example')).toContain(LAB.site);
  });
});
