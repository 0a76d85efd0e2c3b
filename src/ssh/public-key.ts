/** SSH public keys: RFC 4253 section 6.6, RFC 5656 (ECDSA), RFC 8709 (Ed25519), PROTOCOL.u2f of OpenSSH (hardware keys). */
import { createHash, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { MalformedSsh, SshReader, sshString } from './wire.ts';

export interface SshPublicKey {
  readonly type: string;
  readonly blob: Buffer;
  readonly key: KeyObject;
  /** Of a hardware key: what it signs begins with a digest of this, `ssh:` unless its owner chose another. */
  readonly application?: string;
}

export const ED25519 = 'ssh-ed25519';

const CURVES: Readonly<Record<string, { readonly crv: string; readonly size: number }>> = {
  nistp256: { crv: 'P-256', size: 32 },
  nistp384: { crv: 'P-384', size: 48 },
  nistp521: { crv: 'P-521', size: 66 },
};
/** NIST SP 800-131A: shorter RSA keys sign nothing any more. */
const MIN_RSA_BYTES = 256;

/** A hardware key holds the same numbers as the key of its kind. */
const HARDWARE: Readonly<Record<string, string>> = {
  'sk-ssh-ed25519@openssh.com': ED25519,
  'sk-ecdsa-sha2-nistp256@openssh.com': 'ecdsa-sha2-nistp256',
};

/** @throws MalformedSsh, also for key types that are not supported (DSA, certificates) */
export function parsePublicBlob(blob: Uint8Array): SshPublicKey {
  const reader = new SshReader(blob);
  const type = reader.text();
  const isHardware = Object.hasOwn(HARDWARE, type);
  const jwk = readJwk((isHardware ? HARDWARE[type] : undefined) ?? type, reader);
  const application = isHardware ? { application: reader.text() } : {};
  reader.end();
  try {
    return { type, blob: Buffer.from(blob), key: createPublicKey({ key: jwk, format: 'jwk' }), ...application };
  } catch {
    throw new MalformedSsh('holds no valid public key');
  }
}

function readJwk(type: string, reader: SshReader): JsonWebKey {
  if (type === ED25519) {
    return { kty: 'OKP', crv: 'Ed25519', x: reader.string().toString('base64url') };
  }
  if (type === 'ssh-rsa') {
    const [e, n] = [reader.integer(), reader.integer()];
    if (n.length < MIN_RSA_BYTES) throw new MalformedSsh('holds an RSA key shorter than 2048 bits');
    return { kty: 'RSA', e: e.toString('base64url'), n: n.toString('base64url') };
  }
  const curve = CURVES[type.replace('ecdsa-sha2-', '')];
  if (curve === undefined || !type.startsWith('ecdsa-sha2-'))
    throw new MalformedSsh(`holds a key of an unsupported type`);
  if (type !== `ecdsa-sha2-${reader.text()}`) throw new MalformedSsh('names two different curves');
  const point = reader.string();
  if (point[0] !== 4 || point.length !== 1 + 2 * curve.size) throw new MalformedSsh('holds no uncompressed point');
  const [x, y] = [point.subarray(1, 1 + curve.size), point.subarray(1 + curve.size)];
  return { kty: 'EC', crv: curve.crv, x: x.toString('base64url'), y: y.toString('base64url') };
}

/** Raw 32 bytes -> blob. */
export function ed25519Blob(raw: Uint8Array): Buffer {
  return Buffer.concat([sshString(ED25519), sshString(raw)]);
}

/** {@link formatPublicLine} of a raw key. */
export function ed25519Line(raw: Uint8Array, comment: string): string {
  return formatPublicLine({ type: ED25519, blob: ed25519Blob(raw) }, comment);
}

/** `ssh-ed25519 AAAA... comment` as in `.pub` and authorized_keys files. @throws MalformedSsh */
export function parsePublicLine(line: string): SshPublicKey {
  const [type, base64 = ''] = line.trim().split(/\s+/);
  const key = parsePublicBlob(Buffer.from(base64, 'base64'));
  if (key.type !== type) throw new MalformedSsh('names another type than it holds');
  return key;
}

export function formatPublicLine({ type, blob }: Pick<SshPublicKey, 'type' | 'blob'>, comment: string): string {
  return `${type} ${blob.toString('base64')} ${comment}`;
}

/** `SHA256:...` as OpenSSH and `dropbearkey -y` print it. */
export function fingerprint(blob: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}
