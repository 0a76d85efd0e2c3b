import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { occur } from '../../../src/core/coded.ts';
import type { Phase } from '../../../src/core/gate/state.ts';
import type { Notification } from '../../../src/host/index.ts';
import { events } from '../../../src/supervisor/codes.ts';
import { Herald } from '../../../src/supervisor/herald.ts';

const CALM_MS = 5_000;

let shown: Notification[];
let failures: string[];
let herald: Herald;
let answer: string | undefined;
beforeEach(() => {
  jest.useFakeTimers();
  shown = [];
  failures = [];
  answer = undefined;
  const notify = (notification: Notification) => {
    shown.push(notification);
    return Promise.resolve(answer);
  };
  herald = new Herald(notify, (why) => failures.push(why));
});
afterEach(() => {
  jest.useRealTimers();
});

function become(...phases: readonly (Phase | readonly [Phase, string])[]): void {
  for (const each of phases) {
    const [phase, why] = typeof each === 'string' ? [each, ''] : each;
    const claim = phase === 'open' ? { claim: { kind: 'address', address: '203.0.113.9' } as const } : {};
    herald.observe(occur(events.GATE_PHASE, { gate: 'acme', phase, why, ...claim }));
  }
}
const titles = () => shown.map(({ title }) => title);
const LOST = ['closing', 'the tunnel is lost'] as const;

test('open, lost, open again: one each, with the exit and the reason', async () => {
  become('booting', 'connecting', 'verifying', 'open');
  await jest.advanceTimersByTimeAsync(60_000);
  become(LOST, ['closed', 'the tunnel is lost'], 'connecting', LOST, ['closed', 'the tunnel is lost'], 'connecting');
  await jest.advanceTimersByTimeAsync(60_000);
  become('verifying', 'open');
  expect(shown).toEqual([
    { title: 'vmgate: gate acme is open', body: 'Proven: exit address 203.0.113.9', urgent: false },
    { title: 'vmgate: gate acme closed', body: 'the tunnel is lost. It tries again by itself.', urgent: false },
    { title: 'vmgate: gate acme is open', body: 'Proven: exit address 203.0.113.9', urgent: false },
  ]);
});

test('a close that was asked for is no news, the next opening is', async () => {
  become('open');
  await jest.advanceTimersByTimeAsync(CALM_MS);
  become('closing', 'stopping');
  await jest.advanceTimersByTimeAsync(CALM_MS);
  become('booting', 'open');
  expect(titles()).toEqual(['vmgate: gate acme is open', 'vmgate: gate acme is open']);
});

test('a gate that never opened closes in silence', async () => {
  become('booting', 'connecting', LOST, 'closed');
  await jest.advanceTimersByTimeAsync(60_000);
  expect(shown).toEqual([]);
});

test('one that comes and goes shows where it ended up', async () => {
  become('open');
  for (let turn = 0; turn < 20; turn += 1) {
    become(LOST, 'connecting', 'open');
    await jest.advanceTimersByTimeAsync(200);
  }
  await jest.advanceTimersByTimeAsync(60_000);
  expect(titles()).toEqual(['vmgate: gate acme is open']);
  become(LOST);
  become('connecting', 'open', LOST);
  await jest.advanceTimersByTimeAsync(60_000);
  expect(titles()).toEqual(['vmgate: gate acme is open', 'vmgate: gate acme closed']);
});

test('a violation waits for nothing', () => {
  become('open', ['closing', 'UDP to 8.8.8.8:53'], ['violated', 'UDP to 8.8.8.8:53']);
  expect(shown.at(-1)).toMatchObject({ title: 'vmgate: gate acme is VIOLATED', urgent: true });
  become(['violated', 'again']);
  expect(titles().filter((title) => title.includes('VIOLATED'))).toHaveLength(1);
});

describe('a desktop that shows nothing', () => {
  test('is told of once', async () => {
    answer = 'notify-send is not installed';
    for (let turn = 0; turn < 5; turn += 1) {
      become('open');
      await jest.advanceTimersByTimeAsync(60_000);
      become(LOST);
      await jest.advanceTimersByTimeAsync(60_000);
    }
    expect(shown.length).toBeGreaterThan(5);
    expect(failures).toEqual(['notify-send is not installed']);
  });
});

test('what is still to be shown when the supervisor ends is not', async () => {
  become('open');
  become(LOST);
  herald.close();
  await jest.advanceTimersByTimeAsync(60_000);
  expect(titles()).toEqual(['vmgate: gate acme is open']);
});
