/**
 * A gateway that is tampered with from inside: the host sees it and closes, the guard lets nothing but the tunnel out.
 * Without the guard the same tampering leaks, and the lab sees that.
 *
 * @leakCase 14 wire: resolver killed, control service frozen, memory exhausted in the gateway: noticed, a fresh gateway,
 *   nothing in clear
 * @leakCase 15 wire: tunnel deleted, routes flushed, a default route by the uplink: noticed, closed, nothing in clear
 * @leakCase 17 wire: firewall flushed or one rule more: noticed, receipt revoked, closed, nothing in clear
 * @leakCase 19 wire: the work VM tries all the time while a fresh gateway boots: nothing in clear
 * @leakCase 20 wire: the gateway reboots under traffic: nothing in clear while it goes and while the next one boots
 * @leakCase 22 wire: the gateway paused and resumed: it sends nothing before the gate is verified again
 * @leakCase 41 wire: a scan of the gateway from the untrusted network is met with silence
 * @leakCase 62 wire: a stranger who relays the server's valid replies is not spoken to
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import { imagesWithBackdoor, linksInLab } from '../../../src/lab/index.ts';
import { obey } from '../../system/leaks/knock.ts';
import {
  closedAndOpenAgain,
  download,
  foreignFrames,
  framesDuring,
  inside,
  journalMark,
  NONE,
  partsOf,
  phasesSince,
  statusOf,
  tunnelFrames,
  until,
  vmgate,
} from '../../system/leaks/life-scene.ts';
import { openWithWork } from '../../system/leaks/persistent-start.ts';
import { type Program, stageForAll, stageImages } from '../../system/leaks/stage.ts';

jest.setTimeout(180_000);

/** The guard's deadline is at most 5 s ahead (P5). */
const DEADLINE_MS = 5_000;
const ADDRESS = '192.168.77.50';
const UPLINK_ROUTE = 'ip route replace default via 192.168.77.1 dev up0 onlink';
/** What the gateway is told to do wrong, by the number of knocks less one. */
const TAMPERINGS = [
  'ip link del tun0',
  'ip route flush table main',
  UPLINK_ROUTE,
  'nft flush ruleset',
  'nft insert rule inet vmgate forward accept',
  'kill -9 $(cat /run/vmgate/dnsmasq.pid)',
  'kill -STOP $(pidof dropbear)',
  'echo -1000 >/proc/self/oom_score_adj; while :; do dd if=/dev/zero of=/dev/null bs=100M count=1; done',
  'reboot -f',
  'date -s @1577880000',
  `nft flush ruleset; ${UPLINK_ROUTE}`,
] as const;
const knocksFor = (line: (typeof TAMPERINGS)[number]) => TAMPERINGS.indexOf(line) + 1;
const NO_FIREWALL = knocksFor('nft flush ruleset');
/** Everything at once: no firewall, and the untrusted network as the way out. */
const TAKEOVER = TAMPERINGS.length;

let program: Program;
let stage: Stage;
let mac: string;

stageForAll(
  async (folder) => ({
    images: await imagesWithBackdoor(await stageImages(), folder, TAMPERINGS),
    attachment: 'wire',
  }),
  (opened, compiled) => {
    stage = opened;
    program = compiled;
  },
);

beforeAll(async () => {
  // The uplink's MAC depends on the gate's folder alone.
  mac = linksInLab(stage.gate, [WORK_VM], stage.lab).uplink.mac;
  await openAndDownload();
}, 300_000);

async function openAndDownload(): Promise<void> {
  await openWithWork((...argv) => vmgate(stage, ...argv));
  await inside(stage, download());
}

const flows = async () => {
  const before = await tunnelFrames(stage);
  await until('the work VM downloads', async () => (await tunnelFrames(stage)) - before >= 20);
};

const receipt = () => existsSync(path.join(stage.gate.receipts, 'receipt.json'));

describe('the host notices, the work VM keeps running', () => {
  test.each<[string, (typeof TAMPERINGS)[number], RegExp]>([
    ['case 15: the tunnel is deleted', 'ip link del tun0', /tunnel|routes/],
    ['case 15: the routes are flushed', 'ip route flush table main', /route|lead/],
    ['case 15: a way out by the uplink', UPLINK_ROUTE, /route|lead/],
    ['case 17: no firewall', 'nft flush ruleset', /./],
    ['case 17: one more rule', 'nft insert rule inet vmgate forward accept', /ruleset/],
    ['case 14: the resolver is killed', TAMPERINGS[5], /dns/],
    ['case 14: the control service freezes', TAMPERINGS[6], /./],
    ['case 14: memory runs out', TAMPERINGS[7], /./],
    ['case 19 and case 20: it reboots', 'reboot -f', /./],
    ['its clock is years back', 'date -s @1577880000', /clock|lies in the future/],
  ])('%s', async (_name, line, why) => {
    await flows();
    const { work } = await partsOf(stage);
    expect(receipt()).toBe(true);
    const mark = journalMark(stage);
    await obey(stage.lab, mac, knocksFor(line));
    await until('the receipt is revoked', () => !receipt());
    expect(await closedAndOpenAgain(stage, mark)).toMatch(why);
    await flows();
    expect(await foreignFrames(stage)).toEqual(NONE);
    expect((await partsOf(stage)).work).toBe(work);
  });
});

