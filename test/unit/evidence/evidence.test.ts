import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  digestOf,
  exportFile,
  flowsOf,
  framesCovered,
  framesOf,
  RingDigest,
  readRing,
} from '../../../src/evidence/index.ts';
import { parsePcap, udpFrame } from '../../../src/frame/index.ts';
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
    const ring = readRing(path.join(folder, 'evidence'));
    expect(ring.files).toEqual([]);
    expect(framesOf(ring)).toEqual([]);
  });

  test('the beginning and the end, in order', () => {
    const ring = readRing(kept(40, 2_048));
    const frames = framesOf(ring);
    expect(ring.files.map((file) => path.basename(file))).toEqual(['first.pcap', 'latest.pcap']);
    const marks = frames.map(({ frame: bytes }) => bytes[0] ?? -1);
    expect(marks[0]).toBe(0);
    expect(marks.at(-1)).toBe(39);
    expect(marks).toEqual(marks.toSorted((a, b) => a - b));
  });

  test('a record that is just being written is left out', () => {
    const at = kept(3);
    const first = path.join(at, 'first.pcap');
    truncateSync(first, statSync(first).size - 1);
    expect(framesOf(readRing(at))).toHaveLength(2);
  });

  test.each([
    ['no pcap', (file: string) => writeFileSync(file, 'x'.repeat(100))],
    ['a folder', (file: string) => mkdirSync(file)],
  ])('%s in its place is an error that names it', (_name, plant) => {
    const at = path.join(folder, 'evidence');
    mkdirSync(at);
    plant(path.join(at, 'first.pcap'));
    expect(() => readRing(at)).toThrow(
      expect.objectContaining({
        code: 'EVIDENCE_UNREADABLE',
        payload: expect.objectContaining({ file: path.join(at, 'first.pcap') }),
      }),
    );
  });
});

describe('exporting', () => {
  test('one file, for its owner only, that reads back the same', () => {
    const ring = readRing(kept(5));
    const target = path.join(folder, 'leak.pcap');
    exportFile(ring.pcap, target);
    expect(statSync(target).mode & 0o777).toBe(0o600);
    expect(parsePcap(readFileSync(target))).toEqual(framesOf(ring));
  });

  test('a frame that was kept cut keeps the length it had on the wire', () => {
    const at = path.join(folder, 'evidence');
    const evidence = new Evidence(at, 1_048_576);
    evidence.keep(Buffer.alloc(4_000, 1), 1_700_000_000_000);
    evidence.close();
    const target = path.join(folder, 'leak.pcap');
    exportFile(readRing(at).pcap, target);
    const [exported] = parsePcap(readFileSync(target)) ?? [];
    expect(exported?.originalLength).toBe(4_000);
    expect(exported?.frame.length).toBeLessThan(4_000);
  });

  test('never over a file, nor into nowhere', () => {
    const target = path.join(folder, 'there');
    writeFileSync(target, 'mine');
    expect(() => exportFile(['x'], target)).toThrow(expect.objectContaining({ code: 'EVIDENCE_EXISTS', exit: 2 }));
    expect(readFileSync(target, 'utf8')).toBe('mine');
    expect(() => exportFile(['x'], path.join(folder, 'no', 'where'))).toThrow(
      expect.objectContaining({ code: 'EVIDENCE_NOT_WRITTEN', exit: 3 }),
    );
  });

  test('what was cut of a long frame stays known', () => {
    const at = path.join(folder, 'evidence');
    const evidence = new Evidence(at, 1_048_576);
    evidence.keep(Buffer.alloc(9_000, 1), 1_000);
    evidence.close();
    const target = path.join(folder, 'leak.pcap');
    exportFile(readRing(at).pcap, target);
    expect(parsePcap(readFileSync(target))?.[0]).toMatchObject({ originalLength: 9_000 });
  });
});

describe('bound by digest', () => {
  test('is what stock tools say of the exported file, and, while it fits, of the guard’s own first one', () => {
    const at = kept(5);
    const target = path.join(folder, 'leak.pcap');
    exportFile(readRing(at).pcap, target);
    const digest = `sha256:${createHash('sha256').update(readFileSync(target)).digest('hex')}`;
    expect(digestOf(readRing(at))).toBe(digest);
    expect(readFileSync(target)).toEqual(readFileSync(path.join(at, 'first.pcap')));
  });

  test('tells how many frames were there when it was taken', () => {
    const digests = [0, 3, 7].map((count) => digestOf(readRing(kept(count))));
    // Each of them added to what the one before had left.
    expect(digests.map((digest) => framesCovered(readRing(path.join(folder, 'evidence')), digest))).toEqual([0, 3, 10]);
  });

  test('one changed byte, or other evidence, and it fits nowhere', () => {
    const at = kept(4);
    const digest = digestOf(readRing(at));
    const file = path.join(at, 'first.pcap');
    const bytes = readFileSync(file);
    bytes[60] = (bytes[60] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    expect(framesCovered(readRing(at), digest)).toBeUndefined();
    rmSync(file);
    expect(framesCovered(readRing(at), digest)).toBeUndefined();
    expect(framesCovered(readRing(at), '')).toBeUndefined();
  });

  test('is reckoned anew when a frame came, and only then', () => {
    const at = kept(2);
    const ring = new RingDigest(at);
    const before = ring.digest();
    expect(ring.digest()).toBe(before);
    kept(1);
    expect(ring.digest()).toBe(digestOf(readRing(at)));
    expect(ring.digest()).not.toBe(before);
  });
});

test('flows: thousands of frames in a line each', () => {
  const at = path.join(folder, 'evidence');
  const evidence = new Evidence(at, 1_048_576);
  const hop = { sourceMac: '52:54:00:00:00:01', destinationMac: '52:55:0a:00:02:02' };
  const to = (destination: string, destinationPort: number, index: number) =>
    udpFrame(hop, { source: '10.0.2.15', destination, sourcePort: 1_000 + index, destinationPort }, Buffer.from('x'));
  for (let index = 0; index < 30; index += 1) evidence.keep(to('8.8.8.8', 4_444, index), index * 1_000);
  for (let index = 0; index < 10; index += 1) evidence.keep(to('9.9.9.9', 5_555, index), index * 1_000);
  evidence.close();
  expect(flowsOf(framesOf(readRing(at)))).toEqual([
    { what: 'udp to 8.8.8.8:4444', frames: 30, bytes: 30 * 43, firstMs: 0, lastMs: 29_000 },
    { what: 'udp to 9.9.9.9:5555', frames: 10, bytes: 10 * 43, firstMs: 0, lastMs: 9_000 },
  ]);
});
