import { appendFileSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { occur } from '../../../src/core/coded.ts';
import { composeReceipt } from '../../../src/core/receipt.ts';
import { digestOf, readRing } from '../../../src/evidence/index.ts';
import { parsePcap, udpFrame } from '../../../src/frame/index.ts';
import { Evidence } from '../../../src/guard/evidence.ts';
import { Journal } from '../../../src/home/index.ts';
import { machineProcesses, monotonicMs, wallMs } from '../../../src/host/index.ts';
import { events } from '../../../src/supervisor/codes.ts';
import { installationKey, writeReceipt } from '../../../src/trust/index.ts';
import { receiptFacts } from '../core/receipt-facts.ts';
import { CONFIG, Laptop } from './command-line.ts';

let laptop: Laptop;
beforeEach(() => {
  laptop = new Laptop();
  laptop.write('vmgate.yaml', CONFIG);
});
afterEach(() => laptop.clear());

const gate = () => laptop.layout.gate('default');
const hop = { sourceMac: '52:54:00:00:00:01', destinationMac: '52:55:0a:00:02:02' };
const frameTo = (destinationPort: number) =>
  udpFrame(
    hop,
    { source: '10.0.2.15', destination: '192.0.2.8', sourcePort: 4_444, destinationPort },
    Buffer.from('x'),
  );

function keep(...ports: readonly number[]): void {
  const kept = new Evidence(gate().evidence, 1_048_576);
  for (const [index, port] of ports.entries()) kept.keep(frameTo(port), (index + 1) * 1_000);
  kept.close();
}

function journal(...told: Parameters<Journal['append']>[0][]): void {
  mkdirSync(gate().folder, { recursive: true, mode: 0o700 });
  const written = new Journal(gate().journal);
  for (const event of told) written.append(event);
  written.close();
}

const foreign = (port: number, recorded: boolean) =>
  occur(events.GATE_FOREIGN_FRAME, {
    why: `destination port ${port} is not the endpoint's`,
    frame: frameTo(port).toString('hex', 0, 128),
    canary: false,
    recorded,
  });

const digest = () => digestOf(readRing(gate().evidence));

describe('which rule a frame broke', () => {
  test('is beside the frame, as the journal has it; and what the disk did not take is there too', async () => {
    keep(7_777, 8_888);
    journal(foreign(7_777, true), foreign(9_999, false));
    const { stdout } = await laptop.type('evidence');
    expect(stdout).toMatch(/192\.0\.2\.8:7777, 1 bytes: destination port 7777 is not the endpoint's\n/);
    expect(stdout).toMatch(/192\.0\.2\.8:8888, 1 bytes\n/);
    expect(stdout).toMatch(/1 frame more that the disk did not take, as the journal has it:\n.*192\.0\.2\.8:9999/);
  });
});

describe('what was let out to a portal', () => {
  function letOut(...ports: readonly number[]): void {
    const kept = new Evidence(gate().evidence, 1_048_576);
    for (const [index, port] of ports.entries()) kept.keepPortal(frameTo(port), (index + 1) * 1_000);
    kept.close();
  }

  test('is shown and exported by itself, never among what was held back', async () => {
    keep(7_777);
    letOut(443, 80);
    const { exit, stdout } = await laptop.type('evidence', '--portal', '--export', 'signed-in.pcap');
    expect(exit).toBe(0);
    expect(stdout).toContain('gate default: 2 frames to a portal, let out in clear, UTC');
    expect(stdout).toContain('192.0.2.8:443');
    expect(stdout).not.toContain('7777');
    const exported = parsePcap(readFileSync(path.join(laptop.project, 'signed-in.pcap'))) ?? [];
    expect(exported.map(({ frame }) => frame)).toEqual([frameTo(443), frameTo(80)]);
    expect((await laptop.type('evidence')).stdout).not.toContain(':443');
  });

  test('nobody was let through; and no receipt speaks of it', async () => {
    expect((await laptop.type('evidence', '--portal')).stdout).toContain('nobody was let through to a portal');
    expect(await laptop.type('evidence', '--portal', '--receipt', 'receipt.json')).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('a receipt does not speak of'),
    });
  });
});