describe('case 22: paused', () => {
  test('for a moment: nothing leaves meanwhile, nothing but the tunnel afterwards', async () => {
    await flows();
    const { gateway, work } = await partsOf(stage);
    process.kill(gateway, 'SIGSTOP');
    expect(await framesDuring(stage, 3_000)).toBe(0);
    process.kill(gateway, 'SIGCONT');
    await flows();
    expect(await foreignFrames(stage)).toEqual(NONE);
    expect((await partsOf(stage)).work).toBe(work);
  });

  test('together with its supervisor, as on a laptop that sleeps, and awake before it: nothing leaves until verified', async () => {
    await flows();
    const { supervisor, gateway } = await partsOf(stage);
    const mark = journalMark(stage);
    for (const pid of [supervisor, gateway]) process.kill(pid, 'SIGSTOP');
    await delay(DEADLINE_MS);
    process.kill(gateway, 'SIGCONT');
    expect(await framesDuring(stage, 2_000)).toBe(0);
    process.kill(supervisor, 'SIGCONT');
    await closedAndOpenAgain(stage, mark);
    await flows();
    expect(await foreignFrames(stage)).toEqual(NONE);
  });
});

test('case 62: a stranger who relays valid replies is not spoken to', async () => {
  await flows();
  const mark = journalMark(stage);
  await stage.lab.fault('relayed', true);
  await until('the gate closed', () => phasesSince(stage, mark).some(({ phase }) => phase === 'closing'));
  await stage.lab.fault('relayed', false);
  await closedAndOpenAgain(stage, mark);
  expect(await foreignFrames(stage)).toEqual(NONE);
});

test('case 41: a scan from the untrusted network: silence', async () => {
  const { probes, answers } = await stage.lab.scan({ mac, address: ADDRESS });
  expect(probes).toBeGreaterThan(2_000);
  expect(answers).toBe(0);
  expect((await statusOf(stage)).phase).toBe('open');
});

test('case 15 and case 17 at once: the guard stops it, and the gate is violated until somebody says up', async () => {
  const mark = journalMark(stage);
  await obey(stage.lab, mac, TAKEOVER);
  await until('violated', () => phasesSince(stage, mark).some(({ phase }) => phase === 'violated'));
  expect(receipt()).toBe(false);
  expect((await foreignFrames(stage)).lab).toBe(0);
  expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 4, fault: 'GATE_NOT_VERIFIED' });
  await delay(2_000);
  expect(phasesSince(stage, mark).at(-1)?.phase).toBe('violated');
  expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
  await flows();
});

describe('anti-test: without the guard the lab sees', () => {
  beforeAll(async () => {
    expect(await vmgate(stage, 'down')).toMatchObject({ code: 0 });
    await stage.supervise({ guardEntry: program.absentGuard });
    await openAndDownload();
    await flows();
  });

  /** A canary that left is a violation, and that waits for a human. */
  const closedThenUp = async (mark: number) => {
    await until('the gate closed', () => phasesSince(stage, mark).some(({ phase }) => phase === 'closing'));
    await openWithWork((...argv) => vmgate(stage, ...argv));
  };

  test('case 62: the stranger being spoken to, once the firewall is gone', async () => {
    const mark = journalMark(stage);
    await stage.lab.fault('relayed', true);
    await obey(stage.lab, mac, NO_FIREWALL);
    await until('frames to the stranger', async () => (await stage.lab.counts()).stranger > 0, 10_000);
    await stage.lab.fault('relayed', false);
    await closedThenUp(mark);
  });

  const leaks = async () => {
    const before = (await stage.lab.counts()).foreign;
    await until('foreign frames', async () => (await stage.lab.counts()).foreign > before, 10_000);
  };

  test("case 14, case 15, case 17, case 19 and case 20: the work VM's own packets; case 22: after a pause too", async () => {
    await flows();
    const mark = journalMark(stage);
    const { supervisor, gateway } = await partsOf(stage);
    process.kill(supervisor, 'SIGSTOP');
    await obey(stage.lab, mac, TAKEOVER);
    await leaks();
    process.kill(gateway, 'SIGSTOP');
    expect(await framesDuring(stage, 1_000)).toBe(0);
    process.kill(gateway, 'SIGCONT');
    await leaks();
    process.kill(supervisor, 'SIGCONT');
    await closedThenUp(mark);
  });

  test('case 41: answers to a scan', async () => {
    // Its packets would pass for answers.
    expect(await vmgate(stage, 'stop', WORK_VM, '--force')).toMatchObject({ code: 0 });
    await until('the gate is open', async () => (await statusOf(stage)).phase === 'open');
    await obey(stage.lab, mac, TAKEOVER);
    const scan = () => stage.lab.scan({ mac, address: ADDRESS, ports: [22, 53] });
    await until('an answer', async () => (await scan()).answers > 0, 10_000);
  });
});
