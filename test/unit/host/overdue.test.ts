import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { whenOverdue } from '../../../src/host/index.ts';

/** Nothing of this process runs: as if it had been stopped. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe('a deadline for somebody else', () => {
  test('passes', async () => {
    let isLate = false;
    whenOverdue(50, () => {
      isLate = true;
    });
    await delay(120);
    expect(isLate).toBe(true);
  });

  test('ends with the wait', async () => {
    let isLate = false;
    whenOverdue(50, () => {
      isLate = true;
    })();
    await delay(120);
    expect(isLate).toBe(false);
  });

  test('that was slept through begins anew', async () => {
    let isLate = false;
    whenOverdue(300, () => {
      isLate = true;
    });
    standStill(1_500);
    await delay(100);
    expect(isLate).toBe(false);
    await delay(500);
    expect(isLate).toBe(true);
  });
});
