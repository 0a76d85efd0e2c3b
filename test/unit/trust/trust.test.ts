import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { composeReceipt } from '../../../src/core/receipt.ts';
import { decodePrivateKey } from '../../../src/ssh/index.ts';
import {
  checkReceipt,
  distrustProject,
  installationKey,
  isTrusted,
  loadReceipt,
  projectDigest,
  receiptPath,
  requireTrusted,
  revokeReceipt,
  trustProject,
  verifyMessage,
  writeReceipt,
} from '../../../src/trust/index.ts';
import { receiptFacts } from '../core/receipt-facts.ts';
import { codeOf } from '../faults.ts';
import { temporaryFolders } from '../home/temp-folder.ts';

const freshFolder = temporaryFolders();
const NOW = { wallMs: Date.parse('2026-11-23T08:00:00Z'), monotonicMs: 1_000, hostBootId: 'boot-1' };
const receipt = composeReceipt(receiptFacts(), NOW, 60_000);

describe('the installation key', () => {
  test('is made once, private, and loaded afterwards', async () => {
    const keys = path.join(freshFolder(), 'keys');
    const made = await installationKey(keys);
    const loaded = await installationKey(keys);
    expect(loaded.publicLine).toBe(made.publicLine);
    expect((await readdir(keys)).sort()).toEqual(['allowed_signers', 'installation', 'installation.pub']);
    expect((await stat(path.join(keys, 'installation'))).mode & 0o777).toBe(0o600);
  });

  test('of several processes that make one, all use the same', async () => {
    const keys = path.join(freshFolder(), 'keys');
    const all = await Promise.all([1, 2, 3, 4, 5].map(() => installationKey(keys)));
    expect(new Set(all.map(({ fingerprint }) => fingerprint)).size).toBe(1);
    expect(await readFile(path.join(keys, 'installation.pub'), 'utf8')).toBe(`${all[0]?.publicLine}\n`);
  });

  test('that others could read is not used', async () => {
    const keys = path.join(freshFolder(), 'keys');
    await installationKey(keys);
    await chmod(path.join(keys, 'installation'), 0o640);
    expect(await codeOf(installationKey(keys))).toBe('TRUST_KEY_EXPOSED');
  });

  test.each([
    ['garbage', 'garbage'],
    ['nothing', ''],
    ['a link', undefined],
  ])('that is %s is not replaced silently', async (_, content) => {
    const keys = freshFolder();
    const file = path.join(keys, 'installation');
    if (content === undefined) await symlink('/etc/hostname', file);
    else await writeFile(file, content, { mode: 0o600 });
    expect(await codeOf(installationKey(keys))).toBe('TRUST_KEY_DAMAGED');
  });

  test('does not show its private half', async () => {
    const keys = freshFolder();
    const key = await installationKey(keys);
    const { privateKey } = decodePrivateKey(await readFile(path.join(keys, 'installation'), 'utf8'));
    const seed = Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url');
    const shown = `${inspect(key, { showHidden: true, depth: 9 })}${JSON.stringify({ key, ...key })}`;
    expect(seed).toHaveLength(32);
    expect(shown).not.toContain(seed.toString('base64').slice(0, 20));
    expect(shown).not.toContain(seed.toString('hex').slice(0, 20));
  });
});

describe('signatures', () => {
  test('any change to a signature or message is refused, and nothing throws', async () => {
    const key = await installationKey(freshFolder());
    const message = 'message';
    const armored = key.sign(message, 'purpose');
    const expected = { namespace: 'purpose', signers: [key.publicBlob] };
    expect(verifyMessage(message, armored, expected)).toEqual({ ok: true, fingerprint: key.fingerprint });
    const raw = Buffer.from(armored.split('\n').slice(1, -2).join(''), 'base64');
    const arm = (bytes: Uint8Array) =>
      `-----BEGIN SSH SIGNATURE-----\n${Buffer.from(bytes).toString('base64')}\n-----END SSH SIGNATURE-----\n`;
    expect(verifyMessage(message, arm(raw), expected).ok).toBe(true);
    for (let place = 0; place < raw.length; place++) {
      for (const bit of [1, 0x80]) {
        const flipped = Buffer.from(raw);
        flipped[place] = (flipped[place] ?? 0) ^ bit;
        expect(verifyMessage(message, arm(flipped), expected).ok).toBe(false);
      }
      expect(verifyMessage(message, arm(raw.subarray(0, place)), expected).ok).toBe(false);
    }
    expect(verifyMessage(message, arm(Buffer.concat([raw, Buffer.of(0)])), expected).ok).toBe(false);
  });
});

