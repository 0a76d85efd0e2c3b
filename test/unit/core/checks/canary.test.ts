import { describe, expect, test } from '@jest/globals';
import { type CanaryFacts, type CanaryPhase, canaryCheck, disturbed } from '../../../../src/core/checks/canary.ts';
import { type Canary, planCanaries } from '../../../../src/core/checks/canary-plan.ts';
import type { Snapshot } from '../../../../src/core/checks/snapshot.ts';
import type { FrameCounts } from '../../../../src/guard/protocol.ts';
import { healthyFacts, plan, policy, quiet, snapshot, tunnel, tunnelAddresses } from './facts.ts';

const canaries = planCanaries(policy, plan, tunnelAddresses);
const opened = canaries.filter(({ fate }) => fate !== 'answered');
const must = opened.filter(({ fate }) => fate === 'tunnel').length;
const may = opened.filter(({ fate }) => fate === 'either').length;
const sixes = canaries.filter(({ kind }) => kind.protocol === 'udp6').length;

function counted(rx: number, probeRx: number, probeToTunnel: number, toTunnel = probeToTunnel): Snapshot {
  const counter = (packets: number) => ({ packets, bytes: packets * 60 });
  return snapshot({
    links: healthyFacts().links.map((link) => (link.ifname === 'probe0' ? { ...link, rxPackets: rx } : link)),
    counters: {
      probe_rx: counter(probeRx),
      probe_to_tunnel: counter(probeToTunnel),
      to_tunnel: counter(toTunnel),
    },
  });
}

function guard(
  change: Partial<FrameCounts> & { readonly tunnelFrames?: number; readonly tunnelBytes?: number } = {},
): FrameCounts {
  const { tunnelFrames = 10, tunnelBytes = 0, ...rest } = change;
  return { ...quiet, passed: { tunnel: { frames: tunnelFrames, bytes: tunnelBytes } }, ...rest };
}

/** With the sentinel: one ARP frame behind the canaries. */
function frames(sent: readonly Canary[]) {
  return { frames: sent.length + 1, ipv4: sent.length - sixes, ipv6: sixes };
}

const closedSent = frames(canaries);
const closed: CanaryPhase = {
  sent: canaries,
  injected: closedSent,
  barrier: true,
  before: counted(5, 0, 0),
  after: counted(5 + closedSent.frames, closedSent.ipv4, 0),
  guardBefore: guard(),
  guardAfter: guard({ tunnelFrames: 11 }),
  replies: [],
};
const openSent = frames(opened);
const open: CanaryPhase = {
  sent: opened,
  injected: openSent,
  barrier: true,
  before: closed.after,
  after: counted(5 + closedSent.frames + openSent.frames, closedSent.ipv4 + openSent.ipv4, must, must + 20),
  guardBefore: closed.guardAfter,
  guardAfter: guard({ tunnelFrames: 11 + must + 20 }),
  replies: [],
};
const dropped = opened.filter(({ fate }) => fate === 'dropped');
const droppedSent = frames(dropped);
/** Nothing that could have shown that the open link leads anywhere. */
const onlyDropped: CanaryPhase = {
  ...open,
  sent: dropped,
  injected: droppedSent,
  after: counted(5 + closedSent.frames + droppedSent.frames, closedSent.ipv4 + droppedSent.ipv4, 0),
};
const facts: CanaryFacts = { probe: 'probe0', closed, open, openTrouble: '', alone: true, isStream: false };
const withoutCounters = { ...closed.after, facts: { ...closed.after.facts, counters: {} } };

function without(counter: string): Snapshot {
  const counters = Object.fromEntries(Object.entries(closed.after.facts.counters).filter(([name]) => name !== counter));
  return { ...closed.after, facts: { ...closed.after.facts, counters } };
}

