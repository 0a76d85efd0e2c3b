/** What a whole supervisor leaves behind of its gate's life, and whom it tells. */
import { appendFileSync, existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { receiptSchema } from '../../../src/core/receipt.ts';
import { digestOf, framesCovered, readRing, readSamples } from '../../../src/evidence/index.ts';
import { Evidence } from '../../../src/guard/evidence.ts';
import { readJournal } from '../../../src/home/index.ts';
import type { StatusReport } from '../../../src/supervisor/protocol.ts';
import { testUnless } from '../../obstacle.ts';
import { FakeControl } from './parts.ts';
import { Stand } from './stand.ts';

jest.setTimeout(20_000);

let stand: Stand;
beforeEach(async () => {
  stand = await Stand.open();
});
afterEach(() => stand.close());

const journal = () => readJournal(stand.layout.journal);
const status = async () => (await stand.ask({ verb: 'status' })) as StatusReport;

async function lose(): Promise<void> {
  stand.parts.weather.tunnel = 'dead';
  await stand.until(async () => (await stand.phase()) === 'closed');
}

async function find(): Promise<void> {
  stand.parts.weather.tunnel = 'up';
  await stand.until(async () => (await stand.phase()) === 'open');
}

test('a desktop is told of opening and of losing, not of down; that it shows nothing is journaled once', async () => {
  await stand.supervise();
  await stand.up();
  await lose();
  await find();
  await stand.ask({ verb: 'down' });
  const titles = stand.notifications.map(({ title }) => title);
  expect(titles[0]).toBe('vmgate: gate default is open');
  expect(titles.filter((title) => !/is open|closed/.test(title))).toEqual([]);
  expect(journal().filter(({ code }) => code === 'GATE_NOTIFICATION_NOT_SHOWN')).toHaveLength(1);
});

test('notify: false is quiet', async () => {
  appendFileSync(stand.configPath, 'notify: false\n');
  await stand.supervise();
  await stand.up();
  await lose();
  await find();
  expect(stand.notifications).toEqual([]);
});

test('bytes and blocked frames are in status, over gateways, and stay when the gateway is gone', async () => {
  await stand.supervise();
  await stand.up();
  const facts = { tunnel: { peers: [{ rxBytes: 7_000 }, { rxBytes: 1 }] } } as never;
  jest.spyOn(FakeControl.prototype, 'facts').mockResolvedValue(facts);
  stand.parts.guard.counts = { ...stand.parts.guard.counts, passed: { tunnel: { frames: 3, bytes: 4_200 } }, held: 1 };
  expect((await status()).traffic).toMatchObject({ outBytes: 4_200, blocked: 0, held: 1 });
  stand.parts.guard.report({ type: 'violation', why: 'UDP to 8.8.8.8', frame: '00', canary: false, recorded: false });
  await stand.until(async () => (await stand.phase()) === 'violated');
  const { traffic, unwritten, uplink, lastEvent } = await status();
  expect(uplink).toBeNull();
  expect(traffic).toMatchObject({ outBytes: 4_200, blocked: 1, held: 1 });
  expect(unwritten).toEqual({ events: 0, frames: 1 });
  expect(lastEvent).toMatchObject({ payload: { phase: 'violated' } });
});

test('samples: what went through by the time the gate closed, whoever asked', async () => {
  await stand.supervise();
  await stand.up();
  const counts = { ...stand.parts.guard.counts, passed: { tunnel: { frames: 3, bytes: 4_200 } } };
  stand.parts.guard.counts = counts;
  stand.parts.guard.report({ type: 'counts', counts });
  const { supervisor } = stand;
  await stand.ask({ verb: 'down' });
  await stand.during(supervisor?.done ?? Promise.resolve());
  const { samples, unreadable } = readSamples(stand.layout.samples);
  expect(unreadable).toBe(0);
  expect(samples.filter(({ phase }) => phase === 'open')).toMatchObject([{ outBytes: 4_200, blocked: 0 }]);
  expect(samples.reduce((sum, { outBytes }) => sum + outBytes, 0)).toBe(4_200);
});

test('a day of verifications is journaled by what changes', async () => {
  await stand.supervise();
  await stand.up();
  await stand.ask({ verb: 'verify' });
  await stand.ask({ verb: 'verify' });
  const checks = journal().filter(({ code }) => code === 'GATE_CHECK');
  expect(new Set(checks.map(({ payload }) => (payload as { check: string }).check)).size).toBe(checks.length);
  await stand.until(() => journal().some(({ code }) => code === 'GATE_RECEIPT'));
  expect(journal().filter(({ code }) => code === 'GATE_RECEIPT')).toHaveLength(1);
});

test('a receipt holds the digest of the evidence as it was, and the journal both', async () => {
  const evidence = new Evidence(stand.layout.evidence, 1_048_576);
  for (const mark of [1, 2]) evidence.keep(Buffer.alloc(60, mark), mark * 1_000);
  await stand.supervise();
  await stand.up();
  await stand.until(() => journal().some(({ code }) => code === 'GATE_RECEIPT'));
  const file = path.join(stand.layout.receipts, 'receipt.json');
  const receipt = receiptSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  expect(receipt.evidence['frames']).toBe(digestOf(readRing(stand.layout.evidence)));
  expect(journal().find(({ code }) => code === 'GATE_RECEIPT')).toMatchObject({
    payload: { evidence: receipt.evidence['frames'], expires: receipt.expires.wall },
  });
  evidence.keep(Buffer.alloc(60, 3), 3_000);
  evidence.close();
  expect(framesCovered(readRing(stand.layout.evidence), receipt.evidence['frames'] ?? '')).toBe(2);
});

test('a gate whose receipt cannot be written is no open gate', async () => {
  await stand.supervise();
  await stand.up();
  expect(await stand.phase()).toBe('open');
  rmSync(stand.layout.receipts, { recursive: true });
  writeFileSync(stand.layout.receipts, '');
  void stand.ask({ verb: 'verify' }).catch(() => undefined);
  await stand.until(async () => (await stand.phase()) !== 'open');
  expect(stand.parts.guard.isArmed).toBe(false);
  await stand.until(async () => (await status()).why.includes('receipt'));
  rmSync(stand.layout.receipts);
});

// A device of Linux that takes nothing: null(4).
testUnless(existsSync('/dev/full') ? undefined : 'no /dev/full here', 'a disk that takes nothing')(
  'a disk that takes no record ends no supervisor, and status says so',
  async () => {
    for (const file of [stand.layout.journal, stand.layout.samples]) symlinkSync('/dev/full', file);
    await stand.supervise();
    await stand.up();
    await lose();
    await find();
    stand.parts.guard.report({ type: 'violation', why: 'UDP to 8.8.8.8', frame: '00', canary: false, recorded: false });
    await stand.until(async () => (await stand.phase()) === 'violated');
    const { unwritten, lastEvent } = await status();
    expect(unwritten.frames).toBe(1);
    expect(unwritten.events).toBeGreaterThan(10);
    expect(lastEvent).toMatchObject({ payload: { phase: 'violated' } });
    await stand.up();
    expect(await stand.phase()).toBe('open');
  },
);
