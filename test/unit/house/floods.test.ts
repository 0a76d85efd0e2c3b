/**
 * What a guest can make grow, flooded with the real writers at their real sizes, against what docs/files-on-disk.md says.
 *
 * @leakCase 73 none: journal, evidence and the tails of consoles stop at the sizes that the documentation states
 */
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { occur } from '../../../src/core/coded.ts';
import { CONSOLE_BYTES } from '../../../src/drivers/qemu/gateway-host.ts';
import { STDERR_BYTES } from '../../../src/drivers/qemu/machine.ts';
import { TextTail } from '../../../src/drivers/qemu/text-tail.ts';
import { MAX_ANSWER } from '../../../src/gateway/protocol.ts';
import { Evidence } from '../../../src/guard/evidence.ts';
import { Journal } from '../../../src/home/index.ts';
import { EVIDENCE_BYTES } from '../../../src/supervisor/boot-session.ts';
import { events } from '../../../src/supervisor/codes.ts';
import { textOf } from '../docs/documents.ts';

const MIB = 1_048_576;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'vmgate-flood-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What the documentation's row on `what` says is the most, in bytes. */
function stated(what: string): number {
  const row = textOf('docs/files-on-disk.md')
    .split('\n')
    .find((line) => line.startsWith(`| ${what} |`));
  const [, number, unit] = /\| (\d+) (KiB|MiB)[^|]*\|$/.exec(row ?? '') ?? [];
  if (number === undefined) throw new Error(`no row on ${what}`);
  return Number(number) * (unit === 'MiB' ? MIB : 1_024);
}

/** What one frame of a flood leaves in the journal: the supervisor writes its first bytes down. */
const frame = occur(events.GATE_FOREIGN_FRAME, {
  why: 'UDP to 8.8.8.8:53',
  frame: 'ab'.repeat(2_048),
  canary: false,
  recorded: true,
});
const FRAMES = 3_000;

const written = () => readdirSync(folder).map((name) => statSync(path.join(folder, name)).size);

describe('case 73', () => {
  test('anti-test: the flood does not fit: an ordinary file would be larger', () => {
    const line = `${JSON.stringify(frame)}\n`;
    writeFileSync(path.join(folder, 'plain'), line.repeat(FRAMES));
    expect(written()[0]).toBeGreaterThan(2 * stated('`journal.jsonl`'));
  });

  test('the journal', () => {
    const journal = new Journal(path.join(folder, 'journal.jsonl'));
    for (let index = 0; index < FRAMES; index += 1) journal.append(frame);
    journal.close();
    expect(readdirSync(folder).toSorted()).toEqual(['journal.jsonl', 'journal.jsonl.1']);
    for (const size of written()) expect(size).toBeLessThanOrEqual(stated('`journal.jsonl`'));
  });

  test('the evidence: a flood that fills both files', () => {
    const evidence = new Evidence(folder, EVIDENCE_BYTES);
    const jumbo = Buffer.alloc(9_000, 0xaa);
    // More than are written down of each second.
    for (let second = 0; second < 200; second += 1) {
      for (let index = 0; index < 400; index += 1) evidence.keep(jumbo, second * 1_000);
    }
    evidence.close();
    expect(readdirSync(folder).toSorted()).toEqual(['first.pcap', 'latest.pcap']);
    for (const size of written()) expect(size).toBeLessThanOrEqual(stated('`first.pcap`, `latest.pcap`'));
    // It was more than enough to fill both.
    expect(200 * 200 * 2_048).toBeGreaterThan(EVIDENCE_BYTES);
  });

  test.each([
    ["the gateway's serial console", CONSOLE_BYTES],
    ["QEMU's own messages", STDERR_BYTES],
  ])('%s', (what, most) => {
    expect(most).toBe(stated(what));
    const tail = new TextTail(most);
    const chunk = Buffer.alloc(65_536, 'flood\n');
    for (let index = 0; index < 1_000; index += 1) tail.push(chunk);
    expect(Buffer.byteLength(tail.text())).toBeLessThanOrEqual(most);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('an answer of the gateway', () => {
    expect(stated('an answer of the gateway')).toBe(MAX_ANSWER);
  });
});
