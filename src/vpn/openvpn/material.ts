/** Certificates and keys of a profile: that each is what its option says it is. Nothing here is ever quoted. */
import type { KeyObject, X509Certificate } from 'node:crypto';
import { VmgateError } from '../../core/coded.ts';
import { errors } from '../codes.ts';
import { certificatesIn, isKeyOf, privateKeyIn } from '../key-material.ts';
import { at, type Token } from '../positions.ts';

/** What an option holds, from its block or from the file it names. */
export interface Material {
  readonly option: string;
  readonly text: string;
  readonly token: Token;
}

/** @throws VPN_OVPN_MATERIAL_INVALID, VPN_OVPN_CERTIFICATE_EXPIRED, VPN_OVPN_CERTIFICATE_EARLY */
export function readCertificates(material: Material, file: string, nowMs: number): readonly X509Certificate[] {
  const place = { ...at(file, material.token), option: material.option };
  return certificatesIn(material.text, nowMs, {
    invalid: invalidAt(material, file),
    expired: (until) => VmgateError.of(errors.VPN_OVPN_CERTIFICATE_EXPIRED, { ...place, until }),
    early: (from) => VmgateError.of(errors.VPN_OVPN_CERTIFICATE_EARLY, { ...place, from }),
  });
}

/** @throws VPN_OVPN_MATERIAL_INVALID, VPN_OVPN_KEY_ENCRYPTED */
export function readPrivateKey(material: Material, file: string): KeyObject {
  return privateKeyIn(material.text, {
    invalid: invalidAt(material, file),
    encrypted: () => VmgateError.of(errors.VPN_OVPN_KEY_ENCRYPTED, at(file, material.token)),
  });
}

/** @throws VPN_OVPN_KEY_OTHER */
export function checkPair(certificate: X509Certificate, key: KeyObject, { token }: Material, file: string): void {
  if (!isKeyOf(key, certificate)) throw VmgateError.of(errors.VPN_OVPN_KEY_OTHER, at(file, token));
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
  if (!whole || !WRAP_KEYS[label].test(body)) throw invalidAt(material, file)(`an ${label}`);
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

function invalidAt({ option, token }: Material, file: string): (expected: string) => VmgateError {
  return (expected) => VmgateError.of(errors.VPN_OVPN_MATERIAL_INVALID, { ...at(file, token), option, expected });
}
