/**
 * Whoever can write where receipts lie, a work VM's escape or another program of this user, makes none that
 * `vmgate receipt check` takes. `start` reads no receipt at all: test/all/leaks/quiet.test.ts.
 *
 * @leakCase 40 none: receipts that were forged, altered, borrowed, expired or put back are refused, and told apart
 */
import { copyFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { composeReceipt, type ReceiptContent, type ReceiptFacts } from '../../../src/core/receipt.ts';
import { machineProcesses, monotonicMs, wallMs } from '../../../src/host/index.ts';
import { type InstallationKey, installationKey, receiptPath, writeReceipt } from '../../../src/trust/index.ts';
import { receiptBindingOf, receiptFacts } from '../core/receipt-facts.ts';
import { Laptop, report, scripted } from './command-line.ts';

let laptop: Laptop;
let key: InstallationKey;
let folder: string;
beforeEach(async () => {
  laptop = new Laptop();
  laptop.write('vmgate.yaml', 'version: 1\nvpn: acme\nwork: {web: {template: tiny}}\n');
  key = await installationKey(laptop.layout.keys);
  folder = laptop.layout.gate('default').receipts;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
});
afterEach(() => laptop.clear());

const CURRENT = receiptFacts();

async function made(changes: Partial<ReceiptFacts> = {}, { ageMs = 0, boot = '' } = {}): Promise<ReceiptContent> {
  const now = { wallMs: wallMs() - ageMs, monotonicMs: Math.max(0, monotonicMs() - ageMs), hostBootId: boot };
  const hostBootId = boot === '' ? await machineProcesses.bootId() : boot;
  return composeReceipt({ ...CURRENT, ...changes }, { ...now, hostBootId }, 60_000);
}

const open = () => laptop.supervise(scripted(report()));
const check = () => laptop.type('receipt', 'check');
const stored = () => receiptPath(folder);

test("case 40, anti-test: the gate's own receipt is taken, so a refusal means something", async () => {
  await open();
  await writeReceipt(folder, await made(), key);
  expect(await check()).toMatchObject({
    exit: 0,
    stdout: expect.stringMatching(/^valid for \d+ s more: gate default/),
  });
});

describe('case 40: refused', () => {
  const another = async () => installationKey(path.join(laptop.folder, 'another'));
  const forgeries: readonly (readonly [string, string, () => Promise<unknown>])[] = [
    ['written by hand', 'RECEIPT_UNSIGNED', async () => writeFileSync(stored(), JSON.stringify(await made()))],
    [
      'signed with another key',
      'RECEIPT_FOREIGN_SIGNER',
      async () => writeReceipt(folder, await made(), await another()),
    ],
    [
      'with the signature of an earlier one',
      'RECEIPT_TAMPERED',
      async () => {
        await writeReceipt(folder, await made(), key);
        writeFileSync(stored(), JSON.stringify(await made({ nonce: 'f'.repeat(32) })));
      },
    ],
    [
      'a signature of ours for something else',
      'RECEIPT_WRONG_PURPOSE',
      async () => {
        writeFileSync(stored(), JSON.stringify(await made()));
        writeFileSync(`${stored()}.sig`, key.sign(readFileSync(stored()), 'file'));
      },
    ],
    ['expired', 'RECEIPT_EXPIRED', async () => writeReceipt(folder, await made({}, { ageMs: 61_000 }), key)],
    [
      'of another boot of this machine',
      'RECEIPT_OTHER_BOOT',
      async () => writeReceipt(folder, await made({}, { boot: 'x' }), key),
    ],
    [
      'of an earlier gateway process',
      'RECEIPT_REPLACED',
      async () => writeReceipt(folder, await made({ bootId: 'x' }), key),
    ],
    [
      'of an earlier connection: its source port is part of the ruleset',
      'RECEIPT_REPLACED',
      async () => writeReceipt(folder, await made({ ruleset: `sha256:${'0'.repeat(64)}` }), key),
    ],
    [
      'of another vmgate.yaml',
      'RECEIPT_REPLACED',
      async () => writeReceipt(folder, await made({ configuration: `sha256:${'0'.repeat(64)}` }), key),
    ],
    ['of another gate', 'RECEIPT_REVOKED', async () => writeReceipt(folder, await made({ gate: 'bank' }), key)],
  ];
  test.each(forgeries)('%s', async (_name, code, forge) => {
    await open();
    await forge();
    const { exit, stdout, stderr } = await check();
    expect({ exit, stdout }).toEqual({ exit: 4, stdout: '' });
    expect(stderr).toContain(`error ${code}: `);
  });

  test.each([
    ['the gate has closed', { phase: 'closed', receipt: null }],
    ['it is being verified again', { phase: 'verifying', receipt: null }],
  ])('put back after a close: %s', async (_name, standing) => {
    await writeReceipt(folder, await made(), key);
    for (const part of [stored(), `${stored()}.sig`]) copyFileSync(part, `${part}.kept`);
    await laptop.supervise(scripted(report(standing)));
    for (const part of [stored(), `${stored()}.sig`]) renameSync(`${part}.kept`, part);
    expect(await check()).toMatchObject({ exit: 4, stderr: expect.stringContaining('error RECEIPT_REVOKED: ') });
  });

  test('put back when nothing runs', async () => {
    await writeReceipt(folder, await made(), key);
    expect(await check()).toMatchObject({ exit: 4, stderr: expect.stringContaining('error RECEIPT_REVOKED: ') });
  });

  test('and what differs is said', async () => {
    const standing = {
      expiresInMs: 1,
      binding: { ...receiptBindingOf(CURRENT), bootId: 'new', imageDigest: `sha256:${'9'.repeat(64)}` },
    };
    await laptop.supervise(scripted(report({ receipt: standing })));
    await writeReceipt(folder, await made(), key);
    expect((await check()).stderr).toContain('another gateway process, gateway image');
  });
});
