import { describe, expect, test } from '@jest/globals';
import { step } from '../../../src/core/gate.ts';
import { MUTANTS } from './gate-mutants.ts';
import { PROMISES } from './gate-promises.ts';
import { walk } from './gate-walk.ts';

/** The walk takes seconds of one core, which a machine that runs VMs meanwhile may not have. */
const PATIENCE_MS = 120_000;

test(
  'every state the gate can reach keeps every promise',
  () => {
    const { states, turns, transitions, broken } = walk(step);
    process.stderr.write(`gate: ${states} states, ${turns} turns, ${transitions.length} transitions between phases\n`);
    expect([...broken]).toEqual([]);
    // Less would mean that something cannot happen any more, and then nothing was proved of it.
    expect(states).toBeGreaterThan(5_000);
    expect(new Set(transitions.flatMap(({ from, to }) => [from, to])).size).toBe(12);
  },
  PATIENCE_MS,
);

test(
  'so does every state of a gate with two VPN profiles',
  () => {
    const { states, turns, broken } = walk(step, undefined, ['office', 'home']);
    process.stderr.write(`gate with two VPN profiles: ${states} states, ${turns} turns\n`);
    expect([...broken]).toEqual([]);
    // More than with one: both were used, and failed.
    expect(states).toBeGreaterThan(1_000);
  },
  PATIENCE_MS,
);

describe('the walk finds what is wrong with a gate that', () => {
  test.each(MUTANTS)(
    '$defect',
    ({ breaks: [promise], machine, profiles }) => {
      const { broken } = walk(machine, promise, profiles);
      expect([...broken.keys()]).toContain(promise);
    },
    PATIENCE_MS,
  );
});

test('there is a defect for every promise', () => {
  expect(new Set(MUTANTS.map(({ breaks: [promise] }) => promise))).toEqual(new Set(Object.keys(PROMISES)));
});
