/** The real ssh-keygen on one side, src/trust on the other. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { composeReceipt } from '../../../src/core/receipt.ts';
import { run } from '../../../src/host/index.ts';
import { parsePublicLine } from '../../../src/ssh/index.ts';
import {
  type InstallationKey,
  installationKey,
  receiptPath,
  verifyMessage,
  writeReceipt,
} from '../../../src/trust/index.ts';
import { describeUnless, missing } from '../../obstacle.ts';
import { receiptFacts } from '../../unit/core/receipt-facts.ts';

const withKeygen = describeUnless(missing('ssh-keygen'), 'ssh-keygen');

async function keygen(argv: readonly string[], stdin = ''): Promise<{ status: number; output: string }> {
  const { code, stdout, stderr } = await run({ tool: 'ssh-keygen', argv, stdin, timeoutMs: 20_000 });
  return { status: code ?? -1, output: `${stdout}${stderr}` };
}

let folder: string;
let key: InstallationKey;
const inFolder = (name: string) => path.join(folder, name);
const MESSAGE = 'what was signed\n';

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'vmgate-keygen-'));
  key = await installationKey(inFolder('keys'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const verifyWithKeygen = async (signature: string, message: string, namespace: string) => {
  await writeFile(inFolder('check.sig'), signature);
  const allowed = inFolder('keys/allowed_signers');
  const args = ['-Y', 'verify', '-n', namespace, '-I', 'vmgate', '-f', allowed, '-s', inFolder('check.sig')];
  return keygen(args, message);
};

withKeygen('the installation key', () => {
  test('is one ssh-keygen reads, with the public key vmgate says', async () => {
    const { status, output } = await keygen(['-y', '-f', inFolder('keys/installation')]);
    expect(output.trim()).toBe(key.publicLine);
    expect(status).toBe(0);
  });

  test('has the fingerprint ssh-keygen prints', async () => {
    expect((await keygen(['-l', '-f', inFolder('keys/installation.pub')])).output).toContain(key.fingerprint);
  });

  test('is private', async () => {
    expect((await stat(inFolder('keys/installation'))).mode & 0o777).toBe(0o600);
  });
});

withKeygen('what vmgate signs', () => {
  test('ssh-keygen verifies', async () => {
    const { status, output } = await verifyWithKeygen(key.sign(MESSAGE, 'vmgate-receipt'), MESSAGE, 'vmgate-receipt');
    expect(output).toContain('Good "vmgate-receipt" signature for vmgate');
    expect(status).toBe(0);
  });

  test.each([
    ['other bytes', 'vmgate-receipt', `${MESSAGE} `],
    ['another namespace', 'git', MESSAGE],
  ])('ssh-keygen refuses for %s', async (_, namespace, message) => {
    const { status } = await verifyWithKeygen(key.sign(MESSAGE, 'vmgate-receipt'), message, namespace);
    expect(status).not.toBe(0);
  });

  test('a receipt on disk is checked by the documented command', async () => {
    const receipt = composeReceipt(receiptFacts(), { wallMs: Date.now(), monotonicMs: 5, hostBootId: 'b' }, 60_000);
    const file = await writeReceipt(folder, receipt, key);
    expect(file).toBe(receiptPath(folder));
    const good = await readFile(file, 'utf8');
    const signature = await readFile(`${file}.sig`, 'utf8');
    expect((await verifyWithKeygen(signature, good, 'vmgate-receipt')).status).toBe(0);
    const changed = good.replace('203.0.113.9', '203.0.113.8');
    expect(changed).not.toBe(good);
    expect((await verifyWithKeygen(signature, changed, 'vmgate-receipt')).status).not.toBe(0);
  });
});

withKeygen('what ssh-keygen signs', () => {
  const cases = [
    ['ed25519', ['-t', 'ed25519'], 'sha512'],
    ['ed25519 with sha256', ['-t', 'ed25519'], 'sha256'],
    ['rsa', ['-t', 'rsa', '-b', '2048'], 'sha512'],
    ['ecdsa-256', ['-t', 'ecdsa', '-b', '256'], 'sha512'],
    ['ecdsa-384', ['-t', 'ecdsa', '-b', '384'], 'sha256'],
    ['ecdsa-521', ['-t', 'ecdsa', '-b', '521'], 'sha512'],
  ] as const;

  test.each(cases)('vmgate verifies: %s', async (name, type, hash) => {
    const file = inFolder(name.replaceAll(' ', '-'));
    expect((await keygen([...type, '-N', '', '-C', 'someone', '-f', file])).status).toBe(0);
    const { blob } = parsePublicLine(await readFile(`${file}.pub`, 'utf8'));
    await writeFile(inFolder('message'), MESSAGE);
    await rm(inFolder('message.sig'), { force: true });
    const signed = await keygen(['-Y', 'sign', '-O', `hashalg=${hash}`, '-n', 'file', '-f', file, inFolder('message')]);
    expect(signed.status).toBe(0);
    const signature = await readFile(inFolder('message.sig'), 'utf8');
    const expected = { namespace: 'file', signers: [blob] };
    expect(verifyMessage(MESSAGE, signature, expected)).toMatchObject({ ok: true });
    expect(verifyMessage(`${MESSAGE}.`, signature, expected)).toMatchObject({ ok: false, why: 'signature' });
    expect(verifyMessage(MESSAGE, signature, { ...expected, namespace: 'git' })).toMatchObject({ why: 'namespace' });
    expect(verifyMessage(MESSAGE, signature, { ...expected, signers: [key.publicBlob] })).toMatchObject({
      why: 'signer',
    });
  });
});
