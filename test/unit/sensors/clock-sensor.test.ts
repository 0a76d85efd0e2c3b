import { describe, expect, test } from '@jest/globals';
import { ClockSensor, hostClocks, type Moment } from '../../../src/sensors/clock-sensor.ts';

const LIMITS = { stillMs: 4_500, jumpMs: 5_000 };
const START: Moment = { monotonicMs: 1_000_000, wallMs: 1_790_000_000_000, upMs: 1_000_000 };
const SECOND = 1_000;

/** A sensor, and a machine whose clocks a test moves by hand. */
function machine() {
  let now = START;
  const sensor = new ClockSensor(LIMITS, () => now);
  const pass = (monotonicMs: number, wallMs = monotonicMs, upMs = monotonicMs) => {
    now = { monotonicMs: now.monotonicMs + monotonicMs, wallMs: now.wallMs + wallMs, upMs: now.upMs + upMs };
    return sensor.look()?.what;
  };
  return pass;
}

describe('time that passed without this process', () => {
  test.each<[string, readonly [number, number, number], string]>([
    ['Linux slept: its monotonic clock stood still', [20, 3_600_020, 3_600_020], 'this machine slept for 3600 s'],
    ['the time since the start is known to a second only', [20, 6_020, 5_500], 'this machine slept for 5 s'],
    ['a sleep after which the clock was set back by as much', [20, 20, 60_020], 'this machine slept for 60 s'],
    [
      'the processes were stopped',
      [60_000, 60_000, 60_000],
      'vmgate did not run for 60 s: the machine slept, or had no time for it',
    ],
    ['NTP, or a person', [1_000, 91_000, 1_000], 'the clock of this machine was set ahead by 90 s'],
    ['a person', [1_000, -3_599_000, 1_000], 'the clock of this machine was set back by 3600 s'],
  ])('%s', (_, [monotonic, wall, up], told) => {
    const pass = machine();
    expect(pass(SECOND)).toBeUndefined();
    expect(pass(monotonic, wall, up)).toBe(told);
    // Said once.
    expect(pass(SECOND)).toBeUndefined();
  });

  test.each<[string, readonly [number, number, number]]>([
    ['a busy second', [4_400, 4_400, 4_400]],
    ['a step of NTP within the guard’s bounds', [1_000, 5_900, 1_000]],
    ['a nap that is shorter than the guard’s deadline', [1_000, 5_500, 5_500]],
    ['a clock of seconds that rounds', [1_000, 1_000, 2_000]],
  ])('%s is nothing', (_, [monotonic, wall, up]) => {
    expect(machine()(monotonic, wall, up)).toBeUndefined();
  });

  test('a clock that is slewed for a week never adds up to a jump', () => {
    const pass = machine();
    const told = new Set<string | undefined>();
    for (let second = 0; second < 604_800; second += 1) told.add(pass(1_000, 1_000.5, 1_000));
    expect([...told]).toEqual([undefined]);
  });

  test('this machine, now: nothing', () => {
    const sensor = new ClockSensor(LIMITS);
    expect(sensor.look()).toBeUndefined();
    const { monotonicMs, wallMs, upMs } = hostClocks();
    for (const clock of [monotonicMs, wallMs, upMs]) expect(clock).toBeGreaterThan(0);
  });
});
