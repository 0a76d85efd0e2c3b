import { describe, expect, test } from '@jest/globals';
import { type Check, notAsked } from '../../../../src/core/checks/check.ts';
import { type ClockFacts, clockCheck } from '../../../../src/core/checks/clock.ts';
import { type DnsFacts, dnsCheck } from '../../../../src/core/checks/dns.ts';
import { type ImageFacts, imageCheck } from '../../../../src/core/checks/image.ts';
import { type RulesetFacts, rulesetCheck } from '../../../../src/core/checks/ruleset.ts';
import { sharpest } from '../../../../src/core/checks/snapshot.ts';
import { type UplinkFacts, uplinkCheck } from '../../../../src/core/checks/uplink.ts';
import { NOW, policy, quiet, snapshot } from './facts.ts';

type Row<F> = readonly [name: string, facts: F, outcome: string, mentions: string];

/** Every row: facts in, outcome out, and the words a reader needs to see why. */
function table<F>(check: Check<F>, rows: readonly Row<F>[]): void {
  describe(check.name, () => {
    test.each(rows)('%s', (_, facts, outcome, mentions) => {
      const opinion = check.judge(facts);
      expect([opinion.outcome, [opinion.summary, ...opinion.evidence].join('\n')]).toEqual([
        outcome,
        expect.stringContaining(mentions),
      ]);
      if (outcome !== 'verified') expect(opinion.remedy).not.toBe('');
    });
  });
}

const kernel = { name: 'kernel', digest: `sha256:${'a'.repeat(64)}`, bytes: 11_700_000 };
const base = { name: 'base', digest: `sha256:${'b'.repeat(64)}`, bytes: 7_000_000 };
const image: ImageFacts = {
  identity: 'sha256:1',
  recorded: 'sha256:1',
  recordedIn: 'recorded when it was built here',
  manifest: [kernel, base],
  booted: [kernel, base],
};

table<ImageFacts>(imageCheck, [
  ['the recorded image', image, 'verified', 'sha256:1'],
  ['nothing recorded', { ...image, recorded: undefined }, 'unknown', 'no digest was recorded'],
  ['another image', { ...image, identity: 'sha256:2' }, 'refuted', 'booted: sha256:2'],
  ['nothing said to be booted', { ...image, booted: [] }, 'unknown', 'which bytes'],
  ['a flipped layer', { ...image, booted: [kernel, { ...base, digest: 'sha256:0' }] }, 'refuted', 'base: sha256:0'],
  ['a part of another name', { ...image, booted: [kernel, { ...base, name: 'extra' }] }, 'refuted', 'extra'],
]);

const uplink: UplinkFacts = { counts: quiet, armed: true };

table<UplinkFacts>(uplinkCheck, [
  ['nothing foreign', uplink, 'verified', 'tunnel: 10 frames'],
  ['one foreign frame', { ...uplink, counts: { ...quiet, foreign: 1 } }, 'refuted', '1 frame tried'],
  ['foreign frames', { ...uplink, counts: { ...quiet, foreign: 2 } }, 'refuted', '2 frames tried'],
  ['a canary in an allowed frame', { ...uplink, counts: { ...quiet, canaries: 1 } }, 'refuted', '1 canary'],
  ['canaries', { ...uplink, counts: { ...quiet, canaries: 3 } }, 'refuted', '3 canaries'],
  ['a guard that passes nothing', { ...uplink, armed: false }, 'unknown', 'passes nothing'],
]);

const clock: ClockFacts = { snapshot: snapshot(), date: undefined };
const date = { headerMs: NOW - 1_000, receivedMs: NOW };

table<ClockFacts>(clockCheck, [
  ['the same time', clock, 'verified', 'agree'],
  ['the same time and date', { ...clock, date }, 'verified', 'exit server agree'],
  ['a guest ahead', { ...clock, snapshot: snapshot({ epochMs: NOW + 2_500 }) }, 'refuted', '2500 ms'],
  ['a guest behind', { ...clock, snapshot: snapshot({ epochMs: NOW - 2_500 }) }, 'refuted', '-2500 ms'],
  ['a slow answer', { ...clock, snapshot: { ...clock.snapshot, askedMs: NOW - 5_000 } }, 'unknown', 'too slowly'],
  [
    'a host a year off',
    { ...clock, date: { ...date, headerMs: NOW + 31_536_000_000 } },
    'refuted',
    "this machine's clock is wrong",
  ],
]);

const dns: DnsFacts = {
  name: '123.invalid',
  resolver: '10.66.0.1',
  answer: { rcode: 3, elapsedMs: 41 },
  strays: 0,
  tunnelFramesOut: 1,
  nonceSightings: 0,
};

table<DnsFacts>(dnsCheck, [
  ['NXDOMAIN through the tunnel', dns, 'verified', 'rcode 3'],
  ['an answer through the tunnel', { ...dns, answer: { rcode: 0, elapsedMs: 41 } }, 'verified', 'rcode 0'],
  ['a refusal', { ...dns, answer: { rcode: 5, elapsedMs: 41 } }, 'unknown', 'rcode 5'],
  ['silence', { ...dns, answer: undefined }, 'unknown', 'no answer'],
  ['answers of somebody else', { ...dns, answer: undefined, strays: 2 }, 'unknown', '2 answers with another id'],
  ['an answer without a tunnel frame', { ...dns, tunnelFramesOut: 0 }, 'refuted', 'without going through'],
  ['the nonce in clear', { ...dns, nonceSightings: 1 }, 'refuted', 'in clear'],
]);

const ruleset: RulesetFacts = { policy, snapshot: snapshot(), leased: ['work0'] };
const withLease = (ifname: string, expiresMs: number) => ({
  ...ruleset,
  snapshot: snapshot({ leases: [{ ifname, expiresMs }] }),
});

table<RulesetFacts>(rulesetCheck, [
  ['the compiled policy', ruleset, 'verified', 'open links: none'],
  ['the compiled policy and our lease', withLease('work0', 14_000), 'verified', 'open links: work0'],
  ['a lease nobody gave', withLease('work1', 14_000), 'refuted', 'work1'],
  ['a lease that never ends', withLease('work0', 86_400_000), 'refuted', '86400000 ms'],
  ['no ruleset at all', { ...ruleset, snapshot: snapshot({ ruleset: { nftables: [] } }) }, 'refuted', 'missing'],
  [
    'another table',
    {
      ...ruleset,
      snapshot: snapshot({
        ruleset: {
          nftables: [...ruleset.snapshot.facts.ruleset.nftables, { table: { family: 'ip6', name: 'x', handle: 9 } }],
        },
      }),
    },
    'refuted',
    'table ip6 x: not ours',
  ],
]);

test('of several looks the fastest one tells the time', () => {
  const slow = { ...snapshot(), askedMs: NOW - 5_000 };
  const fast = snapshot();
  expect([sharpest([slow]), sharpest([slow, fast]), sharpest([fast, slow])]).toEqual([slow, fast, fast]);
});

test('what was not asked carries no evidence and says how to ask', () => {
  expect(notAsked('no', 'ask')).toEqual({ outcome: 'not asked', summary: 'no', evidence: [], remedy: 'ask' });
});
