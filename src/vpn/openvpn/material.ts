/** Certificates and keys of a profile: that each is what its option says it is. Nothing here is ever quoted. */
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { VmgateError } from '../../core/coded.ts';
import { errors } from '../codes.ts';
import { pemsOf } from '../pem.ts';
import { at, type Token } from '../positions.ts';

/** What an option holds, from its block or from the file it names. */
export interface Material {
  readonly option: string;
  readonly text: string;
  readonly token: Token;
}

const MAX_CERTIFICATES = 16;

/**
 * The certificates in PEM; text around them, as `openssl x509 -text` writes it, is left out.
 *
 * @throws VPN_OVPN_MATERIAL_INVALID, VPN_OVPN_CERTIFICATE_EXPIRED, VPN_OVPN_CERTIFICATE_EARLY
 */
export function readCertificates(material: Material, file: string, nowMs: number): readonly X509Certificate[] {
  const found = pemsOf(material.text, 'CERTIFICATE');
  if (found.length === 0 || found.length > MAX_CERTIFICATES) throw invalid(material, file, 'PEM certificates');
  return found.map((pem) => {
    const certificate = parsed(() => new X509Certificate(pem));
    if (certificate === undefined) throw invalid(material, file, 'a PEM certificate');
    const { option, token } = material;
    const [from, until] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
    if (Number.isNaN(from) || Number.isNaN(until)) throw invalid(material, file, 'a certificate with dates');
    if (nowMs > until) {
      const payload = { ...at(file, token), option, until: dayOf(until) };
      throw VmgateError.of(errors.VPN_OVPN_CERTIFICATE_EXPIRED, payload);
    }
    if (nowMs < from) {
      throw VmgateError.of(errors.VPN_OVPN_CERTIFICATE_EARLY, { ...at(file, token), option, from: dayOf(from) });
    }
    return certificate;
  });
}

/** @throws VPN_OVPN_MATERIAL_INVALID, VPN_OVPN_KEY_ENCRYPTED */
export function readPrivateKey(material: Material, file: string): KeyObject {
  const [pem, second] = pemsOf(material.text, '(?:[A-Z]{1,9} )?PRIVATE KEY');
  if (pem === undefined || second !== undefined) throw invalid(material, file, 'one PEM private key');
  if (/^-----BEGIN ENCRYPTED |^Proc-Type: *4,ENCRYPTED/m.test(pem)) {
    throw VmgateError.of(errors.VPN_OVPN_KEY_ENCRYPTED, at(file, material.token));
  }
  const key = parsed(() => createPrivateKey(pem));
  if (key === undefined) throw invalid(material, file, 'a PEM private key');
  return key;
}

/** @throws VPN_OVPN_KEY_OTHER */
export function checkPair(certificate: X509Certificate, key: KeyObject, { token }: Material, file: string): void {
  const own = parsed(() => createPublicKey(key).equals(certificate.publicKey));
  if (own !== true) throw VmgateError.of(errors.VPN_OVPN_KEY_OTHER, at(file, token));
}

/** 256 bytes in hexadecimal (`openvpn --genkey secret`), and a wrapped key in base64 (`tls-crypt-v2-client`). */
const STATIC_KEY = 'OpenVPN Static key V1';
const WRAP_KEYS = {
  [STATIC_KEY]: /^[0-9a-fA-F]{512}$/,
  'OpenVPN tls-crypt-v2 client key': /^[A-Za-z0-9+/]{340,4096}={0,2}$/,
};

/**
 * That it is a key for tls-auth, tls-crypt or tls-crypt-v2.
 *
 * @throws VPN_OVPN_MATERIAL_INVALID
 */
export function checkWrapKey(material: Material, file: string): void {
  const { label, body, whole } = wrapKeyOf(material);
  if (!whole || !WRAP_KEYS[label].test(body)) throw invalid(material, file, `an ${label}`);
}

/** The key itself, in the one form that OpenVPN writes; {@link checkWrapKey} was asked before. */
export function wrapKeyLines(material: Material): string {
  const { label, body } = wrapKeyOf(material);
  const lines = body.match(label === STATIC_KEY ? /.{1,32}/g : /.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`].join('\n');
}

function wrapKeyOf({ option, text }: Material): { label: keyof typeof WRAP_KEYS; body: string; whole: boolean } {
  const label = option === 'tls-crypt-v2' ? 'OpenVPN tls-crypt-v2 client key' : STATIC_KEY;
  const [, rest = ''] = text.split(`-----BEGIN ${label}-----`);
  const [body = '', end] = rest.split(`-----END ${label}-----`);
  return { label, body: body.replace(/\s/g, ''), whole: end !== undefined };
}

function parsed<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}

function invalid({ option, token }: Material, file: string, expected: string): VmgateError {
  return VmgateError.of(errors.VPN_OVPN_MATERIAL_INVALID, { ...at(file, token), option, expected });
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
