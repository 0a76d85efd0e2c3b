/**
 * Files that a profile names. Only plain names, read from the profile's own folder: a profile that could name any file
 * could make a secret of this machine part of what is sent to its server.
 */
import { VmgateError } from '../../core/coded.ts';
import { errors } from '../codes.ts';
import type { Companions } from '../kind.ts';
import { at, type Token } from '../positions.ts';
import { isPlainName } from '../values.ts';
import type { Material } from './material.ts';
import type { Directive } from './syntax.ts';

/** One of these may name a file. */
const NAMES_FILE = ['ca', 'cert', 'key', 'extra-certs', 'tls-auth', 'tls-crypt', 'tls-crypt-v2'];

/** Names that {@link materialOf} will ask for. */
export function companionNames(directives: readonly Directive[]): readonly string[] {
  const named = directives.flatMap(({ name, args: [first], block }) =>
    block === undefined && first !== undefined && NAMES_FILE.includes(name.text) ? [first.text] : [],
  );
  return [...new Set(named)].filter(isPlainName);
}

/**
 * What a directive holds, in its block or its file; undefined for peer-fingerprint's line, which holds nothing else.
 *
 * @throws VPN_OVPN_FILE_REFUSED, VPN_OVPN_VALUE_INVALID
 */
export function materialOf(
  { name, args: [named], block }: Directive,
  file: string,
  companions: Companions,
): Material | undefined {
  const option = name.text;
  if (block !== undefined) return { option, text: block, token: name };
  if (!NAMES_FILE.includes(option)) return undefined;
  if (named === undefined) {
    const payload = { ...at(file, name), option, expected: `a file name; or <${option}> with what it holds` };
    throw VmgateError.of(errors.VPN_OVPN_VALUE_INVALID, payload);
  }
  if (!isPlainName(named.text))
    throw refused(option, named, 'it is not a plain name in the folder of the profile', file);
  const text = companions(named.text);
  if (text === undefined) throw refused(option, named, 'there is no such file beside the profile', file);
  return { option, text, token: named };
}

function refused(option: string, token: Token, reason: string, file: string): VmgateError {
  return VmgateError.of(errors.VPN_OVPN_FILE_REFUSED, { ...at(file, token), option, reason });
}
