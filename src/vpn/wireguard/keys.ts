/** Curve25519 keys as WireGuard writes them: 32 bytes, canonical base64, 44 characters. */
import { createPrivateKey, createPublicKey } from 'node:crypto';

/** RFC 8410 section 7: the PKCS #8 wrapping of a raw X25519 private key is this fixed prefix. */
const PKCS8_X25519 = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** Undefined when `text` is a key; else what is wrong with it, never quoting it. */
export function keyDefect(text: string): string | undefined {
  if (text.length !== 44) return `${text.length} characters, must be 44`;
  if (!/^[A-Za-z0-9+/]{43}=$/.test(text)) return 'has characters that base64 does not have';
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) return 'its last characters cannot end a 32-byte key; one is mistyped';
  if (bytes.every((byte) => byte === 0)) return 'all zero';
  return undefined;
}

/** True when the bits that RFC 7748 section 5 fixes are set as `wg genkey` sets them. The kernel sets them anyway. */
export function isClamped(privateKey: string): boolean {
  const bytes = Buffer.from(privateKey, 'base64');
  return ((bytes[0] ?? 0) & 7) === 0 && ((bytes[31] ?? 0) & 0xc0) === 0x40;
}

/** The public key that belongs to a valid private key, as `wg pubkey` prints it. */
export function publicKeyOf(privateKey: string): string {
  const der = Buffer.concat([PKCS8_X25519, Buffer.from(privateKey, 'base64')]);
  const spki = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
  return spki.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64');
}

/** Words, names and numbers: what people write in the place of a setting or its value. */
const WORD = /^([a-z0-9]+|[A-Z0-9]+|[A-Z]?[a-z]+([A-Z][a-z]{2,})*(IPs)?)$/;

/**
 * True when `text` may hold a good piece of a key, perhaps a secret one that lost its name, its line or its end: such a
 * text is not quoted to anybody. Twelve characters leave 186 bits of a key unknown.
 */
export function mayHoldKey(text: string): boolean {
  return (text.match(/[A-Za-z0-9+/]{13,}/g) ?? []).some((run) => !WORD.test(run));
}
