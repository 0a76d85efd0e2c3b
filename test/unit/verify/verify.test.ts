import { afterEach, describe, expect, jest, test } from '@jest/globals';
import type { Verdict } from '../../../src/core/verdict.ts';
import { type VerifyReport, verifyGate } from '../../../src/verify/index.ts';
import { policy } from '../core/checks/facts.ts';
import { contextOf, outcomes, verdict } from './contexts.ts';
import { FakeGate, type Fault } from './fake-gate.ts';

afterEach(() => {
  jest.useRealTimers();
});

/** Lets deadlines pass at once; whoever answers does so on real ticks, as ever. */
async function inHaste(run: () => Promise<VerifyReport>): Promise<VerifyReport> {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance'] });
  let report: VerifyReport | undefined;
  const running = run().then((value) => {
    report = value;
  });
  while (report === undefined) {
    for (let tick = 0; tick < 50; tick += 1) await new Promise(setImmediate);
    await jest.advanceTimersByTimeAsync(100);
  }
  await running;
  return report;
}

describe('a full verification', () => {
  test('of a healthy gate verifies everything and claims the round trip', async () => {
    const gate = new FakeGate();
    const report = await verifyGate(contextOf(gate), { mode: 'full', held: [] });
    expect(outcomes(report)).toEqual({
      image: 'verified',
      ruleset: 'verified',
      routes: 'verified',
      tunnel: 'verified',
      dns: 'verified',
      exit: 'not asked',
      canary: 'verified',
      uplink: 'verified',
      clock: 'verified',
    });
    expect(report).toMatchObject({ allVerified: true, claim: { kind: 'round-trip' } });
  });

  test('sends closed canaries before any lease exists, and asks only afterwards', async () => {
    const gate = new FakeGate();
    await verifyGate(contextOf(gate), { mode: 'full', held: [] });
    expect(gate.log).toEqual(['facts', 'counts', 'lease probe0 tun0', 'dns NONCE.invalid', 'counts']);
  });

  test('takes an old lease of the probe link away first, and keeps those of open work links', async () => {
    const gate = new FakeGate();
    gate.leases.add('probe0').add('work0');
    const report = await verifyGate(contextOf(gate), { mode: 'full', held: ['work0'] });
    expect(gate.log.slice(0, 5)).toEqual(['facts', 'lease work0', 'facts', 'counts', 'lease work0 probe0 tun0']);
    expect(report.allVerified).toBe(true);
  });

  test('sends closed canaries again when the gateway itself disturbed the first', async () => {
    const gate = new FakeGate('ends a connection of its own late');
    const report = await verifyGate(contextOf(gate), { mode: 'full', held: [] });
    expect(gate.log.slice(0, 4)).toEqual(['facts', 'counts', 'counts', 'lease probe0 tun0']);
    expect(report.allVerified).toBe(true);
  });

  test('tells the guard a fresh token each time and takes it back', async () => {
    const gate = new FakeGate();
    const context = contextOf(gate);
    await verifyGate(context, { mode: 'full', held: [] });
    await verifyGate(context, { mode: 'cheap', held: [] });
    const [first, none, second, noneAgain] = gate.watched;
    expect([none, noneAgain]).toEqual([[], []]);
    expect(first).toEqual([expect.stringMatching(/^(3\d){18}$/)]);
    expect(second).not.toEqual(first);
  });

  test.each<[Fault, Verdict['check'], string, string]>([
    ['forwards without lease', 'canary', 'refuted', 'without a lease reaches the tunnel'],
    ['answers DNS without lease', 'canary', 'refuted', 'answers a link that has no lease'],
    ['speaks by itself all the time', 'canary', 'refuted', 'while every link is closed'],
    ['never counts', 'canary', 'unknown', 'prove nothing'],
    ['copies tokens to the uplink', 'canary', 'refuted', 'in clear'],
    ['copies tokens to the uplink', 'uplink', 'refuted', 'no rule allows'],
    ['sends tokens inside allowed frames', 'canary', 'refuted', 'in clear'],
    ['sends tokens inside allowed frames', 'dns', 'refuted', 'in clear'],
    ['forwards forged sources', 'canary', 'refuted', 'forwards what it has to drop'],
    ['drops what belongs into the tunnel', 'canary', 'unknown', 'belongs into the tunnel'],
    ['deaf after the first question', 'canary', 'unknown', 'prove nothing'],
    ['answers DNS by itself', 'dns', 'refuted', 'without going through the tunnel'],
    ['resolver fails', 'dns', 'unknown', 'refused or failed'],
    ['refuses leases', 'dns', 'unknown', 'gave probe0 no lease'],
    ['refuses leases', 'canary', 'unknown', 'with an open probe link were not sent'],
    ['another boot', 'ruleset', 'unknown', 'another boot'],
  ])('%s: %s is %s', async (fault, check, outcome, mentions) => {
    const report = await inHaste(() => verifyGate(contextOf(new FakeGate(fault)), { mode: 'full', held: [] }));
    expect(verdict(report, check)).toMatchObject({ outcome, summary: expect.stringContaining(mentions) });
    expect(report).toMatchObject({ allVerified: false, claim: undefined });
  });

  test.each<[Fault, string]>([
    ['resolver answers with another id', '4 answers with another id'],
    ['resolver answers another name', '4 answers with another id'],
    ['resolver is silent', 'no answer'],
  ])('%s: dns is unknown', async (fault, mentions) => {
    const report = await inHaste(() => verifyGate(contextOf(new FakeGate(fault)), { mode: 'full', held: [] }));
    expect(verdict(report, 'dns')).toMatchObject({
      outcome: 'unknown',
      evidence: expect.arrayContaining([expect.stringContaining(mentions)]),
    });
    expect(report.claim).toBeUndefined();
  });

  test('without a gateway on the probe link all that needs it is unknown, and the next run stands up anew', async () => {
    const gate = new FakeGate('deaf on the probe link');
    const context = contextOf(gate);
    const report = await inHaste(() => verifyGate(context, { mode: 'full', held: [] }));
    expect(outcomes(report)).toEqual({
      image: 'verified',
      ruleset: 'unknown',
      routes: 'unknown',
      tunnel: 'unknown',
      dns: 'unknown',
      exit: 'unknown',
      canary: 'unknown',
      uplink: 'verified',
      clock: 'unknown',
    });
    expect(verdict(report, 'canary').evidence).toEqual(['VERIFY_PROBE_SILENT']);
    await inHaste(() => verifyGate(context, { mode: 'cheap', held: [] }));
    expect(gate.openWires).toBe(2);
  });

  test('a guard that does not answer leaves nothing verified but the image', async () => {
    const gate = new FakeGate();
    const guard = { ...gate.guard, sync: () => Promise.reject(new Error('GUARD_SILENT')) };
    const report = await verifyGate(contextOf(gate, { guard }), { mode: 'full', held: [] });
    expect(verdict(report, 'uplink')).toMatchObject({ outcome: 'unknown', evidence: ['Error: GUARD_SILENT'] });
    expect(report.allVerified).toBe(false);
  });

  test('a gateway made for a policy without tunnel has nothing to verify', async () => {
    const report = await verifyGate(contextOf(new FakeGate(), { policy: { ...policy, tunnel: undefined } }), {
      mode: 'full',
      held: [],
    });
    expect(verdict(report, 'tunnel').evidence).toEqual(['VERIFY_NO_TUNNEL']);
    expect(report.allVerified).toBe(false);
  });
});

