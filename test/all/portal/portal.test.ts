/**
 * A portal of the local network on a real lab: found, said, signed in to by way of the gateway alone, and gone. What left
 * meanwhile is the portal's, the VPN's, ARP and DHCP, as the lab saw it.
 *
 * @leakCase 26 wire: a portal appears in the middle of the day: closed, wire down; signed in to, by its own hosts alone
 * @leakCase 27 wire: a portal that says it is none, and lies to every probe, opens nothing
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import { classify, parsePcap } from '../../../src/frame/index.ts';
import { readJournal } from '../../../src/home/index.ts';
import { imagesWithBackdoor, knocks, LAB, linksInLab } from '../../../src/lab/index.ts';
import { SupervisorClient } from '../../../src/supervisor/index.ts';
import {
  download,
  foreignFrames,
  inside,
  journalMark,
  NONE,
  partsOf,
  statusOf,
  until,
  vmgate,
} from '../../system/leaks/life-scene.ts';
import { openWithWork } from '../../system/leaks/persistent-start.ts';
import { type Program, stageForAll, stageImages } from '../../system/leaks/stage.ts';
import { Runner } from '../proxy/runner.ts';
import { behindPortals, page, phaseOf, postForm, printedWay, said, untilPhase, wayOf } from './portal-scene.ts';

jest.setTimeout(180_000);
const BOOT_MS = 300_000;
/** From the host's own sign-in to a gate that connects. */
const NOTICED_MS = 3_000;

/** No firewall, and the untrusted network as the way out: what a gateway that was taken over does when it is told. */
const TAKEOVER = `nft flush ruleset; ip route replace default via ${LAB.router} dev up0 onlink`;

let stage: Stage;
let program: Program;
const runners: Runner[] = [];

afterAll(() => {
  for (const runner of runners) runner.kill();
});

stageForAll(
  async (folder) => ({
    images: await imagesWithBackdoor(await stageImages(), folder, [TAKEOVER]),
    attachment: 'wire',
    dhcp: true,
  }),
  (opened, compiled) => {
    stage = opened;
    program = compiled;
  },
);

beforeAll(async () => {
  await behindPortals(stage);
}, BOOT_MS);

beforeEach(async () => {
  await stage.lab.portal('on');
});

function portal(...argv: readonly string[]): Runner {
  const runner = new Runner(program, stage, 'portal', '--print', '--json', ...argv);
  runners.push(runner);
  return runner;
}

test('up says that there is a portal, and what to do; the look was the host’s own and came after the tunnel failed', async () => {
  const up = await vmgate(stage, 'up');
  expect(up.code).toBe(4);
  expect(up.stderr).toContain('PORTAL_IN_THE_WAY');
  expect(up.stderr).toContain(LAB.portal.url);
  expect(up.stderr).toContain('vmgate portal');
  expect(await statusOf(stage)).toMatchObject({ phase: 'portal' });
  expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 4 });
  expect(await foreignFrames(stage)).toEqual(NONE);
});

test('case 26: signed in by way of the gateway: its own hosts, those that are allowed, nothing else; then it opens by itself', async () => {
  await untilPhase(stage, 'portal');
  const mark = journalMark(stage);
  const signingIn = portal();
  const { socks, url } = await said(signingIn, printedWay);
  expect(url).toBe(LAB.portal.url);
  expect(await phaseOf(stage)).toBe('sign-in');
  expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 4 });
  const form = await page(socks, url);
  expect(form).toMatchObject({ code: 200, body: expect.stringContaining('<form') });
  const asset = `http://${LAB.portal.assets}/portal.js`;
  expect(await page(socks, asset)).toMatchObject({ code: 0 });
  expect(await page(socks, 'http://203.0.113.99/')).toMatchObject({ code: 0 });
  expect(await page(socks, `${LAB.portal.url.slice(0, -1)}:8080/`)).toMatchObject({ code: 0 });
  await said(signingIn, (line) => ((line as { code?: string }).code === 'PORTAL_HELD' ? true : undefined));
  await allow(LAB.portal.assets);
  expect(await page(socks, asset)).toMatchObject({ code: 200 });
  expect((await statusOf(stage)).uplink?.passed['portal']?.frames).toBeGreaterThan(10);
  expect(await postForm(socks)).toMatchObject({ code: 200, body: expect.stringContaining('online') });
  expect(await signingIn.end()).toBe(0);
  await untilPhase(stage, 'open');
  expect(wayOf(stage, mark).filter((phase) => phase !== 'closing')).toEqual(
    expect.arrayContaining(['sign-in', 'closed', 'connecting', 'verifying', 'open']),
  );
  expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 0 });
  const { foreign, portal: seen } = await stage.lab.counts();
  expect({ foreign, guard: (await statusOf(stage)).uplink?.foreign }).toEqual({ foreign: 0, guard: 0 });
  expect(seen).toBeGreaterThan(10);
  // Every one of them is written down, and is what it is called.
  const frames = parsePcap(readFileSync(path.join(stage.gate.evidence, 'portal.pcap'))) ?? [];
  expect(frames.length).toBe(seen);
  for (const { frame } of frames) expect(['tcp', 'dns']).toContain(classify(frame).kind);
});

