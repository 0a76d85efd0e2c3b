/** Certificates and private keys in PEM, as profiles of every kind hold them. Nothing here is ever quoted. */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { VmgateError } from '../core/coded.ts';
import { pemsOf } from './pem.ts';

const MAX_CERTIFICATES = 16;

/** How a kind tells what is wrong with a certificate; days are like `2027-01-31`. */
export interface CertificateFaults {
  readonly invalid: (expected: string) => VmgateError;
  readonly expired: (until: string) => VmgateError;
  readonly early: (from: string) => VmgateError;
}

/**
 * The certificates in `text`; what stands around them, as `openssl x509 -text` writes it, is left out.
 *
 * @throws the kind's faults
 */
export function certificatesIn(
  text: string,
  nowMs: number,
  { invalid, expired, early }: CertificateFaults,
): readonly X509Certificate[] {
  const found = pemsOf(text, 'CERTIFICATE');
  if (found.length === 0 || found.length > MAX_CERTIFICATES) throw invalid('PEM certificates');
  return found.map((pem) => {
    const certificate = attempt(() => new X509Certificate(pem));
    if (certificate === undefined) throw invalid('a PEM certificate');
    const [from, until] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
    if (Number.isNaN(from) || Number.isNaN(until)) throw invalid('a certificate with dates');
    if (nowMs > until) throw expired(dayOf(until));
    if (nowMs < from) throw early(dayOf(from));
    return certificate;
  });
}

export interface KeyFaults {
  readonly invalid: (expected: string) => VmgateError;
  readonly encrypted: () => VmgateError;
}

/** The one private key in `text`. @throws the kind's faults */
export function privateKeyIn(text: string, { invalid, encrypted }: KeyFaults): KeyObject {
  const [pem, second] = pemsOf(text, '(?:[A-Z]{1,9} )?PRIVATE KEY');
  if (pem === undefined || second !== undefined) throw invalid('one PEM private key');
  if (/^-----BEGIN ENCRYPTED |^Proc-Type: *4,ENCRYPTED/m.test(pem)) throw encrypted();
  const key = attempt(() => createPrivateKey(pem));
  if (key === undefined) throw invalid('a PEM private key');
  return key;
}

export function isKeyOf(key: KeyObject, certificate: X509Certificate): boolean {
  return attempt(() => createPublicKey(key).equals(certificate.publicKey)) === true;
}

/** PKCS #8 PEM. */
export function pkcs8Of(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** SHA-256, lower-case hexadecimal. */
export function fingerprintOf({ fingerprint256 }: X509Certificate): string {
  return fingerprint256.replaceAll(':', '').toLowerCase();
}

/** The same of certificates in PEM. */
export function printsOf(pems: readonly string[]): readonly string[] {
  return pems.map((pem) => fingerprintOf(new X509Certificate(pem)));
}

/** Of fingerprints in any order. */
export function listDigest(prints: readonly string[]): string {
  return createHash('sha256').update(prints.toSorted().join('\n')).digest('hex');
}

/** In words, whichever of them (fingerprints) a server's certificate may be by. */
export function authoritiesText(prints: readonly string[]): string {
  const [only, ...more] = prints;
  if (only !== undefined && more.length === 0) return `the authority sha256:${only}`;
  return `one of ${prints.length} authorities (list sha256:${listDigest(prints)})`;
}

function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
