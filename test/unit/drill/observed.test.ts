import { expect, test } from '@jest/globals';
import { attemptsFrom, lateAttemptsFrom } from '../../../src/drill/attempts.ts';
import { CASES } from '../../../src/drill/catalogue.ts';
import { attemptsOf, inClearBothWays, observedVolley, saw } from '../../../src/drill/observed.ts';
import { parseEthernet } from '../../../src/frame/index.ts';
import { loud, quiet, volley } from './drill-reports.ts';

const place = {
  link: { guest: '10.213.0.2', gateway: '10.213.0.1' },
  neighbour: { guest: '10.213.0.10', gateway: '10.213.0.9' },
  uplink: '192.168.77.101',
};
const all = { leased: attemptsFrom(place), late: lateAttemptsFrom(place) };
const hop = { sourceMac: '52:54:20:00:00:00', destinationMac: '52:54:10:00:00:00' };

test('every case of frames has attempts, each attempt a name of its own and its mark in the frame', () => {
  const everything = [...all.leased, ...all.late];
  expect(new Set(everything.map(({ name }) => name)).size).toBe(everything.length);
  for (const { frame } of everything) {
    const made = frame('123456789012345678042', hop);
    expect(made.includes('123456789012345678042')).toBe(true);
    expect(parseEthernet(made)).toBeDefined();
  }
  for (const each of CASES) expect(attemptsOf(each, all).length > 0).toBe(each.trial.by === 'frames');
});

test('an owned gateway is not asked for what a guard lets through by its shape', () => {
  const owned = CASES.find(({ name }) => name === 'gateway-owned');
  if (owned === undefined) throw new Error('no such case');
  const names = attemptsOf(owned, all).map(({ name }) => name);
  expect(names).not.toContain('tunnel-shaped to the endpoint and its port');
  expect(names).toContain('clear text to the endpoint and its port');
});

const tried = { tried: ['a', 'b', 'c'], leaked: 5, held: false, violated: false, tookMs: 10 };

test('a mark is the case’s whose attempt it was; frames without one are every case’s', () => {
  expect(observedVolley({ ...tried, clear: ['b'] }, ['a'])).toMatchObject({ leaked: 0, clear: [] });
  expect(observedVolley({ ...tried, clear: ['b'] }, ['b', 'c'])).toMatchObject({ leaked: 1, clear: ['b'] });
  expect(observedVolley({ ...tried, clear: [] }, ['a'])).toMatchObject({ leaked: 5, clear: [] });
});

test('seen both without a gateway and at an undefended one, or it does not count', () => {
  const outside = volley(['a', 'b', 'c'], ['a', 'b', 'c']);
  expect(inClearBothWays(outside, undefined).clear).toEqual(['a', 'b', 'c']);
  // c is nothing that a gateway forwards, and was not tried at one.
  expect(inClearBothWays(outside, volley(['a', 'b'], ['a'])).clear).toEqual(['a', 'c']);
});

test('in words', () => {
  expect(saw(quiet())).toBe('nothing in clear, 231 tried, last one out after 0.3 s, back after 4.1 s');
  expect(saw(loud())).toBe('187 frames in clear, 231 tried');
  expect(saw(quiet({ leaked: 1, opened: true }))).toMatch(/^1 frame in clear, .*OPENED/);
  expect(saw(volley(['a', 'b'], ['a'], { held: true, violated: true }))).toBe(
    '1 of 2 in clear, the guard held them, violated',
  );
});
