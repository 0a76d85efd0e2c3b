import { describe, expect, test } from '@jest/globals';
import { step } from '../../../src/core/gate.ts';
import { generatedPart, textOf } from '../docs/documents.ts';
import { stateDiagram } from '../docs/from-gate.ts';
import { MUTANTS } from './gate-mutants.ts';
import { PROMISES } from './gate-promises.ts';
import { type Walk, walk } from './gate-walk.ts';

/** The walk takes seconds of one core, which a machine that runs VMs meanwhile may not have. */
const PATIENCE_MS = 120_000;

let walked: Walk | undefined;
/** Of the gate as it is: half a minute, so once. */
function wholeWalk(): Walk {
  walked ??= walk(step);
  return walked;
}

test(
  'every state the gate can reach keeps every promise',
  () => {
    const { states, turns, transitions, broken } = wholeWalk();
    process.stderr.write(`gate: ${states} states, ${turns} turns, ${transitions.length} transitions between phases\n`);
    expect([...broken]).toEqual([]);
    // Less would mean that something cannot happen any more, and then nothing was proved of it.
    expect(states).toBeGreaterThan(5_000);
    expect(new Set(transitions.flatMap(({ from, to }) => [from, to])).size).toBe(12);
  },
  PATIENCE_MS,
);

describe('the life of a gate that docs/architecture.md tells', () => {
  test(
    'is the one that was walked',
    () => {
      const fresh = stateDiagram(wholeWalk().transitions);
      expect(fresh.length).toBeGreaterThan(500);
      expect(generatedPart('docs/architecture.md', 'life of a gate', fresh)).toBe(fresh);
    },
    PATIENCE_MS,
  );

  test(
    'holds: only a judgement opens, and every open gate closes first',
    () => {
      const all = wholeWalk().transitions;
      expect(all.filter(({ to }) => to === 'open')).toEqual([{ from: 'verifying', to: 'open', on: ['all verified'] }]);
      expect(all.filter(({ from }) => from === 'open').map(({ to }) => to)).toEqual(['closing']);
      expect(all.find(({ from }) => from === 'violated')).toMatchObject({
        to: 'booting',
        on: ['up', 'up with a changed file'],
      });
      for (const phase of new Set(all.flatMap(({ from, to }) => [from, to]))) {
        expect(textOf('docs/architecture.md')).toContain(`\`${phase}\``);
      }
    },
    PATIENCE_MS,
  );
});

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
