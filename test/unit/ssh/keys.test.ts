import { createPrivateKey, createPublicKey } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import ssh2 from 'ssh2';
import { dropbearPrivateKey, ed25519Blob, makeKeyPair, openSshPrivateKey } from '../../../src/ssh/index.ts';

describe('fresh keys', () => {
  test('every one of 600 is readable by ssh2 and has matching halves', () => {
    for (let round = 0; round < 600; round++) {
      const key = makeKeyPair();
      const parsed = ssh2.utils.parseKey(openSshPrivateKey(key, 'vmgate'));
      if (parsed instanceof Error) throw parsed;
      expect(parsed.getPublicSSH().equals(ed25519Blob(key.publicRaw))).toBe(true);
    }
  });

  test('seed and public key belong together', () => {
    const { seed, publicRaw } = makeKeyPair();
    const jwk = { kty: 'OKP', crv: 'Ed25519', d: seed.toString('base64url'), x: publicRaw.toString('base64url') };
    const derived = createPublicKey(createPrivateKey({ key: jwk, format: 'jwk' })).export({ format: 'jwk' });
    expect(derived.x).toBe(jwk.x);
  });

  test('dropbear format: type, then 64 bytes', () => {
    const key = makeKeyPair();
    const file = dropbearPrivateKey(key);
    expect(file.subarray(4, 15).toString()).toBe('ssh-ed25519');
    expect(file.readUInt32BE(15)).toBe(64);
    expect(file.subarray(19)).toEqual(Buffer.concat([key.seed, key.publicRaw]));
  });
});