describe('canary', () => {
  test.each<[string, Partial<CanaryFacts>, string, string]>([
    ['nowhere while closed, only the tunnel while open', {}, 'verified', `${must} entered the tunnel`],
    [
      'with the optional ones',
      {
        open: {
          ...open,
          after: counted(5 + closedSent.frames + openSent.frames, closedSent.ipv4 + openSent.ipv4, must + may),
        },
      },
      'verified',
      `${must + may} entered`,
    ],
    [
      'IPv6 counted by the firewall too',
      {
        closed: { ...closed, after: counted(5 + closedSent.frames, closedSent.ipv4 + sixes, 0) },
        open: { ...open, before: counted(5 + closedSent.frames, closedSent.ipv4, 0) },
      },
      'verified',
      'went nowhere',
    ],
    [
      'several in one frame of a stream',
      { isStream: true, open: { ...open, guardAfter: guard({ tunnelFrames: 13, tunnelBytes: 2 * 66 + must * 28 }) } },
      'verified',
      `${must} entered the tunnel`,
    ],
    [
      'frames of a stream that only acknowledge',
      { isStream: true, open: { ...open, guardAfter: guard({ tunnelFrames: 61, tunnelBytes: 50 * 66 }) } },
      'unknown',
      'bytes in them: 3300',
    ],
    [
      'traffic of an open work link',
      {
        alone: false,
        closed: {
          ...closed,
          after: counted(5 + closedSent.frames, closedSent.ipv4, 0, 900),
          guardAfter: guard({ tunnelFrames: 911 }),
        },
        open: { ...open, guardBefore: guard({ tunnelFrames: 911 }), guardAfter: guard({ tunnelFrames: 2_000 }) },
      },
      'verified',
      'closed',
    ],

    [
      'a token in clear while closed',
      { closed: { ...closed, guardAfter: guard({ canaries: 1 }) } },
      'refuted',
      'frames with the token: 1',
    ],
    [
      'a foreign frame while closed',
      { closed: { ...closed, guardAfter: guard({ foreign: 1 }) } },
      'refuted',
      'foreign frames: 1',
    ],
    ['a token in clear while open', { open: { ...open, guardAfter: guard({ canaries: 2 }) } }, 'refuted', 'link open'],
    [
      'an answer while closed',
      { closed: { ...closed, replies: ['udp 10.213.0.249:53'] } },
      'refuted',
      '10.213.0.249:53',
    ],
    ['forwarding while closed', { closed: { ...closed, after: counted(99, 99, 3) } }, 'refuted', 'packets: 3'],
    [
      'forwarding while closed, beside an open work link',
      { alone: false, closed: { ...closed, after: counted(99, 99, 3, 900) } },
      'refuted',
      'packets: 3',
    ],
    [
      "the gateway's own packets while closed",
      { closed: { ...closed, after: counted(99, 99, 0, 2) } },
      'refuted',
      'packets: 2',
    ],
    [
      'an owned counter, but the host counts too',
      { closed: { ...closed, guardAfter: guard({ tunnelFrames: 10 + canaries.length }) } },
      'refuted',
      'more tunnel frames',
    ],
    [
      'a leak without any positive control',
      { closed: { ...closed, barrier: false, guardAfter: guard({ canaries: 1 }) } },
      'refuted',
      'token',
    ],
    ['forged sources forwarded', { open: { ...open, after: counted(0, 0, must + may + 1) } }, 'refuted', 'at most'],

    ['none sent', { closed: { ...closed, sent: [], guardAfter: guard() }, alone: false }, 'unknown', 'none was sent'],
    ['no sentinel', { closed: { ...closed, barrier: false } }, 'unknown', 'sentinel'],
    [
      'frames that never arrived',
      { closed: { ...closed, after: counted(5, 0, 0) } },
      'unknown',
      'arrived at probe0: 0',
    ],
    [
      'one frame too many',
      { closed: { ...closed, after: counted(6 + closedSent.frames, closedSent.ipv4, 0) } },
      'unknown',
      'frames sent',
    ],
    [
      'frames the firewall never saw',
      { closed: { ...closed, after: counted(5 + closedSent.frames, 0, 0) } },
      'unknown',
      'counted by the firewall: 0',
    ],
    [
      'counters that are not there',
      { closed: { ...closed, after: withoutCounters } },
      'unknown',
      'not counted: probe_rx, to_tunnel, probe_to_tunnel',
    ],
    ...['probe_rx', 'to_tunnel', 'probe_to_tunnel'].map((counter): [string, Partial<CanaryFacts>, string, string] => [
      `a gateway that does not count ${counter}`,
      { closed: { ...closed, after: without(counter) }, open: { ...open, before: without(counter) } },
      'unknown',
      `not counted: ${counter}`,
    ]),
    ['a link that is not there', { probe: 'probe9' }, 'unknown', 'arrived at probe9: NaN'],
    [
      'open canaries lost on the way',
      {
        open: {
          ...open,
          after: counted(5 + closedSent.frames + openSent.frames, closedSent.ipv4 + openSent.ipv4, must - 1),
        },
      },
      'unknown',
      `entered: ${must - 1}`,
    ],
    ['no open canary that belongs into the tunnel', { open: onlyDropped }, 'unknown', 'expected: 0'],
    [
      'a tunnel that sent nothing',
      { open: { ...open, guardAfter: guard({ tunnelFrames: 11 }) } },
      'unknown',
      'seen by the host: 0',
    ],
    ['an open phase without control', { open: { ...open, barrier: false } }, 'unknown', 'open prove nothing'],
    [
      'an open phase without its counter',
      {
        open: {
          ...open,
          before: {
            ...open.before,
            facts: { ...open.before.facts, counters: { probe_rx: { packets: closedSent.ipv4, bytes: 0 } } },
          },
        },
      },
      'unknown',
      'not counted',
    ],
    ['no open phase', { open: undefined, openTrouble: 'VERIFY_LEASE_REFUSED: no' }, 'unknown', 'VERIFY_LEASE_REFUSED'],
  ])('%s', (_, change, outcome, mentions) => {
    const opinion = canaryCheck.judge({ ...facts, ...change });
    expect([opinion.outcome, [opinion.summary, ...opinion.evidence].join('\n')]).toEqual([
      outcome,
      expect.stringContaining(mentions),
    ]);
  });

  test('a guard that has counted no tunnel frame yet', () => {
    const silent = { ...guard(), passed: {} };
    const opinion = canaryCheck.judge({ ...facts, closed: { ...closed, guardBefore: silent, guardAfter: silent } });
    expect(opinion.outcome).toBe('verified');
  });
});

