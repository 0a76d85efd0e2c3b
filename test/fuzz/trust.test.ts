import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { composeReceipt, RECEIPT_NAMESPACE, receiptSchema, renderReceipt } from '../../src/core/receipt.ts';
import { GATE_CHECKS } from '../../src/core/verdict.ts';
import {
  decodePrivateKey,
  ed25519Blob,
  formatPublicLine,
  MalformedSsh,
  makeKeyPair,
  openSshPrivateKey,
  parsePublicLine,
  sshString,
} from '../../src/ssh/index.ts';
import { checkReceipt, installationKey, isTrusted, projectDigest, verifyMessage } from '../../src/trust/index.ts';
import { signMessage } from '../../src/trust/sshsig.ts';
import { receiptFacts } from '../unit/core/receipt-facts.ts';
import { corpusOf, fuzz, orCodedLater } from './fuzz.ts';
import { growsLinearly } from './growth.ts';
import { mutatedJson } from './json-mutate.ts';
import { mutated } from './mutate.ts';

const folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'vmgate-fuzz-')));
afterAll(() => rmSync(folder, { recursive: true }));

const NOW = { wallMs: Date.parse('2026-11-23T08:00:00Z'), monotonicMs: 1_000, hostBootId: 'boot-1' };
const receipt = composeReceipt(receiptFacts(), NOW, 60_000);
const bytes = Buffer.from(renderReceipt(receipt));
const key = await installationKey(path.join(folder, 'keys'));
const armored = key.sign(bytes, RECEIPT_NAMESPACE);
const expected = { namespace: RECEIPT_NAMESPACE, signers: [key.publicBlob] };

function stored(content: Buffer, signature: string): string {
  const file = path.join(folder, 'receipt.json');
  writeFileSync(file, content);
  writeFileSync(`${file}.sig`, signature);
  return file;
}

test('the receipt that is mutated below is believed as it stands', async () => {
  expect((await checkReceipt(stored(bytes, armored), key, NOW)).receipt).toEqual(receipt);
});

fuzz({
  name: 'receipt',
  batch: 50,
  inputs: mutatedJson([receipt], ['"outcome":"verified"', '"refuted"', '"foreign":0', '"version":1']),
  judge: async (content) => {
    // Changed after it was signed: never believed, whatever it says now.
    const tampered = await orCodedLater(['RECEIPT_'], () => checkReceipt(stored(content, armored), key, NOW));
    if (!content.equals(bytes)) expect(tampered).toBeUndefined();
    // Signed as it is, by a vmgate that lost its mind: believed only if it is a receipt of a whole verification.
    const signed = stored(content, key.sign(content, RECEIPT_NAMESPACE));
    const believed = await orCodedLater(['RECEIPT_'], () => checkReceipt(signed, key, NOW));
    if (believed === undefined) return;
    const { receipt: read, remainingMs } = believed;
    expect(remainingMs).toBeLessThanOrEqual(3_600_000);
    expect(
      new Set(read.verdicts.filter(({ outcome }) => outcome !== 'verified').map(({ outcome }) => outcome)),
    ).toEqual(new Set(read.verdicts.some(({ outcome }) => outcome === 'not asked') ? ['not asked'] : []));
    expect(read.verdicts.map(({ check }) => check).toSorted()).toEqual([...GATE_CHECKS].toSorted());
    expect([read.guard.foreign, read.guard.canaries]).toEqual([0, 0]);
    expect(receiptSchema.parse(JSON.parse(renderReceipt(read)))).toEqual(read);
  },
});

/** What stands between the armor's lines; PROTOCOL.sshsig has verifiers ignore the field `reserved`. */
function inside(text: string): string {
  const body = Buffer.from(text.trim().split(/\r?\n/).slice(1, -1).join(''), 'base64');
  const reservedAt = 10 + 4 + key.publicBlob.length + 4 + RECEIPT_NAMESPACE.length;
  const reserved = 4 + body.readUInt32BE(reservedAt);
  return Buffer.concat([body.subarray(0, reservedAt), body.subarray(reservedAt + reserved)]).toString('hex');
}

const raw = Buffer.from(armored.split('\n').slice(1, -2).join(''), 'base64');
const arm = (body: Buffer) =>
  `-----BEGIN SSH SIGNATURE-----\n${body.toString('base64').replace(/.{1,70}/g, '$&\n')}-----END SSH SIGNATURE-----\n`;

fuzz({
  name: 'signature-armor',
  inputs: mutated(
    [Buffer.from(armored), ...corpusOf('signature-armor').map((kept) => kept.bytes)],
    ['\n', '\r\n', '=', '-----', 'A'],
  ),
  judge: (input) => {
    const text = input.toString('latin1');
    const verdict = verifyMessage(bytes, text, expected);
    if (verdict.ok) expect(inside(text)).toBe(inside(armored));
    else expect(verdict.detail.length).toBeLessThan(500);
    // No signature of one thing is one of another.
    expect(verifyMessage(Buffer.concat([bytes, Buffer.from(' ')]), text, expected).ok).toBe(false);
    expect(verifyMessage(bytes, text, { ...expected, namespace: 'file' }).ok).toBe(false);
    expect(verifyMessage(bytes, text, { ...expected, signers: [] }).ok).toBe(false);
  },
});

