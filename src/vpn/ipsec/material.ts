/** Certificates and keys of a profile: that each is what its key says it is. Nothing here is ever quoted. */
import type { X509Certificate } from 'node:crypto';
import { VmgateError } from '../../core/coded.ts';
import { errors } from '../codes.ts';
import { certificatesIn, isKeyOf, pkcs8Of, privateKeyIn } from '../key-material.ts';
import type { At } from '../positions.ts';
import { type Pkcs12, type Pkcs12Fault, readPkcs12 } from './pkcs12.ts';

/** @throws VPN_IKE_MATERIAL_INVALID, VPN_IKE_CERTIFICATE_EXPIRED, VPN_IKE_CERTIFICATE_EARLY */
export function readCertificates(text: string, key: string, place: At, nowMs: number): readonly X509Certificate[] {
  return certificatesIn(text, nowMs, {
    invalid: (expected) => VmgateError.of(errors.VPN_IKE_MATERIAL_INVALID, { ...place, key, expected }),
    expired: (until) => VmgateError.of(errors.VPN_IKE_CERTIFICATE_EXPIRED, { ...place, key, until }),
    early: (from) => VmgateError.of(errors.VPN_IKE_CERTIFICATE_EARLY, { ...place, key, from }),
  });
}

/**
 * The private key as PKCS #8 PEM.
 *
 * @throws VPN_IKE_MATERIAL_INVALID, VPN_IKE_KEY_ENCRYPTED, VPN_IKE_KEY_OTHER
 */
export function readKey(text: string, place: At, certificate: X509Certificate): string {
  const key = privateKeyIn(text, {
    invalid: (expected) => VmgateError.of(errors.VPN_IKE_MATERIAL_INVALID, { ...place, key: 'key', expected }),
    encrypted: () => VmgateError.of(errors.VPN_IKE_KEY_ENCRYPTED, place),
  });
  if (!isKeyOf(key, certificate)) throw VmgateError.of(errors.VPN_IKE_KEY_OTHER, place);
  return pkcs8Of(key);
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
