import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Clocks, Deadline, type DisarmCause } from '../../../src/guard/deadline.ts';
import { MAX_ARM_MS } from '../../../src/guard/protocol.ts';

const START: Clocks = { monotonic: 1_000, wall: 1_700_000_000_000 };
let causes: DisarmCause[];
let deadline: Deadline;

beforeEach(() => {
  causes = [];
  deadline = new Deadline(START, (why) => causes.push(why));
});

/** `ms` after the start on both clocks, the wall clock off by `jump`. */
function at(ms: number, jump = 0): Clocks {
  return { monotonic: START.monotonic + ms, wall: START.wall + ms + jump };
}

test('passes nothing before it is armed', () => {
  expect(deadline.mayPass(at(0))).toBe(false);
});

describe('armed', () => {
  beforeEach(() => deadline.arm(1, at(4_500), at(0)));

  test('passes until the deadline, not at it', () => {
    expect(deadline.mayPass(at(4_499))).toBe(true);
    expect(deadline.remainingMs(at(4_000))).toBe(500);
    expect(deadline.mayPass(at(4_500))).toBe(false);
    expect(causes).toEqual(['deadline']);
  });

  test('pushing the deadline keeps it passing', () => {
    deadline.arm(1, at(8_500), at(4_000));
    expect(deadline.mayPass(at(8_499))).toBe(true);
    expect(causes).toEqual([]);
  });

  test('tells of its end once', () => {
    for (const ms of [5_000, 6_000, 7_000]) deadline.mayPass(at(ms));
    expect(causes).toEqual(['deadline']);
  });

  test('sleep: monotonic stood still, the wall clock did not', () => {
    expect(deadline.mayPass(at(100, 4_450))).toBe(false);
    expect(causes).toEqual(['deadline']);
  });

  test('a wall clock set back a little keeps nothing alive: the monotonic one ends it', () => {
    expect(deadline.mayPass(at(4_500, -4_900))).toBe(false);
    expect(causes).toEqual(['deadline']);
  });

  test.each([MAX_ARM_MS, -MAX_ARM_MS, 86_400_000])('a wall clock that jumps by %i ms ends it', (jump) => {
    expect(deadline.mayPass(at(10, jump))).toBe(false);
    expect(causes).toEqual(['clock-jump']);
  });

  test('after a jump an order of the same generation is void, a newer one counts', () => {
    const jump = 3_600_000;
    deadline.mayPass(at(10, jump));
    deadline.arm(1, at(4_000, jump), at(20, jump));
    expect(deadline.mayPass(at(30, jump))).toBe(false);
    deadline.arm(2, at(4_000, jump), at(40, jump));
    expect(deadline.mayPass(at(50, jump))).toBe(true);
  });

  test('a jump that nobody noticed before the next order is noticed then', () => {
    deadline.arm(1, at(4_000, -3_600_000), at(20, -3_600_000));
    expect(deadline.mayPass(at(30, -3_600_000))).toBe(false);
    expect(causes).toEqual(['clock-jump']);
  });

  test('an order from before a jump is not what makes the jump forgotten', () => {
    deadline.arm(1, at(4_000), at(20, -3_600_000));
    expect(deadline.mayPass(at(30, -3_600_000))).toBe(false);
    expect(causes).toEqual(['clock-jump']);
  });

  test('an order written before the wall clock was set back and read after it does not arm', () => {
    deadline.mayPass(at(10, -3_600_000));
    deadline.arm(2, at(4_000), at(20, -3_600_000));
    expect(deadline.mayPass(at(30, -3_600_000))).toBe(false);
  });

  test('an older generation does not push the deadline of a newer one', () => {
    deadline.arm(3, at(4_600), at(100));
    deadline.arm(2, at(5_000), at(200));
    expect(deadline.mayPass(at(4_700))).toBe(false);
  });

  test('an order written before a jump and read after it does not arm', () => {
    deadline.disarm('order');
    deadline.arm(2, at(4_000), at(20, 4_900));
    expect(deadline.mayPass(at(30, 4_900))).toBe(false);
  });

  test.each<DisarmCause>(['order', 'policy'])('after %s only a higher generation arms', (why) => {
    deadline.disarm(why);
    expect(causes).toEqual([why]);
    deadline.arm(1, at(4_000), at(10));
    deadline.arm(0, at(4_000), at(10));
    expect(deadline.armed).toBe(false);
    deadline.arm(2, at(4_000), at(10));
    expect(deadline.armed).toBe(true);
  });

  test('an order that comes after its own deadline changes nothing', () => {
    deadline.mayPass(at(4_600));
    deadline.arm(1, at(4_550), at(4_700));
    expect(deadline.armed).toBe(false);
    expect(deadline.mayPass(at(4_700))).toBe(false);
    expect(causes).toEqual(['deadline']);
  });
});