const foreignKeys = (['nistp256', 'nistp384', 'nistp521'] as const).map((curve) => {
  const jwk = generateKeyPairSync('ec', {
    namedCurve: { nistp256: 'P-256', nistp384: 'P-384', nistp521: 'P-521' }[curve],
  }).publicKey.export({ format: 'jwk' });
  const point = Buffer.concat([
    Buffer.of(4),
    Buffer.from(jwk.x ?? '', 'base64url'),
    Buffer.from(jwk.y ?? '', 'base64url'),
  ]);
  return Buffer.concat([`ecdsa-sha2-${curve}`, curve, point].map(sshString));
});
const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 }).publicKey.export({ format: 'jwk' });
const rsaBlob = Buffer.concat(
  [
    'ssh-rsa',
    Buffer.from(rsa.e ?? '', 'base64url'),
    Buffer.concat([Buffer.of(0), Buffer.from(rsa.n ?? '', 'base64url')]),
  ].map(sshString),
);
const wearing = (blob: Buffer, algorithm: string) =>
  Buffer.concat([
    Buffer.from('SSHSIG\0\0\0\x01', 'latin1'),
    ...[
      blob,
      RECEIPT_NAMESPACE,
      '',
      'sha512',
      Buffer.concat(
        [algorithm, Buffer.concat([sshString(Buffer.alloc(32, 1)), sshString(Buffer.alloc(32, 2))])].map(sshString),
      ),
    ].map(sshString),
  ]);

fuzz({
  name: 'signature',
  around: [raw],
  inputs: mutated(
    [raw, ...foreignKeys.map((blob) => wearing(blob, 'ecdsa-sha2-nistp256')), wearing(rsaBlob, 'rsa-sha2-512')],
    [
      ...[
        'ssh-ed25519',
        'ssh-rsa',
        'rsa-sha2-256',
        'ecdsa-sha2-nistp521',
        'ecdsa-sha2-constructor',
        '__proto__',
        'sha256',
        'SSHSIG',
      ],
      ...[sshString(''), sshString('ssh-ed25519'), Buffer.from([0, 0, 0, 0]), Buffer.from([0xff, 0xff, 0xff, 0xff])],
    ],
  ),
  judge: (body) => {
    const text = arm(body);
    // Every key is a signer here: what is malformed must be seen before it is known that nobody would believe it.
    const verdict = verifyMessage(bytes, text, { ...expected, signers: [key.publicBlob, rsaBlob, ...foreignKeys] });
    if (verdict.ok) expect(inside(text)).toBe(inside(armored));
  },
});

const { seed, publicRaw } = makeKeyPair();
const privateText = openSshPrivateKey({ seed, publicRaw }, 'vmgate');
const privateRaw = Buffer.from(privateText.split('\n').slice(1, -2).join(''), 'base64');

fuzz({
  name: 'private-key',
  around: [privateRaw],
  inputs: mutated([privateRaw], ['openssh-key-v1\0', sshString('none'), sshString('ssh-ed25519')]),
  judge: (body) => {
    const text = `-----BEGIN OPENSSH PRIVATE KEY-----\n${body.toString('base64')}\n-----END OPENSSH PRIVATE KEY-----\n`;
    try {
      const read = decodePrivateKey(text);
      // Its halves belong together: what it signs, its public half checks.
      const blob = ed25519Blob(read.publicRaw);
      const signature = signMessage('m', 'n', { privateKey: read.privateKey, publicBlob: blob });
      expect(verifyMessage('m', signature, { namespace: 'n', signers: [blob] }).ok).toBe(true);
    } catch (fault) {
      if (!(fault instanceof MalformedSsh)) throw fault;
      expect(fault.message).not.toContain(seed.toString('base64').slice(0, 10));
    }
  },
});

fuzz({
  name: 'public-key',
  inputs: mutated(
    [ed25519Blob(publicRaw), rsaBlob, ...foreignKeys].map((blob) =>
      Buffer.from(formatPublicLine({ type: blob.subarray(4, 4 + blob.readUInt32BE()).toString(), blob }, 'me')),
    ),
  ),
  judge: (line) => {
    try {
      const { type, blob } = parsePublicLine(line.toString('latin1'));
      expect(parsePublicLine(formatPublicLine({ type, blob }, '')).blob).toEqual(blob);
    } catch (fault) {
      if (!(fault instanceof MalformedSsh)) throw fault;
    }
  },
});

const files = [{ name: 'vmgate.yaml', content: 'version: 1\n' }];
const record = { version: 1, folders: { [folder]: { digest: projectDigest(files), at: '2026-11-25T00:00:00Z' } } };

fuzz({
  name: 'trust-record',
  batch: 50,
  inputs: mutatedJson([record], [folder, projectDigest(files)]),
  judge: async (text) => {
    const file = path.join(folder, 'trusted.json');
    writeFileSync(file, text);
    const trusted = await orCodedLater(['TRUST_RECORD_DAMAGED'], () => isTrusted(file, folder, files));
    if (trusted !== true) return;
    const { folders } = JSON.parse(text.toString('utf8')) as typeof record;
    expect(Object.hasOwn(folders, folder) && folders[folder]?.digest).toBe(projectDigest(files));
  },
});

growsLinearly(
  'armored signature',
  16_000,
  (n) => arm(Buffer.alloc(n, 'SSHSIG')),
  (text) => verifyMessage('m', text, expected),
);
growsLinearly(
  'armor of empty lines',
  1_000_000,
  (n) => `-----BEGIN SSH SIGNATURE-----${'\n'.repeat(n)}`,
  (text) => verifyMessage('m', text, expected),
);
