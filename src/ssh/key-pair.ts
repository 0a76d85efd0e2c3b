/** Ed25519 keys, made with node:crypto: ssh2's own generator writes an unreadable key once in 256 (mscdex/ssh2 issues 1390, 1513). */
import { generateKeyPairSync } from 'node:crypto';

/** Raw keys are the tail of their DER forms, RFC 8410. */
const RAW_BYTES = 32;

export interface KeyPair {
  /** The private key, RFC 8032: 32 bytes. */
  readonly seed: Buffer;
  /** 32 bytes. */
  readonly publicRaw: Buffer;
}

export function makeKeyPair(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
    publicKeyEncoding: { type: 'spki', format: 'der' },
  });
  return { seed: privateKey.subarray(-RAW_BYTES), publicRaw: publicKey.subarray(-RAW_BYTES) };
}
