import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { bandsOf } from '../../../../src/evidence/timeline/bands.ts';
import { binsOf } from '../../../../src/evidence/timeline/bins.ts';
import { dateText, secondText, zoneText } from '../../../../src/evidence/timeline/clock.ts';
import { dayOf } from '../../../../src/evidence/timeline/day.ts';
import { readSamples } from '../../../../src/evidence/timeline/samples.ts';
import { viewOf } from '../../../../src/evidence/timeline/view.ts';
import { at, BUSY, DAY, EMPTY, foreignEvent, MIDNIGHT, phaseEvent, samplesFrom, TRAVEL } from './days.ts';

const NOON = at('12:00:00');
const HOUR = 3_600_000;
const shown = (bands: ReturnType<typeof bandsOf>) =>
  bands.map(({ fromMs, toMs, state }) => [
    state,
    new Date(fromMs).toISOString().slice(11, 19),
    new Date(toMs).toISOString().slice(11, 19),
  ]);
const until = (toMs: number) => ({ fromMs: MIDNIGHT, toMs });

describe('states', () => {
  test('a gate that tries is closed, by its first reason, with its attempts', () => {
    const events = [
      phaseEvent('09:00:00', 'open'),
      phaseEvent('10:00:00', 'closing', 'the tunnel is lost'),
      phaseEvent('10:00:01', 'closed', 'the tunnel is lost'),
      phaseEvent('10:00:02', 'connecting', 'the tunnel is lost'),
      phaseEvent('10:00:08', 'closing', 'no answer'),
      phaseEvent('10:00:30', 'connecting'),
      phaseEvent('10:00:33', 'open'),
    ];
    const bands = bandsOf(events, samplesFrom('09:00:00', '12:00:00', 'open'), until(NOON));
    expect(shown(bands)).toEqual([
      ['silent', '00:00:00', '09:00:00'],
      ['open', '09:00:00', '10:00:00'],
      ['closed', '10:00:00', '10:00:33'],
      ['open', '10:00:33', '12:00:00'],
    ]);
    expect(bands[2]).toMatchObject({ detail: 'the tunnel is lost', attempts: 2 });
    expect(bands[3]).toMatchObject({ detail: 'exit address 203.0.113.9' });
  });

  test('a supervisor that was killed left no open gate behind', () => {
    const bands = bandsOf([phaseEvent('09:00:00', 'open')], samplesFrom('09:00:00', '09:30:00', 'open'), until(NOON));
    expect(shown(bands).slice(1)).toEqual([
      ['open', '09:00:00', '09:30:00'],
      ['silent', '09:30:00', '12:00:00'],
    ]);
  });

  test('a machine that slept: the sample over its sleep does not bridge it', () => {
    const asleep = { ...samplesFrom('09:30:00', '09:31:00', 'open')[0], toMs: at('11:00:00') } as never;
    const samples = [
      ...samplesFrom('09:00:00', '09:30:00', 'open'),
      asleep,
      ...samplesFrom('11:00:00', '12:00:00', 'open'),
    ];
    const bands = bandsOf([phaseEvent('09:00:00', 'open')], samples, until(NOON));
    expect(shown(bands).slice(1)).toEqual([
      ['open', '09:00:00', '09:30:00'],
      ['silent', '09:30:00', '11:00:00'],
      ['open', '11:00:00', '12:00:00'],
    ]);
  });

  test('down needs nobody to record it, and lasts over midnight', () => {
    const yesterday = { ...phaseEvent('00:00:00', 'down'), at: '2026-11-25T18:00:00.000Z' };
    expect(shown(bandsOf([yesterday], [], until(NOON)))).toEqual([['down', '00:00:00', '12:00:00']]);
  });

  test('where the journal does not reach back any more, the samples tell', () => {
    const samples = [
      ...samplesFrom('06:00:00', '08:00:00', 'open'),
      ...samplesFrom('08:00:00', '09:00:00', 'violated'),
    ];
    const bands = bandsOf([phaseEvent('09:00:00', 'down')], samples, until(NOON));
    expect(shown(bands)).toEqual([
      ['silent', '00:00:00', '06:00:00'],
      ['open', '06:00:00', '08:00:00'],
      ['violated', '08:00:00', '09:00:00'],
      ['down', '09:00:00', '12:00:00'],
    ]);
  });

  test('a phase that this version does not know is not an open one', () => {
    const later = phaseEvent('09:00:00', 'teleporting' as never);
    expect(bandsOf([later], samplesFrom('09:00:00', '12:00:00', 'closed'), until(NOON)).at(-1)?.state).toBe('closed');
  });

  test.each([
    ['empty', EMPTY],
    ['travel', TRAVEL],
    ['busy', BUSY],
  ])('%s: without gaps or overlaps, whenever it is looked at', (_name, { events, samples }) => {
    for (let hour = 1; hour <= 24; hour += 1) {
      const toMs = MIDNIGHT + hour * HOUR;
      const bands = bandsOf(events, samples, until(toMs));
      expect(bands[0]?.fromMs).toBe(MIDNIGHT);
      expect(bands.at(-1)?.toMs).toBe(toMs);
      for (const [index, band] of bands.slice(1).entries()) {
        expect(band.fromMs).toBe(bands[index]?.toMs);
        expect(band.state).not.toBe(bands[index]?.state);
      }
    }
  });

  test('payloads that are none, times that are none', () => {
    const broken = [null, 1, 'x', [], {}, { phase: 7 }].map((payload) => ({
      ...phaseEvent('09:00:00', 'open'),
      payload,
    }));
    const nowhen = { ...phaseEvent('09:00:00', 'open'), at: 'yesterday' };
    expect(bandsOf([...broken, nowhen], [], until(NOON)).every(({ state }) => state === 'silent')).toBe(true);
  });
});

