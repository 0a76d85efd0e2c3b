/**
 * Certificates and keys of a profile, in a block or in a file beside it: that each is what its option says. Nothing here is
 * ever quoted. Only plain names are read, from the profile's own folder: a profile that could name any file could make a
 * secret of this machine part of what is sent to its server.
 */
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { VmgateError } from '../../core/coded.ts';
import { errors } from '../codes.ts';
import type { Companions } from '../kind.ts';
import { pemsOf } from '../pem.ts';
import { at, type Token } from '../positions.ts';
import type { Setting } from './syntax.ts';

/** One of these may name a file. */
const NAMES_FILE = ['cafile', 'certificate', 'sslkey'];
const MAX_CERTIFICATES = 16;

export interface Material {
  readonly option: string;
  readonly text: string;
  readonly token: Token;
}

/** Names that {@link materialOf} will ask for. */
export function companionNames(settings: readonly Setting[]): readonly string[] {
  const named = settings.flatMap(({ name, value }) =>
    value !== undefined && NAMES_FILE.includes(name.text) ? [value.text] : [],
  );
  return [...new Set(named)].filter(isPlain);
}

/** @throws VPN_OC_FILE_REFUSED */
export function materialOf({ name, value, block }: Setting, file: string, companions: Companions): Material {
  const option = name.text;
  if (block !== undefined) return { option, text: block, token: name };
  const token = value ?? name;
  const refused = (reason: string) =>
    VmgateError.of(errors.VPN_OC_FILE_REFUSED, { ...at(file, token), option, reason });
  if (/^(pkcs11|tpmkey|system):/.test(token.text)) throw refused('keys in hardware cannot be reached from the gateway');
  if (!isPlain(token.text)) throw refused('it is not a plain name in the folder of the profile');
  const text = companions(token.text);
  if (text === undefined) throw refused('there is no such file beside the profile');
  return { option, text, token };
}

/** @throws VPN_OC_MATERIAL_INVALID, VPN_OC_CERTIFICATE_EXPIRED, VPN_OC_CERTIFICATE_EARLY */
export function readCertificates(material: Material, file: string, nowMs: number): readonly X509Certificate[] {
  const { option, token } = material;
  const found = pemsOf(material.text, 'CERTIFICATE');
  if (found.length === 0 || found.length > MAX_CERTIFICATES) throw invalid(material, file, 'PEM certificates');
  const certificates = found.map((pem) => attempt(() => new X509Certificate(pem)));
  return certificates.map((certificate) => {
    const [from, until] = [Date.parse(certificate?.validFrom ?? ''), Date.parse(certificate?.validTo ?? '')];
    if (certificate === undefined || Number.isNaN(from + until)) throw invalid(material, file, 'a PEM certificate');
    const place = { ...at(file, token), option };
    if (nowMs > until) throw VmgateError.of(errors.VPN_OC_CERTIFICATE_EXPIRED, { ...place, until: dayOf(until) });
    if (nowMs < from) throw VmgateError.of(errors.VPN_OC_CERTIFICATE_EARLY, { ...place, from: dayOf(from) });
    return certificate;
  });
}

/**
 * The private key of `own`, PKCS #8 PEM.
 *
 * @throws VPN_OC_MATERIAL_INVALID, VPN_OC_KEY_ENCRYPTED, VPN_OC_KEY_OTHER
 */
export function readPrivateKey(material: Material, own: X509Certificate, file: string): string {
  const [pem, second] = pemsOf(material.text, '(?:[A-Z]{1,9} )?PRIVATE KEY');
  if (pem === undefined || second !== undefined) throw invalid(material, file, 'one PEM private key');
  if (/^-----BEGIN ENCRYPTED |^Proc-Type: *4,ENCRYPTED/m.test(pem)) {
    throw VmgateError.of(errors.VPN_OC_KEY_ENCRYPTED, at(file, material.token));
  }
  const key = attempt(() => createPrivateKey(pem));
  if (key === undefined) throw invalid(material, file, 'a PEM private key');
  if (attempt(() => createPublicKey(key).equals(own.publicKey)) !== true) {
    throw VmgateError.of(errors.VPN_OC_KEY_OTHER, at(file, material.token));
  }
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** SHA-256, lower-case hexadecimal. */
export function fingerprintOf({ fingerprint256 }: X509Certificate): string {
  return fingerprint256.replaceAll(':', '').toLowerCase();
}

function isPlain(name: string): boolean {
  return name.length <= 255 && /^[^./\\\0][^/\\\0]*$/.test(name);
}

function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

function invalid({ option, token }: Material, file: string, expected: string): VmgateError {
  return VmgateError.of(errors.VPN_OC_MATERIAL_INVALID, { ...at(file, token), option, expected });
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
