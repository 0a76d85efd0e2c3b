import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readPkcs12 } from '../../../../src/vpn/ipsec/pkcs12.ts';

/** All hold the same key and certificate, and with them their authority's. */
const folder = path.join(import.meta.dirname, 'pkcs12');
const file = (name: string) => readFileSync(path.join(folder, `${name}.p12`));
const PASSWORD = 'secret word';

describe('a PKCS #12 file', () => {
  test.each([
    ['modern', PASSWORD],
    ['triple', PASSWORD],
    ['certs-plain', PASSWORD],
    ['empty', ''],
  ])('%s: gives certificate and key, and no root', (name, password) => {
    const read = readPkcs12(file(name), password);
    if (typeof read === 'string') throw new Error(read);
    const own = new X509Certificate(read.certificates);
    expect(own.checkPrivateKey(createPrivateKey(read.key))).toBe(true);
    expect(read.certificates.match(/BEGIN/g)).toHaveLength(1);
  });

  test.each([
    ['modern', 'secret', 'locked'],
    ['modern', '', 'locked'],
    ['triple', 'Secret word', 'locked'],
    ['rc2', PASSWORD, 'unsupported'],
    ['nokey', PASSWORD, 'garbled'],
  ])('%s with %j: %s', (name, password, fault) => {
    expect(readPkcs12(file(name), password)).toBe(fault);
  });

  test('is no place for endless work: rounds are bounded', () => {
    const rounds = Buffer.from('02020800', 'hex');
    const bytes = file('modern');
    const at = bytes.indexOf(rounds);
    expect(at).toBeGreaterThan(0);
    // 2,048 becomes a length and a number that no file has.
    const greedy = Buffer.concat([bytes.subarray(0, at), Buffer.from('02027fff', 'hex'), bytes.subarray(at + 4)]);
    expect(readPkcs12(greedy, PASSWORD)).toBe('locked');
  });

  test('that was changed is refused, whatever was changed, and never is anything thrown', () => {
    const names = readdirSync(folder).map((name) => name.replace(/\.p12$/, ''));
    const edits = fc.array(fc.tuple(fc.nat(2_000), fc.nat(255)), { maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...names), edits, fc.nat(2_000), (name, changes, cut) => {
        const bytes = Buffer.from(file(name)).subarray(0, cut < 200 ? cut : undefined);
        for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
        const read = readPkcs12(bytes, PASSWORD);
        if (typeof read !== 'string') expect(createPrivateKey(read.key).type).toBe('private');
      }),
      { numRuns: 200 },
    );
  });
});
