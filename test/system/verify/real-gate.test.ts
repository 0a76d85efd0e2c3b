/** Whole runs against the real thing: what the fake gate of the unit tests claims about kernels and QEMU is true here. */
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Defence } from '../../../src/core/policy/index.ts';
import { LAB } from '../../../src/lab/index.ts';
import { type VerifyReport, verifyGate } from '../../../src/verify/index.ts';
import { type ConnectedGate, connectGate } from './connected-gate.ts';

jest.setTimeout(120_000);

let gate: ConnectedGate;

beforeAll(async () => {
  gate = await connectGate();
}, 300_000);
afterAll(() => gate.stop());

function outcomes({ verdicts }: VerifyReport): Record<string, string> {
  return Object.fromEntries(verdicts.map(({ check, outcome }) => [check, outcome]));
}

/** What to read when a test fails. */
function reasons({ verdicts }: VerifyReport): readonly string[] {
  return verdicts
    .filter(({ outcome }) => outcome !== 'verified' && outcome !== 'not asked')
    .map(({ check, outcome, summary, evidence }) => `${check} ${outcome}: ${summary}\n  ${evidence.join('\n  ')}`);
}

describe('a sound gate', () => {
  beforeEach(() => gate.reload());

  test('is verified in full, three times in a row', async () => {
    for (let run = 0; run < 3; run += 1) {
      const report = await verifyGate(gate.context, { mode: 'full', held: [] });
      expect(reasons(report)).toEqual([]);
      expect(report).toMatchObject({ allVerified: true, claim: { kind: 'round-trip' } });
    }
  });

  test('is verified in full while a work link keeps its lease', async () => {
    await gate.control.lease(['work0', 'probe0']);
    const report = await verifyGate(gate.context, { mode: 'full', held: ['work0'] });
    expect(reasons(report)).toEqual([]);
  });

  test('shows its exit address over https, asked by name', async () => {
    const exit = { url: `https://${LAB.siteName}/`, expect: [LAB.exit] };
    const report = await verifyGate({ ...gate.context, exit }, { mode: 'full', held: [] });
    expect(reasons(report)).toEqual([]);
    expect(report.claim).toEqual({ kind: 'address', address: LAB.exit });
  });

  test('keeps its pulse', async () => {
    await gate.control.lease(['probe0']);
    const report = await verifyGate(gate.context, { mode: 'cheap', held: [] });
    expect(reasons(report)).toEqual([]);
    expect(report.allVerified).toBe(true);
  });
});

describe('a VPN that dies', () => {
  beforeEach(() => gate.reload());

  test.each(['tunnel-silent', 'inside-silent', 'resolver-silent'] as const)('%s: nothing is claimed', async (fault) => {
    await gate.lab.fault(fault, true);
    try {
      const report = await verifyGate(gate.context, { mode: 'full', held: [] });
      expect(outcomes(report)).toMatchObject({ dns: 'unknown', ruleset: 'verified', uplink: 'verified' });
      expect(report).toMatchObject({ allVerified: false, claim: undefined });
    } finally {
      await gate.lab.fault(fault, false);
    }
  });
});

describe('a gate without one of its defences', () => {
  test.each<[Defence, string]>([
    ['lease', 'refuted'],
    // Behind these two stands another layer, and the canaries see that it holds: routes, reverse path checks.
    ['tunnel-only', 'verified'],
    ['source-pin', 'verified'],
  ])('%s: the ruleset tells, the canaries are %s', async (defence, canary) => {
    await gate.reload(defence);
    const report = await verifyGate(gate.context, { mode: 'full', held: [] });
    expect(outcomes(report)).toMatchObject({ ruleset: 'refuted', canary });
    expect(report).toMatchObject({ allVerified: false, claim: undefined });
  });
});
