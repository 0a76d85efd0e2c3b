/** Encryption and integrity by password, as PKCS #12 has them (RFC 7292, RFC 8018), with Node's own ciphers. */
import { createDecipheriv, createHash, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto';
import { bodyAt, type Element, insideOf, integerAt, oidAt, TAGS } from './asn1.ts';

/** `unsupported`: another algorithm, or more work than a profile is worth. `wrong`: the password does not fit. */
export type Unlocked = Buffer | 'unsupported' | 'wrong';

/** Rounds that a file may ask for; others stop at 2,048 or 10,000. */
const MAX_ROUNDS = 600_000;

const HMACS: Readonly<Record<string, string>> = {
  '2a864886f70d0207': 'sha1',
  '2a864886f70d0209': 'sha256',
  '2a864886f70d020a': 'sha384',
  '2a864886f70d020b': 'sha512',
};
/** Cipher, and bytes of its key. */
const CIPHERS: Readonly<Record<string, readonly [string, number]>> = {
  '60864801650304012a': ['aes-256-cbc', 32],
  '608648016503040116': ['aes-192-cbc', 24],
  '608648016503040102': ['aes-128-cbc', 16],
  '2a864886f70d0307': ['des-ede3-cbc', 24],
};
const HASHES: Readonly<Record<string, string>> = {
  '2b0e03021a': 'sha1',
  '608648016503040201': 'sha256',
  '608648016503040202': 'sha384',
  '608648016503040203': 'sha512',
};
const [PBES2, PBKDF2, PBE_3DES] = ['2a864886f70d01050d', '2a864886f70d01050c', '2a864886f70d010c0103'] as const;
/** What a derived key is for (RFC 7292, B.3). */
const PURPOSE = { key: 1, vector: 2, mac: 3 } as const;

/** @param algorithm what an AlgorithmIdentifier holds */
export function decrypt(algorithm: readonly Element[] | undefined, sealed: Buffer, password: string): Unlocked {
  const cipher = oidAt(algorithm, 0) === PBES2 ? pbes2(algorithm, password) : triple(algorithm, password);
  if (cipher === undefined) return 'unsupported';
  try {
    const decipher = createDecipheriv(cipher.name, cipher.key, cipher.vector);
    return Buffer.concat([decipher.update(sealed), decipher.final()]);
  } catch {
    return 'wrong';
  }
}

/** Whether `content` is what the MAC was made of, with that password; undefined for a MAC of another kind. */
export function isUntouched(
  macData: readonly Element[] | undefined,
  content: Buffer,
  password: string,
): boolean | undefined {
  const info = insideOf(macData, 0);
  const hash = HASHES[oidAt(insideOf(info, 0), 0) ?? ''];
  const [digest, salt] = [bodyAt(info, 1, TAGS.octets), bodyAt(macData, 1, TAGS.octets)];
  const rounds = macData?.length === 2 ? 1 : (integerAt(macData, 2) ?? 0);
  if (hash === undefined || digest === undefined || salt === undefined || !isFew(rounds)) return undefined;
  const length = createHash(hash).digest().length;
  const key = derive(hash, PURPOSE.mac, { password, salt, rounds, length });
  const own = createHmac(hash, key).update(content).digest();
  return own.length === digest.length && timingSafeEqual(own, digest);
}

interface Cipher {
  readonly name: string;
  readonly key: Buffer;
  readonly vector: Buffer;
}

function pbes2(algorithm: readonly Element[] | undefined, password: string): Cipher | undefined {
  const [kdf, scheme] = [0, 1].map((place) => insideOf(insideOf(algorithm, 1), place));
  const [name, length] = CIPHERS[oidAt(scheme, 0) ?? ''] ?? [];
  const vector = bodyAt(scheme, 1, TAGS.octets);
  const how = oidAt(kdf, 0) === PBKDF2 ? insideOf(kdf, 1) : undefined;
  const [salt, rounds] = [bodyAt(how, 0, TAGS.octets), integerAt(how, 1) ?? 0];
  // A key's length may stand before the hash, which is SHA-1 unless said.
  const said = how?.slice(2).findIndex(({ tag }) => tag === TAGS.sequence) ?? -1;
  const hash = said === -1 ? 'sha1' : HMACS[oidAt(insideOf(how, 2 + said), 0) ?? ''];
  if (name === undefined || length === undefined || hash === undefined) return undefined;
  if (vector === undefined || salt === undefined || !isFew(rounds)) return undefined;
  return { name, vector, key: pbkdf2Sync(Buffer.from(password, 'utf8'), salt, rounds, length, hash) };
}

function triple(algorithm: readonly Element[] | undefined, password: string): Cipher | undefined {
  const how = insideOf(algorithm, 1);
  const [salt, rounds] = [bodyAt(how, 0, TAGS.octets), integerAt(how, 1) ?? 0];
  if (oidAt(algorithm, 0) !== PBE_3DES || salt === undefined || !isFew(rounds)) return undefined;
  const made = (purpose: number, length: number) => derive('sha1', purpose, { password, salt, rounds, length });
  return { name: 'des-ede3-cbc', key: made(PURPOSE.key, 24), vector: made(PURPOSE.vector, 8) };
}

function isFew(rounds: number): boolean {
  return rounds >= 1 && rounds <= MAX_ROUNDS;
}

interface Derivation {
  readonly password: string;
  readonly salt: Buffer;
  readonly rounds: number;
  readonly length: number;
}

/** RFC 7292, B.2. */
function derive(hash: string, purpose: number, { password, salt, rounds, length }: Derivation): Buffer {
  const block = hash === 'sha384' || hash === 'sha512' ? 128 : 64;
  const filled = (bytes: Buffer) => Buffer.alloc(Math.ceil(bytes.length / block) * block, bytes);
  // UTF-16, most significant byte first, with a zero behind.
  const text = Buffer.from(`${password}\0`, 'utf16le').swap16();
  const input = Buffer.concat([salt.length === 0 ? salt : filled(salt), filled(text)]);
  const parts: Buffer[] = [];
  for (let got = 0; got < length; ) {
    let digest = createHash(hash).update(Buffer.alloc(block, purpose)).update(input).digest();
    for (let round = 1; round < rounds; round += 1) digest = createHash(hash).update(digest).digest();
    parts.push(digest);
    got += digest.length;
    const step = Buffer.alloc(block, digest);
    for (let at = 0; at < input.length; at += block) addOne(input.subarray(at, at + block), step);
  }
  return Buffer.concat(parts).subarray(0, length);
}

/** `number += step + 1`, most significant byte first, without what overflows. */
function addOne(number: Buffer, step: Buffer): void {
  let carry = 1;
  for (let at = number.length - 1; at >= 0; at -= 1) {
    carry += (number[at] ?? 0) + (step[at] ?? 0);
    number[at] = carry & 0xff;
    carry >>>= 8;
  }
}