describe('traffic', () => {
  const range = { fromMs: MIDNIGHT, toMs: MIDNIGHT + HOUR };
  const sample = (from: string, to: string, outBytes: number, blocked = 0) => ({
    ...{ phase: 'open', inBytes: 0, held: 0, outBytes, blocked },
    fromMs: at(from),
    toMs: at(to),
  });

  test('is shared out over the parts it lies in, and none is lost', () => {
    const bins = binsOf([sample('00:04:00', '00:06:00', 1_000)], [], range, 12);
    expect(bins.map(({ outBytes }) => outBytes)).toEqual([500, 500, ...Array.from({ length: 10 }, () => 0)]);
    const { samples } = TRAVEL;
    const sum = (each: readonly { inBytes: number }[]) => each.reduce((all, { inBytes }) => all + inBytes, 0);
    expect(Math.abs(sum(binsOf(samples, [], DAY, 288)) - sum(samples))).toBeLessThan(288);
  });

  test('of yesterday and tomorrow only what lies in the day', () => {
    const late = { ...sample('00:00:00', '00:10:00', 1_000), fromMs: MIDNIGHT - HOUR, toMs: MIDNIGHT + HOUR };
    const [first] = binsOf([late], [], range, 1);
    expect(first?.outBytes).toBe(500);
  });

  test('violations: where they were reported, all that were counted', () => {
    const violations = [at('00:07:10'), at('00:07:11')];
    const bins = binsOf([sample('00:00:00', '00:10:01', 0, 14)], violations, range, 12);
    expect(bins.map(({ blocked }) => blocked)).toEqual([0, 14, ...Array.from({ length: 10 }, () => 0)]);
    // Reported, and the supervisor was killed before it wrote a sample.
    expect(binsOf([], violations, range, 12)[1]?.blocked).toBe(2);
  });
});

