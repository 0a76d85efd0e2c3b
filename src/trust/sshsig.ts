/**
 * SSH signatures over files, made and checked in process: PROTOCOL.sshsig of the OpenSSH sources. Anybody can check them
 * with stock `ssh-keygen -Y verify`.
 */
import { createHash, type KeyObject, sign, verify } from 'node:crypto';
import {
  fingerprint,
  MalformedSsh,
  parsePublicBlob,
  type SshPublicKey,
  SshReader,
  sshString,
  u32,
} from '../ssh/index.ts';

const MAGIC = 'SSHSIG';
const BEGIN = '-----BEGIN SSH SIGNATURE-----';
const END = '-----END SSH SIGNATURE-----';
/** Characters. An RSA-16384 signature with its key needs 8 KiB. */
const MAX_ARMORED = 16_384;

export type SignatureVerdict =
  | { readonly ok: true; readonly fingerprint: string }
  /**
   * `malformed`: no SSH signature, or of a kind not supported. `namespace`: made for another purpose. `signer`: by a key
   * that is not in the list. `signature`: the bytes are not the ones that were signed.
   */
  | {
      readonly ok: false;
      readonly why: 'malformed' | 'namespace' | 'signer' | 'signature';
      readonly detail: string;
    };

/** Armored signature of `message` with an Ed25519 key, SHA-512. */
export function signMessage(
  message: Uint8Array | string,
  namespace: string,
  key: { readonly privateKey: KeyObject; readonly publicBlob: Buffer },
): string {
  const raw = sign(null, signedData(message, namespace, 'sha512'), key.privateKey);
  const signature = Buffer.concat([sshString('ssh-ed25519'), sshString(raw)]);
  const body = Buffer.concat([
    Buffer.from(MAGIC),
    u32(1),
    ...[key.publicBlob, namespace, '', 'sha512', signature].map(sshString),
  ]);
  return `${BEGIN}\n${body.toString('base64').replace(/.{1,70}/g, '$&\n')}${END}\n`;
}

/**
 * Checks an armored signature; Ed25519, ECDSA, both as hardware keys, and RSA (SHA-2 only). `signers` are the public key blobs whose word
 * counts: a name in the signature would be nobody's identity. Never throws.
 */
export function verifyMessage(
  message: Uint8Array | string,
  armored: string,
  expected: { readonly namespace: string; readonly signers: readonly Uint8Array[] },
): SignatureVerdict {
  try {
    return judge(message, dearmor(armored), expected);
  } catch (cause) {
    if (cause instanceof MalformedSsh) return { ok: false, why: 'malformed', detail: `the signature ${cause.message}` };
    throw cause;
  }
}

/** Whose key a signature says it is from; nothing of it is checked. Undefined: not to be read. Never throws. */
export function claimedSigner(armored: string): SshPublicKey | undefined {
  try {
    return dearmor(armored).signer;
  } catch (cause) {
    if (cause instanceof MalformedSsh) return undefined;
    throw cause;
  }
}

interface Sshsig {
  readonly signer: SshPublicKey;
  readonly namespace: string;
  readonly hash: string;
  readonly signature: Buffer;
}

function judge(
  message: Uint8Array | string,
  { signer, namespace, hash, signature }: Sshsig,
  expected: { readonly namespace: string; readonly signers: readonly Uint8Array[] },
): SignatureVerdict {
  const refuse = (why: 'namespace' | 'signer' | 'signature', detail: string) => ({ ok: false, why, detail }) as const;
  const print = fingerprint(signer.blob);
  if (namespace !== expected.namespace) {
    return refuse('namespace', `made for ${JSON.stringify(namespace.slice(0, 64))}, not for ${expected.namespace}`);
  }
  if (!expected.signers.some((blob) => signer.blob.equals(blob))) return refuse('signer', `signed by ${print}`);
  if (!verifyRaw(signedData(message, namespace, hash), signer, signature)) {
    return refuse('signature', `these are not the bytes that ${print} signed`);
  }
  return { ok: true, fingerprint: print };
}