describe('stopping', () => {
  test('makes what was not settled unknown at once', async () => {
    const stop = new AbortController();
    const gate = new FakeGate('resolver is silent');
    const running = verifyGate(contextOf(gate), { mode: 'full', held: [], signal: stop.signal });
    setImmediate(() => stop.abort());
    const report = await running;
    expect(verdict(report, 'dns').evidence).toEqual(['VERIFY_STOPPED']);
    expect(report.allVerified).toBe(false);
  });

  test('before it began verifies nothing', async () => {
    const report = await verifyGate(contextOf(new FakeGate()), {
      mode: 'cheap',
      held: [],
      signal: AbortSignal.abort(),
    });
    expect(new Set(Object.values(outcomes(report)))).toEqual(new Set(['unknown', 'verified']));
    expect(verdict(report, 'uplink').outcome).toBe('verified');
  });
});

describe('the pulse', () => {
  test('is one look and one round trip on a station that stays', async () => {
    const gate = new FakeGate();
    gate.leases.add('probe0').add('work0');
    const context = contextOf(gate);
    for (let pulse = 0; pulse < 3; pulse += 1) {
      const report = await verifyGate(context, { mode: 'cheap', held: ['work0'] });
      expect(outcomes(report)).toEqual({
        ruleset: 'verified',
        routes: 'verified',
        tunnel: 'verified',
        dns: 'verified',
        uplink: 'verified',
      });
      expect(report).toMatchObject({ allVerified: true, claim: undefined });
    }
    expect(gate.openWires).toBe(1);
    expect(gate.log.filter((entry) => entry === 'facts')).toHaveLength(3);
    expect(gate.log.some((entry) => entry.startsWith('lease'))).toBe(false);
  });

  test('finds a lease nobody gave', async () => {
    const gate = new FakeGate();
    gate.leases.add('probe0').add('work0');
    const report = await verifyGate(contextOf(gate), { mode: 'cheap', held: [] });
    expect(verdict(report, 'ruleset')).toMatchObject({ outcome: 'refuted', evidence: ['work0'] });
    expect(report.allVerified).toBe(false);
  });

  test('finds a flushed ruleset', async () => {
    const gate = new FakeGate();
    gate.leases.add('probe0');
    gate.overrides = { ruleset: { nftables: [] } };
    const report = await verifyGate(contextOf(gate), { mode: 'cheap', held: [] });
    expect(verdict(report, 'ruleset').outcome).toBe('refuted');
  });

  test('finds a tunnel that no longer answers', async () => {
    const gate = new FakeGate('resolver is silent');
    gate.leases.add('probe0');
    const report = await inHaste(() => verifyGate(contextOf(gate), { mode: 'cheap', held: [] }));
    expect(outcomes(report)).toMatchObject({ dns: 'unknown', ruleset: 'verified' });
    expect(report.allVerified).toBe(false);
  });

  test('finds a guard that passes nothing', async () => {
    const gate = new FakeGate();
    gate.leases.add('probe0');
    gate.armed = false;
    const report = await verifyGate(contextOf(gate), { mode: 'cheap', held: [] });
    expect(verdict(report, 'uplink').outcome).toBe('unknown');
  });
});