describe('the hours that are shown', () => {
  const hours = (records: Parameters<typeof dayOf>[0], nowMs: number, zone = () => 0) => {
    const { fromMs, toMs, bins } = viewOf(dayOf(records, DAY, nowMs), zone);
    expect(bins[0]?.fromMs).toBe(fromMs);
    expect(bins.at(-1)?.toMs).toBe(toMs);
    return [fromMs, toMs].map((atMs) => (atMs - MIDNIGHT) / HOUR);
  };

  test('of a day with nothing in it: all', () => {
    expect(hours(EMPTY, at('09:00:00'))).toEqual([0, 24]);
    expect(viewOf(dayOf(EMPTY, DAY, NOON), () => 0).isWholeDay).toBe(true);
  });

  test('from the first to the last in which the gate was anything but down', () => {
    expect(hours(TRAVEL, at('21:00:00'))).toEqual([7, 19]);
    // Half past is the full hour in India.
    expect(hours(TRAVEL, at('21:00:00'), () => 330)).toEqual([7.5, 18.5]);
  });

  test.each([
    ['10:10:00', '10:12:00', [10, 13]],
    ['23:58:00', '23:59:00', [21, 24]],
    ['00:01:00', '00:02:00', [0, 3]],
  ])('a minute is not drawn a window wide: %s', (from, to, expected) => {
    const events = [phaseEvent(from, 'open'), phaseEvent(to, 'down')];
    expect(hours({ ...EMPTY, events }, DAY.toMs)).toEqual(expected);
  });
});

test('totals: what is asked of a day', () => {
  const { totals } = dayOf(TRAVEL, DAY, at('21:00:00'));
  expect(totals).toMatchObject({ losses: 2, blocked: 14, held: 18 });
  expect(Math.round(totals.openMs / 60_000)).toBe(501);
  // The violation is none of the losses, and neither is going home.
  expect(
    dayOf({ ...TRAVEL, events: [...TRAVEL.events, foreignEvent('23:59:59')] }, DAY, at('21:00:00')).totals.blocked,
  ).toBe(15);
});

describe('samples that are none', () => {
  test('are passed over and counted; a line that a power cut left half done costs that line only', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'vmgate-samples-'));
    const file = path.join(folder, 'samples.jsonl');
    const line = JSON.stringify({
      ...{ from: '2026-11-26T08:00:00.000Z', to: '2026-11-26T08:01:00.000Z', phase: 'open' },
      ...{ outBytes: 1, inBytes: 2, blocked: 0, held: 0 },
    });
    const wrong = [
      'null',
      '[]',
      line.replace('"outBytes":1', '"outBytes":-1'),
      line.replace('08:01', '07:01'),
      line.replace('"phase":"open"', `"phase":"${'x'.repeat(100)}"`),
      line.slice(0, 40),
    ];
    writeFileSync(`${file}.1`, `${line}\n`);
    writeFileSync(file, `${line}\n`);
    for (const text of wrong) appendFileSync(file, `${text}\n`);
    appendFileSync(file, line.slice(0, 70));
    const { samples, unreadable } = readSamples(file);
    expect({ read: samples.length, unreadable }).toEqual({ read: 2, unreadable: wrong.length + 1 });
    expect(readSamples(path.join(folder, 'nowhere'))).toEqual({ samples: [], unreadable: 0 });
    rmSync(folder, { recursive: true });
  });
});

describe('the clock on the wall', () => {
  test('east and west of Greenwich, and on the day clocks change', () => {
    const india = () => 330;
    expect(secondText(india, MIDNIGHT)).toBe('05:30:00');
    expect(zoneText(india, DAY.fromMs, DAY.toMs)).toBe('UTC+05:30');
    expect(zoneText(() => -210, DAY.fromMs, DAY.toMs)).toBe('UTC-03:30');
    expect(dateText(() => 0, MIDNIGHT)).toBe('Thursday, 26 November 2026');
    const change = MIDNIGHT + 3 * HOUR;
    expect(zoneText((atMs) => (atMs < change ? 120 : 60), DAY.fromMs, DAY.toMs)).toBe('UTC+02:00, then UTC+01:00');
  });
});
