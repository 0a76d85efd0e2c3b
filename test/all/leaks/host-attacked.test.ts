/**
 * What guests can do to the host they run on: talk nonsense to it, fill its disk, draw on its terminal, and stand still at
 * the wrong moment. One gate on the lab's wire; its gateway obeys the lab, its guard obeys signals.
 *
 * @leakCase 39 wire: an owned gateway floods, drips or forges its answers: the gate closes, the supervisor stays small,
 *   the CLI answers
 * @leakCase 64 wire: work VM, guard or supervisor frozen, the guard connected but deaf: nothing leaves past its deadline,
 *   the CLI answers, the gate comes back
 * @leakCase 71 wire: what an owned gateway says is drawn on no terminal
 * @leakCase 73 wire: guests that flood serial consoles and logs leave nothing on the host's disk
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import { consoleSocket } from '../../../src/drivers/index.ts';
import { imagesWithBackdoor, linksInLab } from '../../../src/lab/index.ts';
import { testUnless } from '../../obstacle.ts';
import { TALKS, type Talk, talkFiles, talkLine } from '../../system/leaks/gateway-talk.ts';
import { obey } from '../../system/leaks/knock.ts';
import {
  closedAndOpenAgain,
  download,
  foreignFrames,
  inside,
  journalMark,
  NONE,
  type Part,
  type Parts,
  partsOf,
  phasesSince,
  statusOf,
  tunnelFrames,
  until,
  vmgate,
} from '../../system/leaks/life-scene.ts';
import { openWithWork } from '../../system/leaks/persistent-start.ts';
import { type Program, stageForAll, stageImages } from '../../system/leaks/stage.ts';
import { noTerminal, onTerminal } from '../../system/leaks/terminal.ts';
import { live } from '../../unit/cli/hostile-text.ts';
import { buildProgram } from '../../unit/guard/build.ts';

jest.setTimeout(150_000);

/** The guard's deadline is at most 5 s ahead (P5). */
const DEADLINE_MS = 5_000;
const MIB = 1_048_576;
const FLOOD = 'timeout 2 yes flood >/dev/console & timeout 2 yes flood >/dev/kmsg &';
const LINES = [...TALKS.map(talkLine), FLOOD];

let program: Program;
let stage: Stage;
let mac: string;

stageForAll(
  async (folder) => ({
    images: await imagesWithBackdoor(await stageImages(), folder, LINES, await talkFiles()),
    attachment: 'wire',
  }),
  (opened, compiled) => {
    stage = opened;
    program = compiled;
  },
);

beforeAll(async () => {
  const guardEntry = await buildProgram(
    fileURLToPath(new URL('../../system/leaks/life-guard-moody.ts', import.meta.url)),
  );
  mac = linksInLab(stage.gate, [WORK_VM], stage.lab).uplink.mac;
  expect(await vmgate(stage, 'down')).toMatchObject({ code: 0 });
  await stage.supervise({ guardEntry });
  await openWithWork((...argv) => vmgate(stage, ...argv));
}, 400_000);

/** Most memory a process ever had, bytes. */
function peakMemory(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024;
}

