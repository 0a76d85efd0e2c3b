import { describe, expect, test } from '@jest/globals';
import { failing, mayOpen, mayRenew, PULSE_CHECKS } from '../../../src/core/opening.ts';
import { type CheckName, type Claim, GATE_CHECKS, type Outcome, type Verdict } from '../../../src/core/verdict.ts';
import { verdict } from './gate-answers.ts';

const ADDRESS: Claim = { kind: 'address', address: '203.0.113.7' };
const ROUND_TRIP: Claim = { kind: 'round-trip' };
const OTHERS: readonly Outcome[] = ['refuted', 'unknown', 'not asked'];

function all(checks: readonly CheckName[], changed?: CheckName, outcome?: Outcome): readonly Verdict[] {
  return checks.map((check) => verdict(check, check === changed ? outcome : 'verified'));
}

describe('mayOpen', () => {
  test('every check verified, with a claim', () => {
    expect(mayOpen(all(GATE_CHECKS), ADDRESS)).toBe(true);
    expect(mayOpen(all(GATE_CHECKS), undefined)).toBe(false);
    expect(mayOpen([], ADDRESS)).toBe(false);
  });

  test.each(GATE_CHECKS.flatMap((check) => OTHERS.map((outcome) => [check, outcome] as const)))(
    '%s %s keeps it closed, but for an exit that was not asked and is not claimed',
    (check, outcome) => {
      const verdicts = all(GATE_CHECKS, check, outcome);
      expect(mayOpen(verdicts, ADDRESS)).toBe(false);
      expect(mayOpen(verdicts, ROUND_TRIP)).toBe(check === 'exit' && outcome === 'not asked');
    },
  );

  test.each(GATE_CHECKS)('%s missing or told twice keeps it closed', (check) => {
    const rest = all(GATE_CHECKS.filter((other) => other !== check));
    expect(mayOpen(rest, ROUND_TRIP)).toBe(false);
    expect(mayOpen([...rest, verdict(check), verdict(check)], ROUND_TRIP)).toBe(false);
    expect(mayOpen([...rest, verdict(check), verdict(check, 'refuted')], ROUND_TRIP)).toBe(false);
  });
});

describe('mayRenew', () => {
  test('every pulse check verified', () => {
    expect(mayRenew(all(PULSE_CHECKS))).toBe(true);
    expect(mayRenew([])).toBe(false);
  });

  test.each(PULSE_CHECKS)('%s refuted, unknown, not asked, missing or told twice ends it', (check) => {
    for (const outcome of OTHERS) expect(mayRenew(all(PULSE_CHECKS, check, outcome))).toBe(false);
    const rest = all(PULSE_CHECKS.filter((other) => other !== check));
    expect(mayRenew(rest)).toBe(false);
    expect(mayRenew([...rest, verdict(check), verdict(check)])).toBe(false);
  });
});

test('what stands in the way is what was refuted or is unknown', () => {
  const verdicts = [
    verdict('image'),
    verdict('dns', 'unknown'),
    verdict('exit', 'not asked'),
    verdict('uplink', 'refuted'),
  ];
  expect(failing(verdicts).map(({ check }) => check)).toEqual(['dns', 'uplink']);
});