test('case 26: it appears again in the middle of the day: closed, told, and gone on from by itself once the host has signed in', async () => {
  await untilPhase(stage, 'portal');
  expect(await statusOf(stage)).toMatchObject({ work: [{ linkUp: false }] });
  const began = performance.now();
  await stage.lab.portal('off');
  await until('it is noticed', async () => (await phaseOf(stage)) !== 'portal');
  process.stderr.write(`portal: its end was noticed after ${Math.round(performance.now() - began)} ms\n`);
  expect(performance.now() - began).toBeLessThan(NOTICED_MS);
  await untilPhase(stage, 'open');
  expect(await foreignFrames(stage)).toEqual(NONE);
});

test('case 27: one that lies to every probe opens nothing', async () => {
  await untilPhase(stage, 'portal');
  const mark = journalMark(stage);
  await stage.lab.portal('lying');
  await until(
    'it was tried twice',
    async () => wayOf(stage, mark).filter((phase) => phase === 'connecting').length >= 2,
    60_000,
  );
  expect(wayOf(stage, mark)).not.toContain('open');
  expect(wayOf(stage, mark)).not.toContain('verifying');
  expect((await stage.lab.portalLog()).some((line) => line.endsWith('/generate_204'))).toBe(true);
});

test('case 27: anti-test: the same answer opens where the tunnel works', async () => {
  await stage.lab.portal('off');
  await untilPhase(stage, 'open');
  expect(await foreignFrames(stage)).toEqual(NONE);
});

test('who leaves is let through no longer, and the gate goes on', async () => {
  await untilPhase(stage, 'portal');
  const signingIn = portal('--allow', LAB.portal.assets);
  const { socks } = await said(signingIn, printedWay);
  expect(await page(socks, `http://${LAB.portal.assets}/portal.js`)).toMatchObject({ code: 200 });
  expect(await signingIn.interrupt()).toBe(130);
  await untilPhase(stage, 'portal');
  expect(await foreignFrames(stage)).toEqual(NONE);
});

test('case 26: anti-test: without guard, firewall and supervisor a portal stops no work VM, and the lab sees that', async () => {
  expect(await vmgate(stage, 'down')).toMatchObject({ code: 0 });
  await stage.lab.portal('off');
  await stage.supervise({ ...stage.lab.portalPass, guardEntry: program.absentGuard });
  await openWithWork((...argv) => vmgate(stage, ...argv));
  await inside(stage, download());
  const address = /gave the gateway (\S+)\//.exec(addressGiven())?.[1] ?? '';
  const { supervisor } = await partsOf(stage);
  process.kill(supervisor, 'SIGSTOP');
  await stage.lab.portal('on');
  const before = (await stage.lab.counts()).foreign;
  const hop = { sourceMac: LAB.routerMac, destinationMac: linksInLab(stage.gate, [WORK_VM], stage.lab).uplink.mac };
  await stage.lab.inject(knocks(hop, { source: LAB.router, destination: address }, 1));
  await until('foreign frames', async () => (await stage.lab.counts()).foreign > before, 15_000);
  process.kill(supervisor, 'SIGCONT');
});

/** The journal's last word on the gateway's own address. */
function addressGiven(): string {
  return readJournal(stage.gate.journal).findLast(({ code }) => code === 'GATE_ADDRESS')?.text ?? '';
}

async function allow(host: string): Promise<void> {
  const client = await SupervisorClient.connect('default', stage.gate);
  try {
    await client?.ask({ verb: 'portal-allow', host });
  } finally {
    client?.close();
  }
}
