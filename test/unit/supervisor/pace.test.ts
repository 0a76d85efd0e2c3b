import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { Pace } from '../../../src/supervisor/pace.ts';

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
});
afterEach(() => {
  jest.useRealTimers();
});

const answered = (ms: number) => new Promise<string>((resolve) => setTimeout(resolve, ms, 'facts'));

async function ask(pace: Pace, ms: number): Promise<void> {
  const asked = pace.by(answered(ms));
  await jest.advanceTimersByTimeAsync(ms);
  expect(await asked).toBe('facts');
}

/** Bytes that come through in a second, of as many as there is room for. */
async function passedInASecond(pace: Pace, brakes = 1): Promise<number> {
  let passed = 0;
  const all = Array.from({ length: brakes }, () => pace.brake());
  for (const brake of all) {
    brake.on('data', (chunk: Buffer) => {
      passed += chunk.length;
    });
    for (let chunks = 0; chunks < 400; chunks += 1) brake.write(Buffer.alloc(8_192));
  }
  for (let step = 0; step < 100; step += 1) {
    await jest.advanceTimersByTimeAsync(10);
    await new Promise(setImmediate);
  }
  for (const brake of all) brake.destroy();
  return passed;
}

test('what passes keeps the pace, however many connections there are', async () => {
  for (const brakes of [1, 4]) {
    const pace = new Pace();
    const passed = await passedInASecond(pace, brakes);
    expect(passed).toBeGreaterThan(pace.bytesPerSecond * 0.8);
    expect(passed).toBeLessThan(pace.bytesPerSecond * 1.3);
  }
});

test('it grows while questions are answered quickly and somebody has a use for it', async () => {
  const pace = new Pace();
  const first = pace.bytesPerSecond;
  await ask(pace, 100);
  expect(pace.bytesPerSecond).toBe(first);
  pace.brake().write('x');
  await ask(pace, 100);
  expect(pace.bytesPerSecond).toBeGreaterThan(first);
});

test('it is halved for every second that a question waits, before the answer is there', async () => {
  const pace = new Pace();
  const first = pace.bytesPerSecond;
  const asked = pace.by(answered(2_500));
  await jest.advanceTimersByTimeAsync(1_100);
  expect(pace.bytesPerSecond).toBe(first / 2);
  await jest.advanceTimersByTimeAsync(1_400);
  await asked;
  expect(pace.bytesPerSecond).toBe(first / 4);
  await ask(pace, 700);
  expect(pace.bytesPerSecond).toBe(first / 4);
});

test('it never stands still, and a question that fails leaves no clock behind', async () => {
  const pace = new Pace();
  const failed = pace.by(new Promise((_, reject) => setTimeout(reject, 60_000, new Error('late'))));
  failed.catch(() => undefined);
  await jest.advanceTimersByTimeAsync(60_000);
  await expect(failed).rejects.toThrow('late');
  expect(pace.bytesPerSecond).toBe(65_536);
  expect(jest.getTimerCount()).toBe(0);
});