/** Bytes of all files below; a socket has none. */
function bytesBelow(top: string): number {
  return readdirSync(top, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .reduce((sum, file) => sum + (existsSync(file) ? statSync(file).size : 0), 0);
}

const isOpen = async () => (await statusOf(stage)).phase === 'open';

/** In the work VM; again when the gate closed under it, as it may on a busy machine. */
async function insist(line: string): Promise<void> {
  const ran = () => inside(stage, line).then(() => true);
  await until('the line ran', () => ran().catch(() => false));
}

describe('what guests write', () => {
  let before: number;
  beforeAll(async () => {
    await until('the gate is open', isOpen);
    before = bytesBelow(stage.gate.folder);
  });

  test('case 73, anti-test: a flood comes out of a console that somebody reads', async () => {
    await insist('(timeout 10 yes flood >/dev/console) </dev/null >/dev/null 2>&1 &');
    const socket = net.connect(consoleSocket(stage.gate.work(WORK_VM)));
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    try {
      await until('twice what is kept of a console came out', () => bytes > 131_072, 20_000);
    } finally {
      socket.destroy();
    }
  });

  test('case 73: nobody reads it, and the gateway floods too: nothing on the disk', async () => {
    const { supervisor } = await partsOf(stage);
    const memory = peakMemory(supervisor);
    await obey(stage.lab, mac, LINES.indexOf(FLOOD) + 1);
    await delay(3_000);
    // The journal may tell of a gate that closed meanwhile.
    expect(bytesBelow(stage.gate.folder) - before).toBeLessThan(MIB);
    expect(peakMemory(supervisor) - memory).toBeLessThan(64 * MIB);
    await until('the gate is open', isOpen);
  });
});

describe('what an owned gateway says', () => {
  test('case 39, anti-test: until it is told to lie, it is believed', async () => {
    await until('the gate is open', isOpen);
    expect((await statusOf(stage)).verdicts.filter(({ outcome }) => outcome === 'refuted')).toEqual([]);
  });

  test.each<[Talk, RegExp]>([
    ['without end', /longer than \d+ bytes|not JSON|made no sense|took longer|gone/],
    ['a byte now and then', /took longer|no answer|not JSON|gone/],
    ['terminal escapes', /./],
  ])('case 39: %s: the gate closes and comes back with a fresh gateway', async (talk, why) => {
    await until('the gate is open', isOpen);
    const { supervisor, gateway, work } = await partsOf(stage);
    const memory = peakMemory(supervisor);
    const mark = journalMark(stage);
    await obey(stage.lab, mac, TALKS.indexOf(talk) + 1);
    await until('the gate closed', async () => {
      // The CLI answers all along.
      expect((await statusOf(stage)).supervisor?.pid).toBe(supervisor);
      return phasesSince(stage, mark).some(({ phase }) => phase === 'closing');
    });
    expect(await closedAndOpenAgain(stage, mark)).toMatch(why);
    const now = await partsOf(stage);
    expect(now).toMatchObject({ supervisor, work });
    expect(now.gateway).not.toBe(gateway);
    expect(peakMemory(supervisor) - memory).toBeLessThan(64 * MIB);
    expect(await foreignFrames(stage)).toEqual(NONE);
  });

  const seen = () => stage.vmgate(['logs', '-n', '500', '--json']);
  test('case 71, anti-test: the journal holds what would draw on a terminal', () => {
    const journal = readFileSync(stage.gate.journal, 'utf8');
    expect(live(journal).length).toBeGreaterThan(0);
  });

  const onEach = testUnless(noTerminal(), 'case 71 on a terminal');
  onEach.each([['logs', '-n', '500'], ['logs', '-n', '500', '--json'], ['status']])(
    'case 71: a terminal is shown it, harmless: %s',
    async (...argv) => {
      const main = path.join(program.dist, 'main.js');
      const env = { VMGATE_HOME: stage.home.root };
      const screen = await onTerminal([process.execPath, main, ...argv], env, stage.gate.folder);
      // A terminal's own line ends.
      expect(live(screen.replaceAll('\r\n', '\n'))).toEqual([]);
      if (argv[0] === 'logs') expect(screen).toMatch(/\\(x1b|u001b)/);
    },
  );

  test('case 71: and a pipe gets the same', async () => {
    const { stdout } = await seen();
    expect(live(stdout)).toEqual([]);
    expect(stdout).toContain('\\u001b');
  });
});

describe('who stands still', () => {
  let parts: Parts;
  const flows = async () => {
    const before = await tunnelFrames(stage);
    await until('the work VM downloads', async () => (await tunnelFrames(stage)) - before >= 20);
  };
  const hit = (part: Part, signal: NodeJS.Signals) => process.kill(parts[part], signal);
  const framesDuring = async (ms: number) => {
    const sum = async () => Object.values(await stage.lab.counts()).reduce((total, count) => total + count, 0);
    const before = await sum();
    await delay(ms);
    return (await sum()) - before;
  };
  const steady = async () => {
    await until('the gate is open', isOpen);
    await flows();
    parts = await partsOf(stage);
  };

  beforeAll(async () => {
    await until('the gate is open', isOpen);
    await insist(download());
  });

  test('case 64: the work VM frozen: the CLI answers, the gate stays or comes back, and it goes on', async () => {
    await steady();
    hit('work', 'SIGSTOP');
    // Longer than three pulses.
    await delay(6_000);
    await until('the gate is open', isOpen);
    expect(await foreignFrames(stage)).toEqual(NONE);
    hit('work', 'SIGCONT');
    await flows();
    expect(await partsOf(stage)).toMatchObject({ supervisor: parts.supervisor, work: parts.work });
  });

  test('case 64: the guard alive and deaf, under a flood: nothing leaves, the gate closes and comes back', async () => {
    await steady();
    const stream = 'ping -q -s 1400 -i 0.005 203.0.113.80';
    await insist(`for each in 1 2 3 4; do (timeout 20 ${stream}) </dev/null >/dev/null 2>&1 & done`);
    const mark = journalMark(stage);
    process.kill(parts.guard, 'SIGUSR2');
    // What it had read already is on its way.
    await until('nothing arrives any more', async () => (await framesDuring(300)) === 0, 5_000);
    expect(await framesDuring(1_000)).toBe(0);
    await until('the gate closed', async () => {
      expect((await statusOf(stage)).supervisor?.pid).toBe(parts.supervisor);
      return phasesSince(stage, mark).some(({ phase }) => phase === 'closing');
    });
    await closedAndOpenAgain(stage, mark);
    const now = await partsOf(stage);
    expect(now).toMatchObject({ supervisor: parts.supervisor, work: parts.work });
    expect(now.guard).not.toBe(parts.guard);
    await flows();
    expect(await foreignFrames(stage)).toEqual(NONE);
  });

  test('case 64: the supervisor frozen: nothing leaves past 5 s, the CLI says so, and it closes when it wakes', async () => {
    await steady();
    const mark = journalMark(stage);
    hit('supervisor', 'SIGSTOP');
    await delay(DEADLINE_MS);
    expect(await framesDuring(1_500)).toBe(0);
    expect(await vmgate(stage, 'status')).toMatchObject({ fault: 'GATE_SUPERVISOR_SILENT' });
    expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ fault: 'GATE_SUPERVISOR_SILENT' });
    hit('supervisor', 'SIGCONT');
    await closedAndOpenAgain(stage, mark);
    expect((await partsOf(stage)).work).toBe(parts.work);
    expect(await foreignFrames(stage)).toEqual(NONE);
  });

  test('case 64, anti-test: a guard without its deadline lets frames out past 5 s', async () => {
    await steady();
    process.kill(parts.guard, 'SIGHUP');
    hit('supervisor', 'SIGSTOP');
    await delay(DEADLINE_MS);
    expect(await framesDuring(1_500)).toBeGreaterThan(0);
    hit('guard', 'SIGKILL');
    hit('supervisor', 'SIGCONT');
  });
});
