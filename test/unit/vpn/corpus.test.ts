/** Every broken or hostile profile there is, over all kinds: enough of them, each refused by a code, of many different ones. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { VmgateError } from '../../../src/core/coded.ts';
import type { ProfileOptions, ProfileReader } from '../../../src/vpn/kind.ts';
import { KIND_NAMES, type KindName, kindNamed } from '../../../src/vpn/kinds.ts';

/** Profiles altogether, of each kind, and codes. */
const LEAST = { profiles: 40, ofEach: 5, codes: 25 };
const FOLDERS: Readonly<Record<KindName, string>> = {
  wireguard: 'corpus',
  openvpn: 'openvpn/broken',
  ipsec: 'ipsec/broken',
  openconnect: 'openconnect/broken',
};
const options = (file: string): ProfileOptions => ({ split: file.startsWith('split-'), dns: [] });

function codeOf(reader: ProfileReader, folder: string, file: string): string {
  const profile = readFileSync(path.join(import.meta.dirname, folder, file));
  try {
    reader.plan(profile, file, options(file), () => undefined);
  } catch (fault) {
    if (VmgateError.is(fault)) return fault.code;
    throw fault;
  }
  return 'accepted';
}

const refused: { readonly kind: KindName; readonly codes: readonly string[] }[] = [];
// One after the other: jest loads no two modules at once that share a third.
for (const kind of KIND_NAMES) {
  const [folder, reader] = [FOLDERS[kind], await kindNamed(kind).reader()];
  const codes = readdirSync(path.join(import.meta.dirname, folder)).map((file) => codeOf(reader, folder, file));
  refused.push({ kind, codes: codes.filter((code) => code !== 'accepted') });
}

describe('broken and hostile profiles', () => {
  test.each(refused)('of $kind there are enough, refused by codes of its own', ({ codes }) => {
    expect(codes.length).toBeGreaterThanOrEqual(LEAST.ofEach);
    expect(codes.every((code) => code.startsWith('VPN_'))).toBe(true);
  });

  test('of all kinds together too, and their codes', () => {
    const all = refused.flatMap(({ codes }) => codes);
    expect(all.length).toBeGreaterThanOrEqual(LEAST.profiles);
    expect(new Set(all).size).toBeGreaterThanOrEqual(LEAST.codes);
  });
});
