import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { parsePcap } from '../../../src/frame/index.ts';
import { Evidence } from '../../../src/guard/evidence.ts';

let folder: string;
beforeEach(() => {
  folder = path.join(mkdtempSync(path.join(tmpdir(), 'vmgate-evidence-')), 'evidence');
});
afterEach(() => rmSync(path.dirname(folder), { recursive: true }));

function kept(file: string) {
  return parsePcap(readFileSync(path.join(folder, file)));
}

test('the first frames stay, the latest come and go, and the size is bounded', () => {
  const evidence = new Evidence(folder, 8_192);
  for (let index = 0; index < 1_000; index += 1) evidence.keep(Buffer.alloc(100, index), index * 1_000);
  evidence.close();
  const first = kept('first.pcap');
  expect(first?.[0]).toEqual({ atMs: 0, originalLength: 100, frame: Buffer.alloc(100, 0) });
  expect(first?.[1]?.atMs).toBe(1_000);
  expect(kept('latest.pcap')?.at(-1)?.atMs).toBe(999_000);
  for (const file of ['first.pcap', 'latest.pcap']) {
    const { size, mode } = statSync(path.join(folder, file));
    expect(size).toBeLessThanOrEqual(4_096);
    expect(mode & 0o777).toBe(0o600);
  }
});

test('a flood within one second is not written down whole', () => {
  const evidence = new Evidence(folder, 10_000_000);
  for (let index = 0; index < 10_000; index += 1) evidence.keep(Buffer.alloc(60), 5_000);
  evidence.close();
  expect(kept('first.pcap')?.length).toBe(200);
});

test('a second guard adds to what the first one left', () => {
  for (const atMs of [1_000, 2_000]) {
    const evidence = new Evidence(folder, 65_536);
    evidence.keep(Buffer.alloc(60), atMs);
    evidence.close();
  }
  expect(kept('first.pcap')?.map(({ atMs }) => atMs)).toEqual([1_000, 2_000]);
});

test('a disk that takes nothing does not stop the guard', () => {
  const evidence = new Evidence(folder, 65_536);
  evidence.close();
  expect(() => evidence.keep(Buffer.alloc(60), 1_000)).not.toThrow();
});
