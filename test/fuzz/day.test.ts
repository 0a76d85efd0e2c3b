/** A day from whatever lies in journal and samples: whole, bounded, and nothing in it that a terminal or a browser obeys. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect } from '@jest/globals';
import { type Day, dayOf, describeDay, readSamples, renderPage } from '../../src/evidence/index.ts';
import { readWholeJournal } from '../../src/home/index.ts';
import { live } from '../unit/cli/hostile-text.ts';
import { DAY, TRAVEL, UTC } from '../unit/evidence/timeline/days.ts';
import { fuzz } from './fuzz.ts';
import { growsLinearly } from './growth.ts';
import { mutated } from './mutate.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'vmgate-fuzz-'));
afterAll(() => rmSync(folder, { recursive: true }));
const [journal, samples] = [path.join(folder, 'journal.jsonl'), path.join(folder, 'samples.jsonl')];

const iso = (atMs: number) => new Date(atMs).toISOString();
const told = TRAVEL.events.map((event) => JSON.stringify(event));
const counted = TRAVEL.samples
  .slice(0, 20)
  .map(({ fromMs, toMs, ...rest }) => JSON.stringify({ from: iso(fromMs), to: iso(toMs), ...rest }));
const lines = Buffer.from(`${[...told, ...counted].join('\n')}\n`);

function read(input: Buffer): Day {
  writeFileSync(journal, input);
  writeFileSync(samples, input);
  const { events, unreadable } = readWholeJournal(journal);
  return dayOf({ gate: 'default', events, samples: readSamples(samples).samples, unreadable }, DAY, DAY.toMs);
}

fuzz({
  name: 'day',
  batch: 10,
  inputs: mutated(
    [lines],
    ['<script>', '</script>', '<!--', '"', "'", '&', '\u202e', '\x1b[2J', '"phase":', '"at":"2026-11-26T', '\n'],
  ),
  judge: (input) => {
    const day = read(input);
    expect(day.bands[0]?.fromMs).toBe(DAY.fromMs);
    expect(day.bands.at(-1)?.toMs).toBe(DAY.toMs);
    for (const [index, band] of day.bands.slice(1).entries()) expect(band.fromMs).toBe(day.bands[index]?.toMs);
    for (const bin of day.bins) {
      for (const value of Object.values(bin)) expect(Number.isFinite(value) && value >= 0).toBe(true);
    }
    expect(live(describeDay(day, UTC, 100))).toEqual([]);
    const html = renderPage(day, { zone: UTC, notes: [] });
    expect(live(html)).toEqual([]);
    // Its own elements and no others: the counts are those of a page that nothing hostile is in.
    expect(html.match(/<script/g)).toHaveLength(2);
    expect(html.match(/<\/script>/g)).toHaveLength(2);
    expect(html.match(/<!--|<img|<iframe|<style/g)).toEqual(['<style']);
  },
});

const busy = (count: number) => {
  const [first = ''] = told;
  const spread = (index: number) => iso(DAY.fromMs + Math.floor((index * 86_400_000) / count));
  const text = Array.from({ length: count }, (_, index) => first.replace(/"at":"[^"]*"/, `"at":"${spread(index)}"`));
  return Buffer.from(`${text.join('\n')}\n`);
};
growsLinearly('a day of many events', 20_000, busy, (input) => renderPage(read(input), { zone: UTC, notes: [] }));
