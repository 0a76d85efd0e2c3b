/**
 * Ed25519 keys of one boot, in the formats the two ends read. Made with node:crypto: ssh2's own generator writes an
 * unreadable key once in 256 (mscdex/ssh2 issues 1390, 1513).
 */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';

const TYPE = 'ssh-ed25519';
/** Raw keys are the tail of their DER forms, RFC 8410. */
const RAW_BYTES = 32;

export interface SshKey {
  /** The private key, RFC 8032: 32 bytes. */
  readonly seed: Buffer;
  readonly publicKey: Buffer;
}

export function makeSshKey(): SshKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
    publicKeyEncoding: { type: 'spki', format: 'der' },
  });
  return { seed: privateKey.subarray(-RAW_BYTES), publicKey: publicKey.subarray(-RAW_BYTES) };
}

/** The public key as it goes over the wire and into fingerprints, RFC 8709. */
export function publicBlob(key: SshKey): Buffer {
  return Buffer.concat([field(TYPE), field(key.publicKey)]);
}

/** One line of `authorized_keys`. */
export function publicLine(key: SshKey, comment: string): string {
  return `${TYPE} ${publicBlob(key).toString('base64')} ${comment}`;
}

/** `SHA256:...` as OpenSSH and `dropbearkey -y` print it. */
export function fingerprint(publicKeyBlob: Buffer): string {
  return `SHA256:${createHash('sha256').update(publicKeyBlob).digest('base64').replace(/=+$/, '')}`;
}

/** dropbear's key file: type, then seed and public key in one string (dropbear's src/ed25519.c, buf_put_ed25519_priv_key). */
export function dropbearPrivateKey(key: SshKey): Buffer {
  return Buffer.concat([field(TYPE), field(Buffer.concat([key.seed, key.publicKey]))]);
}

/** Unencrypted OpenSSH private key (openssh-portable, PROTOCOL.key): the only Ed25519 format ssh2 reads. */
export function openSshPrivateKey(key: SshKey): string {
  const check = randomBytes(4);
  const secret = Buffer.concat([
    check,
    check,
    publicBlob(key),
    field(Buffer.concat([key.seed, key.publicKey])),
    field('vmgate'),
  ]);
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, index) => index + 1));
  const body = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    field('none'),
    field('none'),
    field(''),
    uint32(1),
    field(publicBlob(key)),
    field(Buffer.concat([secret, padding])),
  ]);
  const lines = body.toString('base64').match(/.{1,70}/g) ?? [];
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join('\n');
}

/** SSH `string`, RFC 4251 section 5. */
function field(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
