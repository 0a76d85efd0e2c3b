import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { dayOf } from '../../../../src/evidence/timeline/day.ts';
import { describeDay } from '../../../../src/evidence/timeline/day-text.ts';
import { EVERYTHING, live } from '../../cli/hostile-text.ts';
import { at, BUSY, DAY, EMPTY, phaseEvent, samplesFrom, TRAVEL, UTC } from './days.ts';

const GOLDEN = path.join(import.meta.dirname, 'golden');

const days = [
  ['empty', EMPTY, at('09:00:00')],
  ['travel', TRAVEL, at('21:00:00')],
  ['busy', BUSY, DAY.toMs],
] as const;

test.each(days.flatMap((day) => [120, 84, 60, 40].map((columns) => [...day, columns] as const)))(
  '%s in %#',
  (name, records, nowMs, columns) => {
    const text = `${describeDay(dayOf(records, DAY, nowMs), UTC, columns)}\n`;
    const file = path.join(GOLDEN, `${name}-${columns}.txt`);
    if (process.env['UPDATE_GOLDEN'] === '1') {
      mkdirSync(GOLDEN, { recursive: true });
      writeFileSync(file, text);
    }
    expect(text).toBe(readFileSync(file, 'utf8'));
    // Plain ASCII, and the rows fit where there is room for any.
    expect(text).toMatch(/^[\n -~]*$/);
    const rows = text.split('\n').filter((line) => /^ {2}(state|received|sent|blocked) /.test(line));
    for (const row of rows.slice(0, 4)) expect(row.length).toBeLessThanOrEqual(Math.max(columns, 60));
  },
);

test('case 71: what was journaled draws on no terminal', () => {
  const events = [phaseEvent('09:00:00', 'closed', EVERYTHING)];
  const day = dayOf({ ...EMPTY, events, samples: samplesFrom('09:00:00', '10:00:00', 'closed') }, DAY, at('10:00:00'));
  const text = describeDay(day, UTC, 100);
  expect(live(text)).toEqual([]);
  expect(text).toContain('\\x1b');
});

test('lines that could not be read are said', () => {
  const text = describeDay(dayOf({ ...TRAVEL, unreadable: 3 }, DAY, at('21:00:00')), UTC, 100);
  expect(text).toContain('3 lines of the records could not be read, and left out');
});
