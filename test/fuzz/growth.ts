/**
 * Twice the input, twice the time: quadratic reading is how a small file stops a program. Measured in this process's
 * own CPU time, so that a busy machine does not matter.
 */
import { expect, test } from '@jest/globals';

/** Below this everything is noise. */
const FLOOR_MS = 150;
const STEP = 4;
/** Between linear (4) and quadratic (16). */
const TOO_STEEP = 10;

/** `make(n)`: an input whose size grows with `n`. Compared: `largest / 4` with `largest`, which must fit any bound of the reader. */
export function growsLinearly<T>(
  name: string,
  largest: number,
  make: (n: number) => T,
  read: (input: T) => unknown,
): void {
  test(`${name}: time grows no faster than the input`, async () => {
    const [small, large] = [make(Math.floor(largest / STEP)), make(largest)];
    const quick = Math.min(await cpuMs(read, small), await cpuMs(read, small), await cpuMs(read, small));
    let slow = await cpuMs(read, large);
    if (slow > FLOOR_MS) slow = Math.min(slow, await cpuMs(read, large), await cpuMs(read, large));
    expect(slow).toBeLessThan(Math.max(FLOOR_MS, quick * TOO_STEEP));
  }, 120_000);
}

async function cpuMs<T>(read: (input: T) => unknown, input: T): Promise<number> {
  const before = process.cpuUsage();
  await read(input);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
