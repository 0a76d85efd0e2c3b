/** A work VM that boots is not spoken to before it says something. */
import { Duplex } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { answering } from '../../../src/supervisor/work-ready.ts';
import type { World } from '../../../src/supervisor/world.ts';
import { codeOf } from '../faults.ts';

const rhythm = { asked: 50, silent: 2_000, listen: 20 };

/** What the gateway takes to answer. */
const COUNTS_MS = 10;

/** A VM whose card has a driver after `boots`, and whose ssh server is there at once then; milliseconds. */
function booting(boots: number, says = true, names: readonly string[] = ['dev']) {
  const began = performance.now();
  const isUp = () => performance.now() - began > boots;
  const asked: number[] = [];
  const listened = { times: 0, now: 0, most: 0 };
  const works = new Map(names.map((name) => [name, {}]));
  const world = {
    works,
    session: {
      plan: { work: names.map((workVm, n) => ({ workVm, ifname: `work${n}`, guest: `10.213.0.${n + 2}` })) },
      control: {
        counts: async () => {
          listened.times += 1;
          listened.now += 1;
          listened.most = Math.max(listened.most, listened.now);
          await new Promise((resolve) => setTimeout(resolve, COUNTS_MS));
          listened.now -= 1;
          return { links: names.map((_, n) => ({ ifname: `work${n}`, rxPackets: isUp() && says ? 3 : 2 })) };
        },
        dial: async () => {
          asked.push(performance.now() - began);
          if (!isUp()) throw new Error('no route to host');
          return Duplex.from(['SSH-2.0-x\r\n'].map((line) => Buffer.from(line)));
        },
      },
    },
  } as unknown as World;
  return { world, works, asked, listened };
}

const { signal } = new AbortController();

describe('a work VM that was started', () => {
  test('is asked at first, then listened to, and asked again once it said something', async () => {
    const { world, asked } = booting(700);
    await answering(world, 'dev', true, signal, rhythm);
    expect(asked.filter((at) => at > rhythm.asked + 300 && at < 690)).toEqual([]);
    expect(asked.at(-1)).toBeGreaterThan(690);
  });

  test('that says nothing by itself is asked all the same', async () => {
    const { world, asked } = booting(600, false);
    await answering(world, 'dev', true, signal, { ...rhythm, silent: 800 });
    expect(asked.at(-1)).toBeGreaterThan(790);
  });

  test('is listened to by the same questions as seven others', async () => {
    const names = Array.from({ length: 8 }, (_, n) => `dev${n}`);
    const { world, listened } = booting(700, true, names);
    await Promise.all(names.map((name) => answering(world, name, true, signal, rhythm)));
    expect(listened.most).toBe(1);
    expect(listened.times).toBeLessThanOrEqual(Math.ceil(800 / (rhythm.listen + COUNTS_MS)) + 1);
  });

  test('that ends meanwhile is not waited for', async () => {
    const { world, works } = booting(60_000);
    setTimeout(() => works.clear(), 400);
    expect(await codeOf(answering(world, 'dev', true, signal, rhythm))).toBe('GATE_WORK_NOT_RUNNING');
  });
});
