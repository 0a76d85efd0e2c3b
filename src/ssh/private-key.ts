/**
 * Private key files, unencrypted, Ed25519: OpenSSH's (PROTOCOL.key of its sources), which stock `ssh-keygen` and ssh2
 * read and no other, and dropbear's.
 */
import { createPrivateKey, createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import type { KeyPair } from './key-pair.ts';
import { ED25519, ed25519Blob } from './public-key.ts';
import { MalformedSsh, SshReader, sshString, u32 } from './wire.ts';

const MAGIC = 'openssh-key-v1\0';
const BEGIN = '-----BEGIN OPENSSH PRIVATE KEY-----';
const END = '-----END OPENSSH PRIVATE KEY-----';
const BLOCK = 8;

/** A key that was read and whose halves belong together. */
export interface OpenedKey {
  readonly privateKey: KeyObject;
  /** 32 bytes. */
  readonly publicRaw: Buffer;
}

/** dropbear's src/ed25519.c, buf_put_ed25519_priv_key: type, then seed and public key in one string. */
export function dropbearPrivateKey({ seed, publicRaw }: KeyPair): Buffer {
  return Buffer.concat([sshString(ED25519), sshString(Buffer.concat([seed, publicRaw]))]);
}

export function openSshPrivateKey({ seed, publicRaw }: KeyPair, comment: string): string {
  const check = randomBytes(4);
  const section = Buffer.concat([
    check,
    check,
    ed25519Blob(publicRaw),
    sshString(Buffer.concat([seed, publicRaw])),
    sshString(comment),
  ]);
  const padding = Buffer.from(
    Array.from({ length: (BLOCK - (section.length % BLOCK)) % BLOCK }, (_, index) => index + 1),
  );
  const body = Buffer.concat([
    Buffer.from(MAGIC, 'latin1'),
    ...['none', 'none', ''].map((field) => sshString(field)),
    u32(1),
    sshString(ed25519Blob(publicRaw)),
    sshString(Buffer.concat([section, padding])),
  ]);
  return `${BEGIN}\n${body.toString('base64').replace(/.{1,70}/g, '$&\n')}${END}\n`;
}

/** @throws MalformedSsh */
export function decodePrivateKey(text: string): OpenedKey {
  const lines = text.trim().split(/\r?\n/);
  if (lines[0] !== BEGIN || lines.at(-1) !== END) throw new MalformedSsh('is not an OpenSSH private key');
  const reader = new SshReader(Buffer.from(lines.slice(1, -1).join(''), 'base64'));
  reader.expect(MAGIC);
  if (reader.text() !== 'none' || reader.text() !== 'none') throw new MalformedSsh('is encrypted');
  reader.string();
  if (reader.u32() !== 1) throw new MalformedSsh('holds more than one key');
  reader.string();
  const section = new SshReader(reader.string());
  reader.end();
  if (!section.take(4).equals(section.take(4))) throw new MalformedSsh('has a broken private part');
  if (section.text() !== ED25519) throw new MalformedSsh('is not an Ed25519 key');
  const publicRaw = section.string();
  const pair = section.string();
  section.string(); // The comment.
  if (pair.length !== 64 || !pair.subarray(32).equals(publicRaw))
    throw new MalformedSsh('has halves that do not match');
  return { privateKey: importSeed(pair.subarray(0, 32), publicRaw), publicRaw };
}

/** OpenSSL takes `x` as it is told and derives its own: a seed with a flipped bit would sign what nobody can check. */
function importSeed(seed: Buffer, publicRaw: Buffer): KeyObject {
  const x = publicRaw.toString('base64url');
  const privateKey = createPrivateKey({
    key: { kty: 'OKP', crv: 'Ed25519', d: seed.toString('base64url'), x },
    format: 'jwk',
  });
  if (createPublicKey(privateKey).export({ format: 'jwk' }).x !== x) {
    throw new MalformedSsh('has halves that do not match');
  }
  return privateKey;
}