function dearmor(armored: string): Sshsig {
  const lines = armored.length > MAX_ARMORED ? [] : armored.trim().split(/\r?\n/);
  if (lines[0] !== BEGIN || lines.at(-1) !== END) throw new MalformedSsh('is not in SSH SIGNATURE armor');
  const base64 = lines.slice(1, -1).join('');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) throw new MalformedSsh('has characters that base64 does not have');
  const reader = new SshReader(Buffer.from(base64, 'base64'));
  reader.expect(MAGIC);
  const version = reader.u32();
  if (version !== 1) throw new MalformedSsh(`has version ${version}`);
  const signer = parsePublicBlob(reader.string());
  const namespace = reader.string().toString('utf8');
  reader.string();
  const hash = reader.text();
  if (hash !== 'sha512' && hash !== 'sha256') throw new MalformedSsh('uses a hash that is not allowed');
  const signature = reader.string();
  reader.end();
  return { signer, namespace, hash, signature };
}

function signedData(message: Uint8Array | string, namespace: string, hash: string): Buffer {
  const digest = createHash(hash).update(message).digest();
  return Buffer.concat([Buffer.from(MAGIC), ...[namespace, '', hash, digest].map(sshString)]);
}

/** RSA signatures name their hash (RFC 8332); ECDSA's follows from the curve (RFC 5656 section 6.2.1). */
const HASHES: Readonly<Record<string, { readonly keyType: string; readonly hash: string | null }>> = {
  'ssh-ed25519': { keyType: 'ssh-ed25519', hash: null },
  'rsa-sha2-256': { keyType: 'ssh-rsa', hash: 'sha256' },
  'rsa-sha2-512': { keyType: 'ssh-rsa', hash: 'sha512' },
  'ecdsa-sha2-nistp256': { keyType: 'ecdsa-sha2-nistp256', hash: 'sha256' },
  'ecdsa-sha2-nistp384': { keyType: 'ecdsa-sha2-nistp384', hash: 'sha384' },
  'ecdsa-sha2-nistp521': { keyType: 'ecdsa-sha2-nistp521', hash: 'sha512' },
  'sk-ssh-ed25519@openssh.com': { keyType: 'sk-ssh-ed25519@openssh.com', hash: null },
  'sk-ecdsa-sha2-nistp256@openssh.com': { keyType: 'sk-ecdsa-sha2-nistp256@openssh.com', hash: 'sha256' },
};

function verifyRaw(data: Buffer, signer: SshPublicKey, signature: Buffer): boolean {
  const reader = new SshReader(signature);
  const name = reader.text();
  const algorithm = Object.hasOwn(HASHES, name) ? HASHES[name] : undefined;
  if (algorithm?.keyType !== signer.type) throw new MalformedSsh('uses an algorithm that does not fit its key');
  const raw = reader.string();
  const signed = signer.application === undefined ? data : hardwareData(data, signer.application, reader.take(5));
  reader.end();
  if (signer.key.asymmetricKeyType !== 'ec') return verify(algorithm.hash, signed, signer.key, raw);
  return verify(algorithm.hash, signed, { key: signer.key, dsaEncoding: 'ieee-p1363' }, joinEcdsa(raw, signer));
}

/** What an authenticator signs: two digests, and between them its flags (1 byte) and counter (4). PROTOCOL.u2f, "SSH U2F Signatures". */
function hardwareData(data: Buffer, application: string, flagsAndCounter: Buffer): Buffer {
  const digestOf = (content: Buffer | string) => createHash('sha256').update(content).digest();
  return Buffer.concat([digestOf(Buffer.from(application, 'latin1')), flagsAndCounter, digestOf(data)]);
}

/** Two mpints -> r and s at the curve's length. */
function joinEcdsa(raw: Buffer, signer: SshPublicKey): Buffer {
  const size = Math.ceil((BITS[signer.key.asymmetricKeyDetails?.namedCurve ?? ''] ?? 0) / 8);
  const reader = new SshReader(raw);
  const numbers = [reader.integer(), reader.integer()];
  reader.end();
  if (numbers.some((number) => number.length > size)) throw new MalformedSsh('has a number longer than its curve');
  return Buffer.concat(numbers.flatMap((number) => [Buffer.alloc(size - number.length), number]));
}

/** OpenSSL's names. */
const BITS: Readonly<Record<string, number>> = { prime256v1: 256, secp384r1: 384, secp521r1: 521 };
