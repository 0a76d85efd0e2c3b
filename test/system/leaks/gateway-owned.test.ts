/**
 * A gateway that is tampered with from inside (leak cases 15, 17, 41, 62): the host sees it and closes, the guard lets
 * nothing but the tunnel out. Without the guard the same tampering leaks, and the lab sees that.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Stage, WORK_VM } from '../../../src/demo/index.ts';
import { imagesWithBackdoor, knocks, LAB, linksInLab } from '../../../src/lab/index.ts';
import {
  closedAndOpenAgain,
  download,
  foreignFrames,
  inside,
  journalMark,
  NONE,
  partsOf,
  phasesSince,
  statusOf,
  tunnelFrames,
  until,
  vmgate,
} from './life-scene.ts';
import { compileProgram, type Program, stageImages } from './stage.ts';

jest.setTimeout(120_000);

const ADDRESS = '192.168.77.50';
const UPLINK_ROUTE = 'ip route replace default via 192.168.77.1 dev up0 onlink';
/** What the gateway is told to do wrong, by the number of knocks less one. */
const TAMPERINGS = [
  'ip link del tun0',
  'ip route flush table main',
  UPLINK_ROUTE,
  'nft flush ruleset',
  'nft insert rule inet vmgate forward accept',
  `nft flush ruleset; ${UPLINK_ROUTE}`,
] as const;
const knocksFor = (line: (typeof TAMPERINGS)[number]) => TAMPERINGS.indexOf(line) + 1;
const NO_FIREWALL = knocksFor('nft flush ruleset');
/** Everything at once: no firewall, and the untrusted network as the way out. */
const TAKEOVER = TAMPERINGS.length;

let folder: string;
let program: Program;
let stage: Stage;
let mac: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'vmg-own-'));
  program = await compileProgram();
  stage = await Stage.open({
    images: await imagesWithBackdoor(await stageImages(), folder, TAMPERINGS),
    attachment: 'wire',
    program: path.join(program.dist, 'main.js'),
  });
  // The uplink's MAC depends on the gate's folder alone.
  mac = linksInLab(stage.gate, [WORK_VM], stage.lab).uplink.mac;
  await openWithWork();
}, 300_000);

afterAll(async () => {
  await stage?.close();
  await program?.remove();
  await rm(folder, { recursive: true, force: true });
});

async function openWithWork(): Promise<void> {
  expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
  expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 0 });
  await inside(stage, download());
}

const flows = async () => {
  const before = await tunnelFrames(stage);
  await until('the work VM downloads', async () => (await tunnelFrames(stage)) - before >= 20);
};
/** Knocks from the untrusted network. */
async function obey(line: number): Promise<void> {
  const hop = { sourceMac: LAB.routerMac, destinationMac: mac };
  await stage.lab.inject(knocks(hop, { source: LAB.router, destination: ADDRESS }, line));
}

const receipt = () => existsSync(path.join(stage.gate.receipts, 'receipt.json'));

describe('the host notices, the work VM keeps running', () => {
  test.each<[string, (typeof TAMPERINGS)[number], RegExp]>([
    ['the tunnel is deleted (15)', 'ip link del tun0', /tunnel|routes/],
    ['the routes are flushed (15)', 'ip route flush table main', /route|lead/],
    ['a way out by the uplink (15)', UPLINK_ROUTE, /route|lead/],
    ['no firewall (17)', 'nft flush ruleset', /./],
    ['one more rule (17)', 'nft insert rule inet vmgate forward accept', /ruleset/],
  ])('%s', async (_name, line, why) => {
    await flows();
    const { work } = await partsOf(stage);
    expect(receipt()).toBe(true);
    const mark = journalMark(stage);
    await obey(knocksFor(line));
    await until('the receipt is revoked', () => !receipt());
    expect(await closedAndOpenAgain(stage, mark)).toMatch(why);
    await flows();
    expect(await foreignFrames(stage)).toEqual(NONE);
    expect((await partsOf(stage)).work).toBe(work);
  });
});

test('a stranger who relays valid replies is not spoken to (62)', async () => {
  await flows();
  const mark = journalMark(stage);
  await stage.lab.fault('relayed', true);
  await until('the gate closed', () => phasesSince(stage, mark).some(({ phase }) => phase === 'closing'));
  await stage.lab.fault('relayed', false);
  await closedAndOpenAgain(stage, mark);
  expect(await foreignFrames(stage)).toEqual(NONE);
});

test('a scan from the untrusted network: silence (41)', async () => {
  const { probes, answers } = await stage.lab.scan({ mac, address: ADDRESS });
  expect(probes).toBeGreaterThan(2_000);
  expect(answers).toBe(0);
  expect((await statusOf(stage)).phase).toBe('open');
});

test('everything at once: the guard stops it, and the gate is violated until somebody says up', async () => {
  const mark = journalMark(stage);
  await obey(TAKEOVER);
  await until('violated', () => phasesSince(stage, mark).some(({ phase }) => phase === 'violated'));
  expect(receipt()).toBe(false);
  expect((await foreignFrames(stage)).lab).toBe(0);
  expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 4, fault: 'GATE_NOT_VERIFIED' });
  await delay(2_000);
  expect(phasesSince(stage, mark).at(-1)?.phase).toBe('violated');
  expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
  await flows();
});

describe('without the guard the lab sees', () => {
  beforeAll(async () => {
    expect(await vmgate(stage, 'down')).toMatchObject({ code: 0 });
    await stage.supervise({ guardEntry: program.absentGuard });
    await openWithWork();
    await flows();
  });

  test('the stranger being spoken to, once the firewall is gone', async () => {
    await stage.lab.fault('relayed', true);
    await obey(NO_FIREWALL);
    await until('frames to the stranger', async () => (await stage.lab.counts()).stranger > 0, 10_000);
    await stage.lab.fault('relayed', false);
  });

  test("the work VM's own packets", async () => {
    const before = (await stage.lab.counts()).foreign;
    await obey(TAKEOVER);
    await until('foreign frames', async () => (await stage.lab.counts()).foreign > before, 10_000);
  });

  test('answers to a scan', async () => {
    // Its packets would pass for answers.
    expect(await vmgate(stage, 'stop', WORK_VM, '--force')).toMatchObject({ code: 0 });
    await until('the gate is open', async () => (await statusOf(stage)).phase === 'open');
    await obey(TAKEOVER);
    const scan = () => stage.lab.scan({ mac, address: ADDRESS, ports: [22, 53] });
    await until('an answer', async () => (await scan()).answers > 0, 10_000);
  });
});
