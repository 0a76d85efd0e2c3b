/**
 * The VPN server has a name, and the name moves: while the gate is closed it is looked up again at each attempt, while it
 * is open nobody asks. The work VM gets no answer to a name of its own before the gate is open.
 *
 * @leakCase 48 wire: the server's name moves while the gate is closed: found again by itself, no DNS for a work VM before
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, jest, test } from '@jest/globals';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import { readJournal } from '../../../src/home/index.ts';
import { LAB } from '../../../src/lab/index.ts';
import { addProfile, removeProfile } from '../../../src/vpn/index.ts';
import {
  guardedBytes,
  inside,
  journalMark,
  phasesSince,
  statusOf,
  tunnelFrames,
  until,
  vmgate,
} from '../../system/leaks/life-scene.ts';
import { stageForAll } from '../../system/leaks/stage.ts';

jest.setTimeout(180_000);
const NAME = 'vpn.hotel-guest.example';
/** A public one: the lab's network leads it nowhere. */
const OLD = '9.9.9.9';
const VERIFY_MS = 10_000;

let stage: Stage;

stageForAll(
  () => ({
    attachment: 'wire',
    config: `version: 1
vpn: lab
verify: {exit: {url: "https://${LAB.siteName}/", expect: [${LAB.exit}/32]}, every: ${VERIFY_MS / 1_000}s}
work: {${WORK_VM}: {template: tiny}}
`,
  }),
  (opened) => {
    stage = opened;
  },
);

const leads = (address: string) => writeFileSync(path.join(stage.home.root, 'hosts'), `${address} ${NAME}\n`);
const pinnedSince = (mark: number) =>
  readJournal(stage.gate.journal)
    .slice(mark)
    .flatMap(({ code, payload }) => (code === 'GATE_PINNED' ? [(payload as { address: string }).address] : []));
const opened = (mark: number) => phasesSince(stage, mark).some(({ phase }) => phase === 'open');

const questionsInClear = async () => {
  const asked = [...(await stage.lab.dnsLog('wifi')), ...(await stage.lab.dnsLog('internet'))];
  return asked.filter(({ source }) => source !== LAB.exit);
};

beforeAll(async () => {
  await vmgate(stage, 'down');
  await removeProfile(stage.home.vpn, 'lab', async () => undefined);
  const file = path.join(stage.home.root, 'named.conf');
  const text = stage.lab.profile.replace(/^Endpoint = .*$/m, `Endpoint = ${NAME}:${LAB.endpoint.port}`);
  writeFileSync(file, text, { mode: 0o600 });
  await addProfile(stage.home.vpn, 'lab', file, { split: false, dns: [] });
  leads(OLD);
  await stage.supervise({ names: path.join(stage.home.root, 'hosts') });
}, 300_000);

test('case 48: anti-test: while the name leads elsewhere nothing opens, however often it is tried', async () => {
  const mark = journalMark(stage);
  expect(await vmgate(stage, 'up')).toMatchObject({ code: 4, stderr: expect.stringContaining(OLD) });
  await until('it was tried again', () => pinnedSince(mark).length >= 3, 60_000);
  expect(new Set(pinnedSince(mark))).toEqual(new Set([OLD]));
  expect(opened(mark)).toBe(false);
  expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 4 });
});

test('case 48: the name moves: the gate opens by itself, and only then a work VM resolves anything', async () => {
  const mark = journalMark(stage);
  leads(LAB.endpoint.address);
  await until('it opens', () => opened(mark), 60_000);
  expect(pinnedSince(mark).at(-1)).toBe(LAB.endpoint.address);
  // The dns check's own question comes out of the tunnel.
  expect(await questionsInClear()).toEqual([]);
  expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 0 });
  expect(await inside(stage, `nslookup ${LAB.siteName}`)).toContain(LAB.site);
});

test('while the gate is open nobody asks for the name, and it stays with the address that is pinned', async () => {
  const mark = journalMark(stage);
  leads(OLD);
  const receipts = new Set<string>();
  await until(
    'it was verified twice more',
    () => {
      receipts.add(readFileSync(path.join(stage.gate.receipts, 'receipt.json'), 'utf8'));
      return receipts.size >= 3;
    },
    6 * VERIFY_MS,
  );
  expect(pinnedSince(mark)).toEqual([]);
  expect(phasesSince(stage, mark)).toEqual([]);
});

test('it moves while the tunnel is lost: no DNS inside meanwhile, and back by itself once it leads to the server', async () => {
  const mark = journalMark(stage);
  await stage.lab.fault('tunnel-silent', true);
  await until('the gate closed', () => phasesSince(stage, mark).some(({ phase }) => phase === 'closed'), 60_000);
  await until('the old address was tried', () => pinnedSince(mark).includes(OLD), 60_000);
  expect((await statusOf(stage)).work).toMatchObject([{ linkUp: false }]);
  await stage.lab.fault('tunnel-silent', false);
  const before = await tunnelFrames(stage);
  leads(LAB.endpoint.address);
  await until('it opens', () => opened(mark), 60_000);
  expect(await tunnelFrames(stage)).toBeGreaterThan(before);
  expect(await inside(stage, `nslookup ${LAB.siteName}`)).toContain(LAB.site);
  expect(guardedBytes(stage)).toBe(0);
  expect(await questionsInClear()).toEqual([]);
});
