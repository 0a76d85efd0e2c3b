/**
 * A disk that fills while evidence is written: nothing throws, nothing is half written, what is missing is counted, and
 * it goes on when there is room again. On a real file system of 256 KiB.
 */
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { occur } from '../../../src/core/coded.ts';
import { exportFile, framesOf, readRing, readSamples } from '../../../src/evidence/index.ts';
import { parsePcap, pcapHeader, pcapRecord } from '../../../src/frame/index.ts';
import { Evidence } from '../../../src/guard/evidence.ts';
import { Journal, readWholeJournal } from '../../../src/home/index.ts';
import { run } from '../../../src/host/index.ts';
import { events } from '../../../src/supervisor/codes.ts';
import { Meter } from '../../../src/supervisor/meter.ts';
import { Samples } from '../../../src/supervisor/samples.ts';
import { describeUnless, missing, notRoot } from '../../obstacle.ts';

const isLinux = process.platform === 'linux' ? undefined : 'mounts a tmpfs, which only Linux has';

describeUnless(isLinux ?? notRoot() ?? missing('mount', 'umount'), 'a full disk')('a full disk', () => {
  let disk: string;
  beforeEach(async () => {
    disk = mkdtempSync(path.join(tmpdir(), 'vmgate-full-'));
    const argv = ['-t', 'tmpfs', '-o', 'size=256k,mode=700', 'tmpfs', disk];
    expect(await run({ tool: 'mount', argv, timeoutMs: 10_000 })).toMatchObject({ code: 0 });
  });
  afterEach(async () => {
    await run({ tool: 'umount', argv: ['-l', disk], timeoutMs: 10_000 });
    rmSync(disk, { recursive: true });
  });

  const ballast = () => path.join(disk, 'ballast');

  /** Leaves `bytes` of room, and less than a page more. */
  function fill(): void {
    writeFileSync(ballast(), '');
    for (const size of [65_536, 4_096]) {
      try {
        for (;;) appendFileSync(ballast(), Buffer.alloc(size));
      } catch {}
    }
  }

  const frame = (mark: number) => Buffer.alloc(1_000, mark);

  test('frames: whole ones only, before and after', () => {
    const evidence = new Evidence(path.join(disk, 'evidence'), 1_048_576);
    const kept: number[] = [];
    const keep = (mark: number) => {
      if (evidence.keep(frame(mark), mark * 1_000)) kept.push(mark);
    };
    for (let mark = 0; mark < 20; mark += 1) keep(mark);
    fill();
    for (let mark = 20; mark < 60; mark += 1) keep(mark);
    // The last page was taken, and then no more.
    expect(kept.length).toBeLessThan(30);
    // Of what the disk took of the last one nothing is left, neither for a reader nor under what comes next.
    const size = () => statSync(path.join(disk, 'evidence', 'first.pcap')).size;
    expect((size() - 24) % 1_016).toBe(0);
    rmSync(ballast());
    for (let mark = 60; mark < 70; mark += 1) keep(mark);
    evidence.close();
    const read = framesOf(readRing(path.join(disk, 'evidence')));
    expect(read.map(({ frame: bytes }) => bytes[0])).toEqual(kept);
    expect(kept.slice(-10)).toEqual([60, 61, 62, 63, 64, 65, 66, 67, 68, 69]);
  });

  test('anti-test: a writer that takes nothing back leaves a file that reads wrong', () => {
    const file = path.join(disk, 'plain.pcap');
    const append = (bytes: Buffer) => {
      try {
        appendFileSync(file, bytes);
      } catch {}
    };
    append(pcapHeader(2_048));
    fill();
    for (let mark = 1; mark < 10; mark += 1) append(pcapRecord(mark, frame(mark), 2_048));
    rmSync(ballast());
    append(pcapRecord(99, frame(99), 2_048));
    const last = parsePcap(readFileSync(file))?.at(-1)?.frame;
    expect(last?.equals(frame(99))).not.toBe(true);
  });

  test('a guard that starts on a full disk guards, and counts', () => {
    fill();
    const evidence = new Evidence(path.join(disk, 'evidence'), 1_048_576);
    expect([1, 2, 3].map((mark) => evidence.keep(frame(mark), 1_000))).toEqual([false, false, false]);
    rmSync(ballast());
    expect(evidence.keep(frame(4), 2_000)).toBe(true);
    evidence.close();
    expect(framesOf(readRing(path.join(disk, 'evidence')))).toHaveLength(1);
  });

  test('the journal: whole lines, a line that says how many are missing, and no exception', () => {
    const file = path.join(disk, 'journal.jsonl');
    const journal = new Journal(file);
    const event = (name: string) => occur(events.GATE_WORK, { name, what: 'x'.repeat(3_000) });
    journal.append(event('before'));
    fill();
    for (let index = 0; index < 50; index += 1) journal.append(event(`during ${index}`));
    const { dropped } = journal;
    expect(dropped).toBeGreaterThan(45);
    rmSync(ballast());
    journal.append(event('after'));
    journal.close();
    const { events: read, unreadable } = readWholeJournal(file);
    expect(unreadable).toBe(0);
    expect(read.at(-1)?.text).toContain('after');
    expect(read.at(-2)).toMatchObject({ code: 'HOME_JOURNAL_GAP', payload: { lost: dropped } });
    expect(journal.dropped).toBe(dropped);
  });

  test('samples: the next one makes up for those that are missing', () => {
    const file = path.join(disk, 'samples.jsonl');
    const meter = new Meter();
    const samples = new Samples(file, meter);
    const phase = (name: 'open' | 'closed') => occur(events.GATE_PHASE, { gate: 'default', phase: name, why: '' });
    for (let turn = 0; turn < 20; turn += 1) samples.observe(phase('open'));
    fill();
    meter.received(1_000);
    for (let turn = 0; turn < 200; turn += 1) samples.observe(phase('open'));
    meter.received(5_000);
    rmSync(ballast());
    samples.close();
    const { samples: read, unreadable } = readSamples(file);
    expect(unreadable).toBe(0);
    expect(read.reduce((sum, { inBytes }) => sum + inBytes, 0)).toBe(5_000);
  });

  test('an export that does not fit says so and leaves nothing', () => {
    const target = path.join(disk, 'leak.pcap');
    expect(() => exportFile([Buffer.alloc(200_000), Buffer.alloc(200_000)], target)).toThrow(
      expect.objectContaining({ code: 'EVIDENCE_NOT_WRITTEN', exit: 3 }),
    );
    expect(existsSync(target)).toBe(false);
    exportFile([Buffer.alloc(100_000)], target);
    expect(statSync(target).size).toBe(100_000);
  });
});