describe('what a receipt has to do with it', () => {
  const signed = (evidence: string) =>
    occur(events.GATE_RECEIPT, { receipt: `sha256:${'ab'.repeat(32)}`, evidence, expires: '' });

  test.each([
    ['before all of these', () => [] as number[], /sha256:abababababab of .* UTC was signed before all of these/],
    ['after some', () => [1], /was signed after the first 1 of these, before the others/],
    ['after all', () => [1, 2, 3], /was signed after all of these/],
  ])('the last one that was journaled: %s', async (_what, before, said) => {
    const first = before();
    keep(...first);
    journal(signed(digest()));
    keep(...[1, 2, 3].slice(first.length));
    expect((await laptop.type('evidence')).stdout).toMatch(said);
  });

  test('of evidence that was changed since, it is none', async () => {
    keep(1, 2);
    journal(signed(`sha256:${'0'.repeat(64)}`));
    expect((await laptop.type('evidence')).stdout).toContain('is of other evidence than this');
  });

  test('a copy of one that was kept: believed by its signature only', async () => {
    keep(1);
    const now = { wallMs: wallMs(), monotonicMs: monotonicMs(), hostBootId: await machineProcesses.bootId() };
    const facts = { ...receiptFacts(), evidence: { frames: digest() } };
    const key = await installationKey(laptop.layout.keys);
    const file = await writeReceipt(laptop.project, composeReceipt(facts, now, 60_000), key);
    keep(2);
    const { json } = await laptop.type('evidence', '--receipt', path.basename(file), '--json');
    expect(json()).toMatchObject([{ kept: 2, receipt: { frames: 1, issued: new Date(now.wallMs).toISOString() } }]);
    laptop.write(
      'receipt.json',
      laptop
        .read('receipt.json')
        .replace(digest(), `sha256:${'0'.repeat(64)}`)
        .replace('1', '2'),
    );
    expect(await laptop.type('evidence', '--receipt', 'receipt.json')).toMatchObject({
      exit: 4,
      stderr: expect.stringContaining('RECEIPT_TAMPERED'),
    });
  });
});

describe('the day', () => {
  test('in the terminal, of today and of another day', async () => {
    journal({ ...occur(events.GATE_PHASE, { gate: 'default', phase: 'down', why: '' }), at: new Date().toISOString() });
    expect((await laptop.type('evidence', '--timeline')).stdout).toMatch(/ down\n$/);
    const other = await laptop.type('evidence', '--timeline', '--day', '2020-02-29');
    expect(other.stdout).toContain('gate default on Saturday, 29 February 2020');
    expect(other.stdout).toContain('nothing was recorded on this day');
  });

  test('as a page: for its owner only, whole, never over a file', async () => {
    const { exit, stdout } = await laptop.type('evidence', '--html', 'day.html');
    const file = path.join(laptop.project, 'day.html');
    expect({ exit, stdout }).toEqual({ exit: 0, stdout: expect.stringContaining(`written  ${file}`) });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/);
    expect(await laptop.type('evidence', '--html', 'day.html')).toMatchObject({ exit: 2 });
  });

  test.each([
    [['--timeline', '--day', '2026-02-31']],
    [['--timeline', '--day', 'yesterday']],
    [['--timeline', '--day', '2026-11-26T00:00']],
    [['--day', '2026-11-26']],
  ])('%s is a usage error', async (argv) => {
    expect(await laptop.type('evidence', ...argv)).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('CLI_USAGE'),
    });
  });

  test('journal.jsonl cut off in the middle of a line: the rest is told, and that something is missing', async () => {
    const at = new Date().toISOString();
    journal({ ...occur(events.GATE_PHASE, { gate: 'default', phase: 'down', why: '' }), at });
    appendFileSync(gate().journal, '{"code":"GATE_PHASE","at":"2026-11-');
    const { stdout } = await laptop.type('evidence', '--timeline');
    expect(stdout).toContain('1 line of the records could not be read');
    expect(stdout).toMatch(/ down\n$/);
    expect((await laptop.type('logs')).stdout).toContain('gate default is down');
  });
});
