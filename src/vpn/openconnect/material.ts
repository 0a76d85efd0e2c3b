/**
 * Certificates and keys of a profile, in a block or in a file beside it: that each is what its option says. Nothing here is
 * ever quoted. Only plain names are read, from the profile's own folder: a profile that could name any file could make a
 * secret of this machine part of what is sent to its server.
 */
import type { X509Certificate } from 'node:crypto';
import { VmgateError } from '../../core/coded.ts';
import { errors } from '../codes.ts';
import { certificatesIn, isKeyOf, pkcs8Of, privateKeyIn } from '../key-material.ts';
import type { Companions } from '../kind.ts';
import { at, type Token } from '../positions.ts';
import { isPlainName } from '../values.ts';
import type { Setting } from './syntax.ts';

/** One of these may name a file. */
const NAMES_FILE = ['cafile', 'certificate', 'sslkey'];

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
  return [...new Set(named)].filter(isPlainName);
}

/** @throws VPN_OC_FILE_REFUSED */
export function materialOf({ name, value, block }: Setting, file: string, companions: Companions): Material {
  const option = name.text;
  if (block !== undefined) return { option, text: block, token: name };
  const token = value ?? name;
  const refused = (reason: string) =>
    VmgateError.of(errors.VPN_OC_FILE_REFUSED, { ...at(file, token), option, reason });
  if (/^(pkcs11|tpmkey|system):/.test(token.text)) throw refused('keys in hardware cannot be reached from the gateway');
  if (!isPlainName(token.text)) throw refused('it is not a plain name in the folder of the profile');
  const text = companions(token.text);
  if (text === undefined) throw refused('there is no such file beside the profile');
  return { option, text, token };
}

/** @throws VPN_OC_MATERIAL_INVALID, VPN_OC_CERTIFICATE_EXPIRED, VPN_OC_CERTIFICATE_EARLY */
export function readCertificates(material: Material, file: string, nowMs: number): readonly X509Certificate[] {
  const place = { ...at(file, material.token), option: material.option };
  return certificatesIn(material.text, nowMs, {
    invalid: invalidAt(material, file),
    expired: (until) => VmgateError.of(errors.VPN_OC_CERTIFICATE_EXPIRED, { ...place, until }),
    early: (from) => VmgateError.of(errors.VPN_OC_CERTIFICATE_EARLY, { ...place, from }),
  });
}

/**
 * The private key of `own`, PKCS #8 PEM.
 *
 * @throws VPN_OC_MATERIAL_INVALID, VPN_OC_KEY_ENCRYPTED, VPN_OC_KEY_OTHER
 */
export function readPrivateKey(material: Material, own: X509Certificate, file: string): string {
  const place = at(file, material.token);
  const key = privateKeyIn(material.text, {
    invalid: invalidAt(material, file),
    encrypted: () => VmgateError.of(errors.VPN_OC_KEY_ENCRYPTED, place),
  });
  if (!isKeyOf(key, own)) throw VmgateError.of(errors.VPN_OC_KEY_OTHER, place);
  return pkcs8Of(key);
}

function invalidAt({ option, token }: Material, file: string): (expected: string) => VmgateError {
  return (expected) => VmgateError.of(errors.VPN_OC_MATERIAL_INVALID, { ...at(file, token), option, expected });
}
