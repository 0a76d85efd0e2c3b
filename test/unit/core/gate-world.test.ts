import { randomInt } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { step } from '../../../src/core/gate.ts';
import { MUTANTS } from './gate-mutants.ts';
import { chanceOf, GateWorld, type StepFunction } from './gate-world.ts';

const SCHEDULES = 20_000;
const FIRST = Number(process.env['VMGATE_SEED'] ?? randomInt(2 ** 31));

/** Mutants are played from the same schedule in every run: some are noticed once in 20,000, and a test must not depend on luck. */
const KNOWN = 1;

/** One schedule: troubled, then fair; every request must be answered, and `down` must come to its end. */
function play(machine: StepFunction, seed: number): void {
  const chance = chanceOf(seed);
  const world = new GateWorld(machine, chance);
  world.request((request) => ({ type: 'up', request, configChanged: false }));
  const length = 20 + chance() * 50;
  for (let turns = 0; turns < length && !world.isOver; turns += 1) {
    if (world.isIdle || chance() < 0.12) world.surprise();
    else world.advance();
  }
  world.trouble = 0;
  const open = () => [...world.asked].filter((request) => !world.answered.has(request));
  for (let turns = 0; turns < 400 && open().length > 0 && !world.isOver; turns += 1) world.advance();
  if (open().length > 0) throw new Error(`never answered: ${open().join()} while ${world.state.phase}`);
  if (world.isOver) return;
  world.request((request) => ({ type: 'down', request }));
  for (let turns = 0; turns < 200 && !world.isOver; turns += 1) world.advance();
  if (!world.isOver || open().length > 0) throw new Error(`no way down from ${world.state.phase}`);
}

/** The first of `count` schedules that shows something that must never be. */
function firstFault(machine: StepFunction, first: number, count: number): string | undefined {
  for (let seed = first; seed < first + count; seed += 1) {
    try {
      play(machine, seed);
    } catch (cause) {
      return `VMGATE_SEED=${seed}: ${cause instanceof Error ? cause.message : String(cause)}`;
    }
  }
  return undefined;
}

test(`${SCHEDULES} schedules of faults from seed ${FIRST}: never open unproven, never a request unanswered`, () => {
  expect(firstFault(step, FIRST, SCHEDULES)).toBeUndefined();
}, 60_000);

describe('the world notices a gate that', () => {
  test.each(MUTANTS)(
    '%s',
    (_, mutant) => {
      expect(firstFault(mutant, KNOWN, 5 * SCHEDULES)).toBeDefined();
    },
    60_000,
  );
});
