/** What is written down of a gate's life: news once, traffic once a minute, all of it bounded. */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { occur } from '../../../src/core/coded.ts';
import type { Phase } from '../../../src/core/gate/state.ts';
import { readSamples } from '../../../src/evidence/index.ts';
import type { FrameCounts } from '../../../src/guard/index.ts';
import { events } from '../../../src/supervisor/codes.ts';
import { Meter } from '../../../src/supervisor/meter.ts';
import { News } from '../../../src/supervisor/news.ts';
import { Samples } from '../../../src/supervisor/samples.ts';

const counts = (tunnelBytes: number, more: Partial<FrameCounts> = {}): FrameCounts => ({
  passed: { tunnel: { frames: 1, bytes: tunnelBytes }, arp: { frames: 5, bytes: 210 } },
  held: 0,
  foreign: 0,
  canaries: 0,
  overrun: 0,
  unrecorded: 0,
  ...more,
});
const phase = (name: Phase) => occur(events.GATE_PHASE, { gate: 'default', phase: name, why: '' });
const check = (outcome: string, name = 'dns') =>
  occur(events.GATE_CHECK, { check: name, outcome, summary: `now ${Math.random()}`, ms: 1 });

describe('news', () => {
  test('a check that comes out as before is none, until it comes out otherwise', () => {
    const news = new News();
    const told = ['verified', 'verified', 'unknown', 'unknown', 'verified'].map((outcome) =>
      news.isNews(check(outcome)),
    );
    expect(told).toEqual([true, false, true, false, true]);
    expect(news.isNews(check('verified', 'exit'))).toBe(true);
  });

  test('so is a receipt about the same evidence; everything else is news each time', () => {
    const news = new News();
    const receipt = (evidence: string) =>
      occur(events.GATE_RECEIPT, { receipt: `sha256:${Math.random()}`, evidence, expires: '' });
    expect(['a', 'a', 'b'].map((evidence) => news.isNews(receipt(evidence)))).toEqual([true, false, true]);
    expect([phase('open'), phase('open')].map((event) => news.isNews(event))).toEqual([true, true]);
    // A close revoked the one before it.
    expect(news.isNews(receipt('b'))).toBe(true);
  });
});

describe('meter', () => {
  test('adds up over gateways, each of which begins at nothing', () => {
    const meter = new Meter();
    meter.began();
    meter.counted(counts(1_000));
    meter.received(500);
    meter.began();
    meter.counted(counts(300, { held: 2 }));
    meter.received(70);
    expect(meter.total()).toEqual({ outBytes: 1_300, inBytes: 570, blocked: 0, held: 2, unrecorded: 0 });
  });

  test('a tunnel that is made anew counts from nothing, too', () => {
    const meter = new Meter();
    for (const bytes of [100, 250, 30, 60]) meter.received(bytes);
    expect(meter.total().inBytes).toBe(310);
  });

  test('violations of a guard that is ended before it could count are not lost, and none counts twice', () => {
    const meter = new Meter();
    meter.violated(true);
    meter.violated(false);
    expect(meter.total()).toMatchObject({ blocked: 2, unrecorded: 1 });
    meter.counted(counts(0, { foreign: 14, canaries: 2, unrecorded: 9 }));
    expect(meter.total()).toMatchObject({ blocked: 14, unrecorded: 9 });
    meter.began();
    expect(meter.total()).toMatchObject({ blocked: 14, unrecorded: 9 });
  });

  test('a gateway may say any number', () => {
    const meter = new Meter();
    for (let turn = 0; turn < 4; turn += 1) {
      meter.received(Number.MAX_SAFE_INTEGER);
      meter.received(0);
    }
    expect(meter.total().inBytes).toBe(Number.MAX_SAFE_INTEGER);
  });
});

describe('samples', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    jest.useFakeTimers({ now: Date.parse('2026-11-26T08:00:00Z') });
    folder = mkdtempSync(path.join(tmpdir(), 'vmgate-samples-'));
    file = path.join(folder, 'samples.jsonl');
  });
  afterEach(() => {
    jest.useRealTimers();
    rmSync(folder, { recursive: true });
  });

  function seconds(samples: Samples, count: number): void {
    for (let second = 0; second < count; second += 1) {
      jest.advanceTimersByTime(1_000);
      samples.tick();
    }
  }

  test('one a minute, of what went through in it', () => {
    const meter = new Meter();
    const samples = new Samples(file, meter);
    samples.observe(phase('booting'));
    samples.observe(phase('open'));
    meter.counted(counts(1_000));
    seconds(samples, 61);
    meter.counted(counts(5_000));
    meter.received(900);
    seconds(samples, 60);
    samples.close();
    const { samples: read } = readSamples(file);
    expect(read.map(({ outBytes, inBytes }) => [outBytes, inBytes])).toEqual([
      [0, 0],
      [1_000, 0],
      [4_000, 900],
      [0, 0],
    ]);
    expect(read[1]).toMatchObject({ phase: 'open', toMs: Date.parse('2026-11-26T08:01:00Z') });
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('begins anew where the gate opens or stops being open, and not at each attempt', () => {
    const samples = new Samples(file, new Meter());
    for (const name of ['booting', 'connecting', 'verifying', 'open'] as const) samples.observe(phase(name));
    jest.advanceTimersByTime(10_000);
    for (const name of ['closing', 'closed', 'connecting', 'closing', 'closed'] as const) samples.observe(phase(name));
    samples.close();
    expect(readSamples(file).samples.map((sample) => sample.phase)).toEqual(['verifying', 'open', 'closed']);
  });

  test('a clock that is set back does not stop them', () => {
    const samples = new Samples(file, new Meter());
    jest.setSystemTime(Date.parse('2026-11-26T03:00:00Z'));
    samples.tick();
    seconds(samples, 61);
    samples.close();
    const read = readSamples(file);
    expect(read.samples.length).toBe(2);
    // From later to earlier is no time in which anything went through.
    expect(read.unreadable).toBe(1);
  });

  test('two days fit, and there is an end to it', () => {
    const samples = new Samples(file, new Meter());
    for (let minute = 0; minute < 10_000; minute += 1) {
      jest.advanceTimersByTime(60_000);
      samples.tick();
    }
    samples.close();
    const sizes = [file, `${file}.1`].map((each) => statSync(each).size);
    for (const size of sizes) expect(size).toBeLessThanOrEqual(524_288);
    const [line = ''] = readFileSync(file, 'utf8').split('\n');
    expect(524_288 / (line.length + 1)).toBeGreaterThan(2 * 24 * 60);
  });
});
