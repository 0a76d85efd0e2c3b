import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type CodedEvent, VmgateError } from '../../../src/core/coded.ts';
import { Journal, RotatingFile, readJournal, writeFileAtomic } from '../../../src/home/index.ts';
import { testUnless } from '../../obstacle.ts';
import { temporaryFolders } from './temp-folder.ts';

const temporary = temporaryFolders();

describe('writeFileAtomic', () => {
  test('replaces the whole file, private unless said', async () => {
    const file = path.join(temporary(), 'file');
    await writeFileAtomic(file, 'one');
    await writeFileAtomic(file, Buffer.from('two'));
    expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777]).toEqual(['two', 0o600]);
    await writeFileAtomic(file, 'three', 0o400);
    expect(statSync(file).mode & 0o777).toBe(0o400);
  });

  test('a failure changes nothing and leaves nothing', async () => {
    const folder = temporary();
    const file = path.join(folder, 'file');
    mkdirSync(path.join(file, 'in-the-way'), { recursive: true });
    const error: unknown = await writeFileAtomic(file, 'x').catch((reason: unknown) => reason);
    expect(VmgateError.is(error) && error.code).toBe('HOME_WRITE_FAILED');
    expect(readdirSync(folder)).toEqual(['file']);
  });
});

describe('RotatingFile', () => {
  test('never takes more than twice its bound', () => {
    const file = path.join(temporary(), 'log');
    const log = new RotatingFile(file, 100);
    for (let line = 0; line < 100; line++) log.append(`line ${line}\n`);
    log.append('x'.repeat(500));
    log.close();
    expect(statSync(file).size).toBeLessThanOrEqual(100);
    expect(statSync(`${file}.1`).size).toBeLessThanOrEqual(100);
    expect(existsSync(`${file}.2`)).toBe(false);
    expect(readFileSync(`${file}.1`, 'utf8')).toContain('line 99\n');
  });

  test('counts what was there before', () => {
    const file = path.join(temporary(), 'log');
    writeFileSync(file, 'x'.repeat(95));
    const log = new RotatingFile(file, 100);
    log.append('123456');
    log.close();
    expect(readFileSync(file, 'utf8')).toBe('123456');
  });
});

describe('Journal', () => {
  const event = (text: string, payload: unknown = { n: 1 }): CodedEvent => ({
    code: 'GATE_OPEN',
    at: '2026-11-23T00:00:00.000Z',
    level: 'info',
    text,
    payload,
  });
  const texts = (file: string, most?: number) => readJournal(file, most).map(({ text }) => text);

  test('gives events back in order, the last ones if asked', () => {
    const file = path.join(temporary(), 'journal.jsonl');
    expect(readJournal(file)).toEqual([]);
    const journal = new Journal(file);
    for (const text of ['a', 'b', 'c']) journal.append(event(text));
    journal.close();
    expect(readJournal(file)[0]).toEqual(event('a'));
    expect(texts(file, 2)).toEqual(['b', 'c']);
    expect(texts(file, 0)).toEqual([]);
  });

  test('a line cut off by a power cut costs that line only', () => {
    const file = path.join(temporary(), 'journal.jsonl');
    const first = new Journal(file);
    first.append(event('whole'));
    first.close();
    appendFileSync(file, '{"code":"GATE_O');
    expect(texts(file)).toEqual(['whole']);
    const second = new Journal(file);
    second.append(event('after'));
    second.close();
    expect(texts(file)).toEqual(['whole', 'after']);
  });

  // A device of Linux that takes nothing: null(4).
  testUnless(existsSync('/dev/full') ? undefined : 'no /dev/full here', 'a disk that takes nothing')(
    'a disk that takes nothing costs the events, is counted, and throws nothing',
    () => {
      const file = path.join(temporary(), 'journal.jsonl');
      symlinkSync('/dev/full', file);
      const journal = new Journal(file);
      for (const text of ['a', 'b', 'c']) journal.append(event(text));
      expect(journal.dropped).toBe(3);
      journal.close();
      expect(() => new RotatingFile(file, 100).append('x')).toThrow(/ENOSPC/);
    },
  );

  test('passes over what is no event', () => {
    const file = path.join(temporary(), 'journal.jsonl');
    writeFileSync(
      file,
      `null\n[]\n{"code":1}\n${JSON.stringify({ ...event('x'), level: 'loud' })}\n${JSON.stringify(event('ok'))}\n`,
    );
    expect(texts(file)).toEqual(['ok']);
  });

  test('is bounded, and reads across the rotation', () => {
    const file = path.join(temporary(), 'journal.jsonl');
    const journal = new Journal(file, 2_000);
    for (let n = 0; n < 200; n++) journal.append(event(`event ${n}`));
    journal.append(event('huge', 'x'.repeat(100_000)));
    journal.close();
    const all = readJournal(file);
    expect(all.at(-1)).toMatchObject({ text: 'huge', payload: null });
    expect(all.at(-2)?.text).toBe('event 199');
    expect(all.length).toBeGreaterThan(10);
    expect(statSync(file).size + statSync(`${file}.1`).size).toBeLessThanOrEqual(4_000);
  });
});
