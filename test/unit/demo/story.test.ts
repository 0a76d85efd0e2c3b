import { describe, expect, test } from '@jest/globals';
import { playSteps } from '../../../src/demo/play.ts';
import type { FrameTally, Stagehand } from '../../../src/demo/stagehand.ts';
import { newNonces, story } from '../../../src/demo/story.ts';
import { NONCES, PerfectStagehand } from './perfect-stagehand.ts';

/** One wrong observation: the step it belongs to, what is wrong, and how the stage lies from that step on. */
type Break = readonly [step: number, what: string, spoil: (hand: PerfectStagehand) => void];

const lies = (change: Partial<Stagehand>) => (hand: PerfectStagehand) => {
  Object.assign(hand, change);
};
const answers = (hand: PerfectStagehand, command: string, code: number, fault: string) => {
  const vmgate = hand.vmgate.bind(hand);
  hand.vmgate = async (verb) => (verb === command ? { code, fault } : vmgate(verb));
};
const tallies = (hand: PerfectStagehand, guard: Partial<FrameTally>, lab: Partial<FrameTally>) => {
  const tally = { arp: 2, dhcp: 0, tunnel: 120, foreign: 0 };
  hand.counts = async () => [
    { ...tally, ...guard },
    { ...tally, ...lab },
  ];
};

const BREAKS: readonly Break[] = [
  [1, 'start succeeds without a tunnel', (hand) => answers(hand, 'start', 0, '')],
  [1, 'start fails for another reason', (hand) => answers(hand, 'start', 4, 'CONFIG_INVALID')],
  [1, 'start is refused without a reason', (hand) => answers(hand, 'start', 4, '')],
  [1, 'a process exists all the same', lies({ workRuns: async () => true })],
  [2, 'up fails', (hand) => answers(hand, 'up', 4, 'GATE_TUNNEL_SILENT')],
  [2, 'the gate is not open', lies({ status: async () => ({ phase: 'closed', claim: undefined }) })],
  [2, 'nothing was proven', lies({ status: async () => ({ phase: 'open', claim: undefined }) })],
  [2, 'another exit', lies({ status: async () => ({ phase: 'open', claim: '192.0.2.1' }) })],
  [3, 'start is refused', (hand) => answers(hand, 'start', 4, 'GATE_NOT_VERIFIED')],
  [3, 'the request never arrived', lies({ requestFrom: async () => undefined })],
  [3, 'it came from elsewhere', lies({ requestFrom: async () => '192.168.77.50' })],
  [4, 'the gate stays open', lies({ status: async () => ({ phase: 'open', claim: undefined }) })],
  [4, 'a request gets out', lies({ forget: async () => undefined })],
  [
    4,
    'something is seen in clear',
    (hand) => {
      let seen = 0;
      hand.leaks = async () => seen++;
    },
  ],
  [4, 'start is not refused', (hand) => answers(hand, 'start', 0, '')],
  [5, 'the gate stays closed', lies({ status: async () => ({ phase: 'closed', claim: undefined }) })],
  [5, 'the work VM stays cut off', lies({ requestFrom: async () => undefined })],
  [
    5,
    'it was restarted',
    (hand) => {
      let pid = 4711;
      hand.workPid = async () => pid++;
    },
  ],
  [5, 'it never tried', lies({ inside: async () => '0\n' })],
  [5, 'its count cannot be read', lies({ inside: async () => 'no such file' })],
  [6, 'the guard saw a foreign frame', (hand) => tallies(hand, { foreign: 1 }, {})],
  [6, 'the lab saw a foreign frame', (hand) => tallies(hand, {}, { foreign: 1 })],
  [6, 'nothing was counted', (hand) => tallies(hand, { tunnel: 0 }, { tunnel: 0 })],
  [6, 'the tunnel counts differ', (hand) => tallies(hand, {}, { tunnel: 121 })],
  [6, 'the ARP counts differ', (hand) => tallies(hand, {}, { arp: 3 })],
  [7, 'down fails', (hand) => answers(hand, 'down', 5, 'DRIVER_STUCK')],
  [7, 'something is left', lies({ leftovers: async () => ['/tmp/gw/qmp.sock'] })],
];

/** Plays the story; the stage begins to lie when step `from` does. What was told, and how it ended. */
async function play(from: number, spoil: (hand: PerfectStagehand) => void) {
  const hand = new PerfectStagehand();
  const told: string[] = [];
  const steps = story(NONCES).map((step, index) => ({
    ...step,
    play: (stagehand: Stagehand) => {
      if (index + 1 === from) spoil(hand);
      return step.play(stagehand);
    },
  }));
  const end = await playSteps(steps, hand, (line) => told.push(line)).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  return { told, end };
}

describe('the story', () => {
  test('is told to its end on a stage where everything shows', async () => {
    const { told, end } = await play(0, () => undefined);
    expect(end).toBeUndefined();
    expect(told.filter((line) => line.includes('seen:'))).toHaveLength(story(NONCES).length);
  });

  test.each(BREAKS)('step %i fails when %s, and nothing is told after it', async (step, _, spoil) => {
    const { told, end } = await play(step, spoil);
    expect(end).toMatchObject({ code: 'DEMO_NOT_OBSERVED', exit: 4, payload: { step } });
    expect(told.filter((line) => line.includes('seen:'))).toHaveLength(step - 1);
    expect(told.some((line) => line.startsWith(`\n${step + 1}.`))).toBe(false);
  });

  test('every step has a break', () => {
    const broken = new Set(BREAKS.map(([step]) => step));
    expect([...broken].sort()).toEqual(story(NONCES).map((_, index) => index + 1));
  });

  test('an error of the stage itself is not called a failed observation', async () => {
    const fault = new Error('the lab is gone');
    const { end } = await play(2, lies({ status: () => Promise.reject(fault) }));
    expect(end).toBe(fault);
  });

  test('each run has nonces of its own', () => {
    const [one, two] = [newNonces(), newNonces()];
    expect(new Set([...Object.values(one), ...Object.values(two)]).size).toBe(6);
  });
});
