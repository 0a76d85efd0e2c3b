/** A work VM that boots is not spoken to before it says something. */
import { Duplex } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { answering } from '../../../src/supervisor/work-ready.ts';
import type { World } from '../../../src/supervisor/world.ts';
import { codeOf } from '../faults.ts';

const rhythm = { asked: 50, silent: 2_000, listen: 20 };

/** A VM whose card has a driver after `boots`, and whose ssh server is there at once then; milliseconds. */
function booting(boots: number, says = true) {
  const began = performance.now();
  const isUp = () => performance.now() - began > boots;
  const asked: number[] = [];
  const works = new Map([['dev', {}]]);
  const world = {
    works,
    session: {
      plan: { work: [{ workVm: 'dev', ifname: 'work0', guest: '10.213.0.2' }] },
      control: {
        counts: async () => ({ links: [{ ifname: 'work0', rxPackets: isUp() && says ? 3 : 2 }] }),
        dial: async () => {
          asked.push(performance.now() - began);
          if (!isUp()) throw new Error('no route to host');
          return Duplex.from(['SSH-2.0-x\r\n'].map((line) => Buffer.from(line)));
        },
      },
    },
  } as unknown as World;
  return { world, works, asked };
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

  test('that ends meanwhile is not waited for', async () => {
    const { world, works } = booting(60_000);
    setTimeout(() => works.clear(), 400);
    expect(await codeOf(answering(world, 'dev', true, signal, rhythm))).toBe('GATE_WORK_NOT_RUNNING');
  });
});
