import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { exportFrames, readKept } from '../../../src/evidence/index.ts';
import { parsePcap } from '../../../src/frame/index.ts';
import { Evidence } from '../../../src/guard/evidence.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'vmgate-evidence-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const frame = (mark: number) => Buffer.alloc(60, mark);

/** Written by the guard's own hand. */
function kept(count: number, maxBytes = 1_048_576): string {
  const at = path.join(folder, 'evidence');
  const evidence = new Evidence(at, maxBytes);
  for (let index = 0; index < count; index += 1) evidence.keep(frame(index), 1_700_000_000_000 + index * 1_000);
  evidence.close();
  return at;
}

describe('reading', () => {
  test('nothing was ever kept', () => {
    expect(readKept(path.join(folder, 'evidence'))).toEqual({ frames: [], files: [] });
  });

  test('the beginning and the end, in order', () => {
    const { frames, files } = readKept(kept(40, 2_048));
    expect(files.map((file) => path.basename(file))).toEqual(['first.pcap', 'latest.pcap']);
    const marks = frames.map(({ frame: bytes }) => bytes[0] ?? -1);
    expect(marks[0]).toBe(0);
    expect(marks.at(-1)).toBe(39);
    expect(marks).toEqual(marks.toSorted((a, b) => a - b));
  });

  test('a record that is just being written is left out', () => {
    const at = kept(3);
    const first = path.join(at, 'first.pcap');
    truncateSync(first, statSync(first).size - 1);
    expect(readKept(at).frames).toHaveLength(2);
  });

  test.each([
    ['no pcap', (file: string) => writeFileSync(file, 'x'.repeat(100))],
    ['a folder', (file: string) => mkdirSync(file)],
  ])('%s in its place is an error that names it', (_name, plant) => {
    const at = path.join(folder, 'evidence');
    mkdirSync(at);
    plant(path.join(at, 'first.pcap'));
    expect(() => readKept(at)).toThrow(
      expect.objectContaining({
        code: 'EVIDENCE_UNREADABLE',
        payload: expect.objectContaining({ file: path.join(at, 'first.pcap') }),
      }),
    );
  });
});

describe('exporting', () => {
  test('one file, for its owner only, that reads back the same', () => {
    const { frames } = readKept(kept(5));
    const target = path.join(folder, 'leak.pcap');
    exportFrames(frames, target);
    expect(statSync(target).mode & 0o777).toBe(0o600);
    expect(parsePcap(readFileSync(target))).toEqual(frames);
  });

  test('a frame that was kept cut keeps the length it had on the wire', () => {
    const at = path.join(folder, 'evidence');
    const evidence = new Evidence(at, 1_048_576);
    evidence.keep(Buffer.alloc(4_000, 1), 1_700_000_000_000);
    evidence.close();
    const { frames } = readKept(at);
    const target = path.join(folder, 'leak.pcap');
    exportFrames(frames, target);
    const [exported] = parsePcap(readFileSync(target)) ?? [];
    expect(exported?.originalLength).toBe(4_000);
    expect(exported?.frame.length).toBeLessThan(4_000);
  });

  test('never over a file, nor into nowhere', () => {
    const target = path.join(folder, 'there');
    writeFileSync(target, 'mine');
    expect(() => exportFrames([], target)).toThrow(expect.objectContaining({ code: 'EVIDENCE_EXISTS', exit: 2 }));
    expect(readFileSync(target, 'utf8')).toBe('mine');
    expect(() => exportFrames([], path.join(folder, 'no', 'where'))).toThrow(
      expect.objectContaining({ code: 'EVIDENCE_NOT_WRITTEN', exit: 3 }),
    );
  });
});
