import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect } from '@jest/globals';
import { holdsWriteLock, lockHolder } from '../../src/drivers/qemu/pidfile.ts';
import { Journal, readJournal } from '../../src/home/journal.ts';
import { acquireLock, readLock } from '../../src/home/lock.ts';
import { escapeBlock, escapeLine } from '../../src/host/index.ts';
import { fuzz, orCodedLater } from './fuzz.ts';
import { growsLinearly } from './growth.ts';
import { mutatedJson } from './json-mutate.ts';
import { mutated } from './mutate.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'vmgate-fuzz-'));
afterAll(() => rmSync(folder, { recursive: true }));

const event = {
  code: 'GATE_PHASE',
  at: '2026-11-25T00:00:00.000Z',
  level: 'info',
  text: 'opening',
  payload: { phase: 'open' },
} as const;
const lines = Buffer.from(`${JSON.stringify(event)}\n${JSON.stringify({ ...event, level: 'warn', payload: null })}\n`);

fuzz({
  name: 'journal',
  batch: 50,
  inputs: mutated([lines, Buffer.concat([lines, lines.subarray(0, 40)])], ['\n', '{', '}', 'null', '"payload":', '\0']),
  judge: (input) => {
    const file = path.join(folder, 'journal.jsonl');
    rmSync(`${file}.1`, { force: true });
    writeFileSync(file, input);
    const before = readJournal(file);
    const text = expect.any(String);
    for (const one of before)
      expect(one).toMatchObject({ code: text, at: text, text, level: expect.stringMatching(/^(info|warn|error)$/) });
    // What a power cut left behind costs no event that comes after it.
    const journal = new Journal(file);
    journal.append(event);
    journal.append({ ...event, text: input.toString('latin1') });
    journal.append({ ...event, payload: { raw: input.toString('utf8') } });
    journal.close();
    const after = readJournal(file);
    expect(after.slice(0, -3)).toEqual(before);
    expect(after.slice(-3).map(({ code }) => code)).toEqual(Array(3).fill('GATE_PHASE'));
    expect(after.at(-3)).toEqual(event);
  },
});

const processes = {
  bootId: async () => 'boot-1',
  startOf: async (pid: number) => (pid === process.pid ? 'now' : pid === 4_711 ? 'then' : undefined),
};
const claim = { pid: 4_711, bootId: 'boot-1', start: 'then' };

fuzz({
  name: 'lock',
  batch: 50,
  inputs: mutatedJson([claim, { ...claim, bootId: 'boot-0' }, { ...claim, pid: process.pid, start: 'now' }]),
  judge: async (input) => {
    const place = path.join(folder, 'lock');
    rmSync(place, { recursive: true, force: true });
    mkdirSync(place);
    for (const ending of ['claim', 'held', 'draft']) writeFileSync(path.join(place, `aa.${ending}`), input);
    const holder = await readLock(place, processes);
    const lock = await orCodedLater(['HOME_LOCKED'], () => acquireLock(place, processes));
    // Refused for a living process alone; whatever else lies there holds nobody up.
    expect(lock === undefined).toBe(holder !== undefined);
    if (holder !== undefined) expect(JSON.parse(input.toString('utf8'))).toMatchObject(holder);
    lock?.release();
    if (lock !== undefined) expect(readdirSync(place).filter((name) => name.endsWith('.claim'))).toEqual([]);
  },
});

const LOCKS =
  '1: POSIX  ADVISORY  WRITE 10622 fe:00:2230097 0 EOF\n2: FLOCK  ADVISORY  READ 1 00:1a:7 0 EOF\n2: -> POSIX  ADVISORY  WRITE 5 00:1a:2230097 0 EOF\n';

fuzz({
  name: 'pidfile',
  batch: 50,
  inputs: mutated(
    [Buffer.from('10622\n'), Buffer.from('1'), Buffer.from(LOCKS)],
    ['10622', 'POSIX', 'WRITE', '\n', ':'],
  ),
  judge: async (input) => {
    const file = path.join(folder, 'qemu.pid');
    writeFileSync(file, input);
    // Nobody holds a lock on it, so whatever number stands there is nobody's.
    expect(await lockHolder(file)).toBeUndefined();
    if (holdsWriteLock(input.toString('latin1'), 10_622, 2_230_097))
      expect(input.toString('latin1')).toMatch(/POSIX\s+\S+\s+WRITE\s+10622\s+\S*2230097/);
  },
});

/** Code points a terminal acts on, hides or shows in another order: by number, not by the classes escape.ts goes by. */
const TRICKS: readonly (readonly [number, number])[] = [
  ...([
    [0, 0x1f],
    [0x7f, 0x9f],
    [0xad, 0xad],
    [0x61c, 0x61c],
    [0x115f, 0x1160],
    [0x3164, 0x3164],
  ] as const),
  ...([
    [0x200b, 0x200f],
    [0x2028, 0x202e],
    [0x2060, 0x206f],
    [0xd800, 0xdfff],
    [0xfeff, 0xfeff],
  ] as const),
  ...([
    [0xfff9, 0xfffb],
    [0xe0000, 0xe007f],
  ] as const),
];

function tricksIn(text: string): readonly string[] {
  const points = [...text].map((character) => character.codePointAt(0) ?? 0);
  return points
    .filter((point) => TRICKS.some(([from, to]) => from <= point && point <= to))
    .map((point) => point.toString(16));
}

fuzz({
  name: 'escape',
  inputs: mutated(
    [
      Buffer.from('\x1b[2J\x1b]0;title\x07 \u202eevil\u2066 \ud83d\ude00 ok\r\n\ttab \u0085'),
      Buffer.from('plain text\nof two lines'),
    ],
    [
      '\x1b',
      '\x9b',
      '\r',
      '\b',
      '\u200b',
      '\u2028',
      '\u{e0041}',
      Buffer.from([0xed, 0xa0, 0x80]),
      Buffer.from([0xc2, 0x9b]),
      '\u{1f600}',
    ],
  ),
  judge: (input) => {
    for (const text of [input.toString('utf8'), input.toString('latin1'), input.toString('utf16le')]) {
      for (const max of [1, 7, 400]) {
        const line = escapeLine(text, max);
        expect(tricksIn(line)).toEqual([]);
        expect(line.length).toBeLessThanOrEqual(10 * max + 3);
        expect(escapeLine(line, Number.POSITIVE_INFINITY)).toBe(line);
      }
      const block = escapeBlock(text);
      expect(tricksIn(block.replaceAll(/[\n\t]/g, ''))).toEqual([]);
      expect(block.split('\n')).toHaveLength(text.split('\n').length);
      // Nothing that is plain is touched.
      if (/^[ -~\n\t]*$/.test(text)) expect(block).toBe(text);
    }
  },
});

growsLinearly(
  'escapes',
  400_000,
  (n) => '\x1b'.repeat(n),
  (text) => escapeBlock(text, Number.POSITIVE_INFINITY),
);
growsLinearly(
  'journal of short lines',
  1_000_000,
  (n) => {
    const file = path.join(folder, `long-${n}.jsonl`);
    writeFileSync(file, '{}\n'.repeat(n / 3));
    return file;
  },
  (file) => readJournal(file),
);
growsLinearly(
  'claim that never ends',
  1_000_000,
  (n) => {
    const place = path.join(folder, `lock-${n}`);
    mkdirSync(place);
    return { place, text: `{"pid":1,"bootId":"${'x'.repeat(n)}` };
  },
  ({ place, text }) => {
    writeFileSync(path.join(place, 'aa.claim'), text);
    return readLock(place, processes);
  },
);
