/** PKCS #12 files as the real openssl(1) writes them, read by src/vpn/ipsec. */
import { execFile } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readPkcs12 } from '../../../src/vpn/ipsec/pkcs12.ts';
import { describeUnless, missing } from '../../obstacle.ts';

let folder: string;
const openssl = (...argv: readonly string[]) => promisify(execFile)('openssl', argv, { cwd: folder });

describeUnless(missing('openssl'), 'openssl')('openssl', () => {
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'vgp-'));
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=client'];
    await openssl('req', '-x509', ...key, '-keyout', 'key.pem', '-out', 'cert.pem');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function exported(password: string, ...more: readonly string[]): Promise<Buffer> {
    const pair = ['-inkey', 'key.pem', '-in', 'cert.pem'];
    await openssl('pkcs12', '-export', ...pair, '-passout', `pass:${password}`, '-out', 'a.p12', ...more);
    return readFile(path.join(folder, 'a.p12'));
  }

  test.each([
    ['what it writes unless told', []],
    ['Triple DES, as older ones do', ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES', '-macalg', 'sha1']],
    ['AES of 128 bits, many rounds', ['-keypbe', 'AES-128-CBC', '-certpbe', 'AES-128-CBC', '-iter', '100000']],
    ['nothing but the key encrypted', ['-certpbe', 'NONE', '-macalg', 'sha512']],
    ['no MAC', ['-nomac']],
  ])('%s', async (_, more) => {
    const read = readPkcs12(await exported('pa\u00df w"ord', ...more), 'pa\u00df w"ord');
    if (typeof read === 'string') throw new Error(read);
    expect(new X509Certificate(read.certificates).checkPrivateKey(createPrivateKey(read.key))).toBe(true);
  });

  test('anti-test: with another password nothing is read', async () => {
    expect(readPkcs12(await exported('one'), 'other')).toBe('locked');
  });
});