test.each([
  ['the wall clock', at(MAX_ARM_MS, -4_900)],
  ['the monotonic clock, as in sleep,', at(100, 4_950)],
])('no order reaches further on either clock: %s stays behind', (_, later) => {
  deadline.arm(1, at(3_600_000), at(0));
  expect(deadline.mayPass(later)).toBe(false);
});

test('no order reaches further than MAX_ARM_MS', () => {
  deadline.arm(1, at(3_600_000), at(0));
  expect(deadline.mayPass(at(MAX_ARM_MS - 1))).toBe(true);
  expect(deadline.mayPass(at(MAX_ARM_MS))).toBe(false);
});

test('whatever happens, it never passes more than MAX_ARM_MS after the last order, on either clock', () => {
  const event = fc.record({
    generation: fc.nat(4),
    order: fc.constantFrom('arm', 'disarm', 'ask'),
    forMs: fc.integer({ min: -10_000, max: 20_000 }),
    afterMs: fc.nat(8_000),
    jump: fc.constantFrom(0, 0, 0, 0, 6_000, -6_000, 3_000),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      const subject = new Deadline(START, () => {});
      let now = START;
      let lastArm: Clocks | undefined;
      for (const { generation, order, forMs, afterMs, jump } of events) {
        now = { monotonic: now.monotonic + afterMs, wall: now.wall + afterMs + jump };
        if (order === 'disarm') subject.disarm('order');
        if (order === 'arm') {
          subject.arm(generation, { monotonic: now.monotonic + forMs, wall: now.wall + forMs }, now);
          lastArm = now;
        }
        if (!subject.mayPass(now)) continue;
        expect(lastArm).toBeDefined();
        expect(now.monotonic - (lastArm?.monotonic ?? 0)).toBeLessThan(MAX_ARM_MS);
        expect(Math.abs(now.wall - (lastArm?.wall ?? 0))).toBeLessThan(2 * MAX_ARM_MS);
        expect(order).not.toBe('disarm');
      }
    }),
  );
});

describe('an end that no order moves', () => {
  const minutes = (count: number) => count * 60_000;

  /** Armed again and again until then, as a supervisor would. @returns when it passed last */
  function keptArmed(deadline: Deadline, from: number, to: number): number {
    let last = -1;
    for (let now = from; now <= to; now += 1_000) {
      deadline.arm(1 + now, at(now + 4_500), at(now));
      if (deadline.mayPass(at(now))) last = now;
    }
    return last;
  }

  test('nothing passes after it, however often it is armed; anti-test: without it everything does', () => {
    const causes: DisarmCause[] = [];
    const deadline = new Deadline(at(0), (why) => causes.push(why));
    deadline.limit(minutes(5), at(0));
    expect(keptArmed(deadline, 0, minutes(7))).toBe(minutes(5) - 1_000);
    expect(causes.at(-1)).toBe('portal');
    const endless = new Deadline(at(0), () => undefined);
    expect(keptArmed(endless, 0, minutes(7))).toBe(minutes(7));
  });

  test('another policy of the same kind buys no time; one of another kind lifts it', () => {
    const deadline = new Deadline(at(0), () => undefined);
    deadline.limit(minutes(5), at(0));
    deadline.limit(minutes(5), at(minutes(4)));
    expect(keptArmed(deadline, minutes(4), minutes(7))).toBe(minutes(5) - 1_000);
    deadline.limit(undefined, at(minutes(7)));
    expect(keptArmed(deadline, minutes(8), minutes(9))).toBe(minutes(9));
  });
});