describe('receipts on disk', () => {
  const written = async () => {
    const folder = freshFolder();
    const key = await installationKey(path.join(folder, 'keys'));
    const file = await writeReceipt(folder, receipt, key);
    return { folder, key, file };
  };

  test('check while they are fresh', async () => {
    const { file, key } = await written();
    const checked = await checkReceipt(file, key, { ...NOW, monotonicMs: 2_000, wallMs: NOW.wallMs + 1_000 });
    expect(checked).toEqual({ receipt, signedBy: key.fingerprint, remainingMs: 59_000 });
    for (const part of [file, `${file}.sig`]) expect((await stat(part)).mode & 0o777).toBe(0o600);
  });

  test.each([
    ['RECEIPT_EXPIRED', { ...NOW, monotonicMs: 61_001 }],
    ['RECEIPT_EXPIRED', { ...NOW, wallMs: NOW.wallMs + 60_000 }],
    ['RECEIPT_OTHER_BOOT', { ...NOW, hostBootId: 'boot-2' }],
    ['RECEIPT_FROM_THE_FUTURE', { ...NOW, monotonicMs: 999 }],
  ])('%s', async (code, now) => {
    const { file, key } = await written();
    expect(await codeOf(checkReceipt(file, key, now))).toBe(code);
    expect((await loadReceipt(file, key)).receipt).toEqual(receipt);
  });

  test('RECEIPT_TAMPERED: any byte changed', async () => {
    const { file, key } = await written();
    const text = await readFile(file, 'utf8');
    for (const changed of [text.replace('"gate":"default"', '"gate":"defaulT"'), text.trimEnd(), `${text} `, '']) {
      await writeFile(file, changed);
      expect(await codeOf(checkReceipt(file, key, NOW))).toBe('RECEIPT_TAMPERED');
    }
  });

  test('RECEIPT_FOREIGN_SIGNER: signed by another installation', async () => {
    const { folder, file, key } = await written();
    await writeReceipt(folder, receipt, await installationKey(freshFolder()));
    expect(await codeOf(checkReceipt(file, key, NOW))).toBe('RECEIPT_FOREIGN_SIGNER');
  });

  test('RECEIPT_WRONG_PURPOSE: our key, another namespace', async () => {
    const { file, key } = await written();
    await writeFile(`${file}.sig`, key.sign(await readFile(file), 'git'));
    expect(await codeOf(checkReceipt(file, key, NOW))).toBe('RECEIPT_WRONG_PURPOSE');
  });

  test('RECEIPT_MALFORMED: signed by us but no receipt', async () => {
    const { file, key } = await written();
    const { verdicts, ...rest } = receipt;
    for (const content of [
      '{',
      JSON.stringify({ ...rest, verdicts: verdicts.slice(1) }),
      JSON.stringify({ ...receipt, skip: true }),
    ]) {
      await writeFile(file, content);
      await writeFile(`${file}.sig`, key.sign(content, 'vmgate-receipt'));
      expect(await codeOf(checkReceipt(file, key, NOW))).toBe('RECEIPT_MALFORMED');
    }
  });

  test('RECEIPT_SIGNATURE_MALFORMED, RECEIPT_UNSIGNED, RECEIPT_MISSING', async () => {
    const { folder, file, key } = await written();
    await writeFile(`${file}.sig`, 'trust me');
    expect(await codeOf(checkReceipt(file, key, NOW))).toBe('RECEIPT_SIGNATURE_MALFORMED');
    await rm(`${file}.sig`);
    expect(await codeOf(checkReceipt(file, key, NOW))).toBe('RECEIPT_UNSIGNED');
    await revokeReceipt(folder);
    await revokeReceipt(folder);
    expect(await codeOf(checkReceipt(receiptPath(folder), key, NOW))).toBe('RECEIPT_MISSING');
  });

  test('what is there and cannot be read is not called missing', async () => {
    const { file, key } = await written();
    await rm(`${file}.sig`);
    await mkdir(`${file}.sig`);
    expect(await codeOf(checkReceipt(file, key, NOW))).toBe('RECEIPT_SIGNATURE_MALFORMED');
    await rm(file);
    await mkdir(file);
    expect(await codeOf(checkReceipt(file, key, NOW))).toBe('RECEIPT_MALFORMED');
  });
});

describe('project folders', () => {
  const files = [
    { name: 'vmgate.yaml', content: 'version: 1\n' },
    { name: 'vmgate.local.yaml', content: 'vpn: mine\n' },
  ];

  test('the digest is of names and contents, not of their order', () => {
    const [shared, local] = files;
    if (shared === undefined || local === undefined) throw new Error('two files');
    expect(projectDigest([local, shared])).toBe(projectDigest(files));
    const swapped = [
      { name: shared.name, content: local.content },
      { name: local.name, content: shared.content },
    ];
    for (const other of [[shared], [local], [], swapped]) expect(projectDigest(other)).not.toBe(projectDigest(files));
  });

  test('unknown, confirmed, changed, taken back', async () => {
    const home = freshFolder();
    const [record, project] = [path.join(home, 'trusted.json'), path.join(home, 'project')];
    await mkdir(project);
    const refusal = (contents = files): Promise<unknown> =>
      requireTrusted(record, project, contents).catch((cause: unknown) => cause);
    expect(await refusal()).toMatchObject({ code: 'TRUST_PROJECT_UNCONFIRMED', exit: 6, payload: { changed: false } });
    expect(await refusal()).toMatchObject({
      what: expect.stringMatching(/\.local\.yaml in \S+ were never confirmed by you$/),
    });
    expect(await refusal(files.slice(0, 1))).toMatchObject({
      what: expect.stringMatching(/^vmgate\.yaml in \S+ was never confirmed by you$/),
      remedy: 'read it, then: vmgate trust',
    });
    await trustProject(record, project, files);
    expect(await refusal()).toBeUndefined();
    expect(await isTrusted(record, path.join(project, '..', 'project'), files)).toBe(true);
    expect(await refusal(files.slice(0, 1))).toMatchObject({ payload: { changed: true, files: ['vmgate.yaml'] } });
    expect(await isTrusted(record, home, files)).toBe(false);
    await distrustProject(record, project);
    expect(await isTrusted(record, project, files)).toBe(false);
    expect((await stat(record)).mode & 0o777).toBe(0o600);
  });

  test('a record that is not ours trusts nothing', async () => {
    const home = freshFolder();
    const record = path.join(home, 'trusted.json');
    await writeFile(record, '{"version":1,"folders":{"/":"everything"}}');
    expect(await codeOf(isTrusted(record, home, files))).toBe('TRUST_RECORD_DAMAGED');
    expect(await codeOf(trustProject(record, home, files))).toBe('TRUST_RECORD_DAMAGED');
  });
});