test('only packets of nobody else disturb a phase', () => {
  const after = (probe: number, all: number) => ({ ...closed, after: counted(99, 99, probe, all) });
  const partly = counted(99, 99, 0);
  const { to_tunnel: _, ...counters } = partly.facts.counters;
  const blind = { ...closed, after: { ...partly, facts: { ...partly.facts, counters } } };
  expect([after(0, 0), after(0, 2), after(2, 2), blind].map(disturbed)).toEqual([false, true, false, false]);
});

describe('the plan of the canaries', () => {
  const named = (list: readonly Canary[]) => list.map(({ name }) => name);

  test('tries every direction of leak case 36, the endpoint itself and forged sources', () => {
    expect(named(canaries)).toEqual(
      expect.arrayContaining([
        'udp to 192.0.2.1 port 9',
        'dns to 10.213.0.249',
        'udp to 10.0.2.2 port 9',
        'udp to 10.0.2.3 port 9',
        'udp to 169.254.169.254 port 9',
        'udp to 198.51.100.10 port 51820',
        'wireguard to 198.51.100.10 port 51820',
        'icmp to 10.213.0.2',
        'udp to 255.255.255.255 port 9',
        'udp to 192.0.2.1 port 9 from 10.0.2.15',
        'udp6 to 2001:db8::1 port 9 from 2001:db8:ffff::2',
      ]),
    );
    expect(new Set(named(canaries)).size).toBe(canaries.length);
  });

  test('a split tunnel forwards its own prefixes only', () => {
    const split = { ...policy, tunnel: { ...tunnel, routes: ['10.66.0.0/24'] } };
    const inTunnel = planCanaries(split, plan, tunnelAddresses).filter(({ fate }) => fate === 'tunnel');
    expect(new Set(inTunnel.map(({ destination }) => destination))).toEqual(new Set(['10.66.0.1']));
  });

  test('without tunnel or uplink address nothing may be forwarded', () => {
    const bare = { ...policy, tunnel: undefined, uplink: { ...policy.uplink, address: undefined, nextHop: undefined } };
    expect(planCanaries(bare, plan, ['fd00::2/128']).some(({ fate }) => fate === 'tunnel')).toBe(false);
  });
});
