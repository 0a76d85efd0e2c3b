/** Certificates and keys of a profile: that each is what its key says it is. Nothing here is ever quoted. */
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { VmgateError } from '../../core/coded.ts';
import { errors } from '../codes.ts';
import { pemsOf } from '../pem.ts';
import type { At } from '../positions.ts';
import { type Pkcs12, type Pkcs12Fault, readPkcs12 } from './pkcs12.ts';

const MAX_CERTIFICATES = 16;

/** @throws VPN_IKE_MATERIAL_INVALID, VPN_IKE_CERTIFICATE_EXPIRED, VPN_IKE_CERTIFICATE_EARLY */
export function readCertificates(text: string, key: string, place: At, nowMs: number): readonly X509Certificate[] {
  const invalid = (expected: string) => VmgateError.of(errors.VPN_IKE_MATERIAL_INVALID, { ...place, key, expected });
  const found = pemsOf(text, 'CERTIFICATE');
  if (found.length === 0 || found.length > MAX_CERTIFICATES) throw invalid('PEM certificates');
  return found.map((pem) => {
    const certificate = attempt(() => new X509Certificate(pem));
    if (certificate === undefined) throw invalid('a PEM certificate');
    const [from, until] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
    if (Number.isNaN(from) || Number.isNaN(until)) throw invalid('a certificate with dates');
    if (nowMs > until) {
      throw VmgateError.of(errors.VPN_IKE_CERTIFICATE_EXPIRED, { ...place, key, until: dayOf(until) });
    }
    if (nowMs < from) throw VmgateError.of(errors.VPN_IKE_CERTIFICATE_EARLY, { ...place, key, from: dayOf(from) });
    return certificate;
  });
}

/**
 * The private key as PKCS #8 PEM.
 *
 * @throws VPN_IKE_MATERIAL_INVALID, VPN_IKE_KEY_ENCRYPTED, VPN_IKE_KEY_OTHER
 */
export function readKey(text: string, place: At, certificate: X509Certificate): string {
  const invalid = (expected: string) =>
    VmgateError.of(errors.VPN_IKE_MATERIAL_INVALID, { ...place, key: 'key', expected });
  const [pem, second] = pemsOf(text, '(?:[A-Z]{1,9} )?PRIVATE KEY');
  if (pem === undefined || second !== undefined) throw invalid('one PEM private key');
  if (/^-----BEGIN ENCRYPTED |^Proc-Type: *4,ENCRYPTED/m.test(pem)) {
    throw VmgateError.of(errors.VPN_IKE_KEY_ENCRYPTED, place);
  }
  const key = attempt(() => createPrivateKey(pem));
  if (key === undefined) throw invalid('a PEM private key');
  if (attempt(() => createPublicKey(key).equals(certificate.publicKey)) !== true) {
    throw VmgateError.of(errors.VPN_IKE_KEY_OTHER, place);
  }
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/**
 * The certificate and the key of a PKCS #12 file.
 *
 * @param password the profile's; empty where it has none
 * @throws VPN_IKE_PKCS12_LOCKED, VPN_IKE_PKCS12_UNREADABLE
 */
export function openPkcs12(bytes: Uint8Array, password: string, place: At): Pkcs12 {
  const read = readPkcs12(Buffer.from(bytes), password);
  if (typeof read !== 'string') return read;
  if (read === 'locked') throw VmgateError.of(errors.VPN_IKE_PKCS12_LOCKED, place);
  throw VmgateError.of(errors.VPN_IKE_PKCS12_UNREADABLE, { ...place, why: UNREADABLE[read] });
}

const UNREADABLE: Readonly<Record<Exclude<Pkcs12Fault, 'locked'>, string>> = {
  unsupported: 'it is encrypted as before 2010 (RC2), or in a way that vmgate does not know',
  garbled: 'it is none, or does not hold one key and its certificate',
};

/** SHA-256 of a certificate, lower-case hexadecimal. */
export function fingerprintOf({ fingerprint256 }: X509Certificate): string {
  return fingerprint256.replaceAll(':', '').toLowerCase();
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
