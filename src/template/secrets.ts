/** A template travels and is read by everybody: nothing that looks like a key or a password may be in any of its files. */
import { VmgateError } from '../core/coded.ts';
import { errors } from './codes.ts';
import type { TemplateFile } from './files.ts';

/** What WireGuard, OpenVPN, OpenSSH and TLS write. */
const SIGNS: readonly { readonly pattern: RegExp; readonly what: string }[] = [
  { pattern: /-----BEGIN [A-Za-z0-9 ]{0,40}(?:PRIVATE KEY|Static key)/gi, what: 'a private key' },
  { pattern: /\b(?:PrivateKey|PresharedKey|auth-user-pass)\b[ \t]*[=:]/gi, what: 'a secret of a VPN profile' },
  { pattern: /(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{43}=(?![A-Za-z0-9+/=])/g, what: 'what looks like a private key' },
];

/**
 * The error never repeats what was found.
 *
 * @param peer the one key that may be there: the server's public one
 * @throws TEMPLATE_SECRET with its position
 */
export function refuseSecrets(place: string, files: readonly TemplateFile[], peer: string | undefined): void {
  for (const file of files) {
    const text = Buffer.from(file.content).toString('latin1');
    for (const { pattern, what } of SIGNS) {
      const hit = [...text.matchAll(pattern)].find(([found]) => found !== peer);
      if (hit === undefined) continue;
      const before = text.slice(0, hit.index).split('\n');
      const position = { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
      throw VmgateError.of(errors.TEMPLATE_SECRET, { file: `${place}${file.path}`, ...position, what });
    }
  }
}
