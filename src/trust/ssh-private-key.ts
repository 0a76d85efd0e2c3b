/**
 * OpenSSH's private key file, unencrypted, Ed25519: PROTOCOL.key of the OpenSSH sources. This format because stock
 * `ssh-keygen` reads no other for Ed25519.
 */
import { createPrivateKey, createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import { ed25519Blob } from './ssh-public-key.ts';
import { MalformedSsh, SshReader, sshString, u32 } from './ssh-wire.ts';

const MAGIC = 'openssh-key-v1\0';
const BEGIN = '-----BEGIN OPENSSH PRIVATE KEY-----';
const END = '-----END OPENSSH PRIVATE KEY-----';
const BLOCK = 8;

export interface Ed25519Pair {
  readonly privateKey: KeyObject;
  /** 32 bytes. */
  readonly publicRaw: Buffer;
  readonly comment: string;
}

export function encodePrivateKey({ privateKey, publicRaw, comment }: Ed25519Pair): string {
  const seed = Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url');
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
export function decodePrivateKey(text: string): Ed25519Pair {
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
  if (section.text() !== 'ssh-ed25519') throw new MalformedSsh('is not an Ed25519 key');
  const publicRaw = section.string();
  const pair = section.string();
  const comment = section.string().toString('utf8');
  if (pair.length !== 64 || !pair.subarray(32).equals(publicRaw))
    throw new MalformedSsh('has halves that do not match');
  return { privateKey: importSeed(pair.subarray(0, 32), publicRaw), publicRaw, comment };
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
