/** What every kind's profile is first of all: UTF-8 text of bounded size, without control characters. */
import { VmgateError } from '../core/coded.ts';
import { errors } from './codes.ts';

/** Bytes. The largest real profiles (hundreds of AllowedIPs, chains of certificates) stay below 32 KiB. */
export const MAX_PROFILE = 65_536;

/**
 * A profile's bytes as text; `file` is the name errors say.
 *
 * @throws VPN_PROFILE_TOO_LARGE, VPN_PROFILE_NOT_TEXT
 */
export function decodeProfile(profile: Uint8Array | string, file: string): string {
  const bytes = typeof profile === 'string' ? Buffer.from(profile) : profile;
  if (bytes.length > MAX_PROFILE) {
    throw VmgateError.of(errors.VPN_PROFILE_TOO_LARGE, { file, bytes: bytes.length, limit: MAX_PROFILE });
  }
  const refuse = (found: string, line: number, column: number) =>
    VmgateError.of(errors.VPN_PROFILE_NOT_TEXT, { file, line, column, found });
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    throw refuse('UTF-16 text', 1, 1);
  }
  const text = new TextDecoder('utf-8').decode(bytes);
  const control = text.search(UNPRINTABLE);
  if (control === -1) return text;
  const before = text.slice(0, control).split(/\r\n|\n|\r/);
  const found = text[control] === '\uFFFD' ? 'bytes that are not UTF-8' : 'a control character';
  throw refuse(found, before.length, (before.at(-1)?.length ?? 0) + 1);
}

/** C0 and C1 controls but tab, line feed and carriage return; and what the decoder puts for invalid bytes. */
const UNPRINTABLE = /[^\P{Cc}\t\n\r]|\uFFFD/u;
