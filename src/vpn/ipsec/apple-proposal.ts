/** Algorithms as Apple's configuration profiles name them, and as swanctl.conf(5) does. */
import * as z from 'zod';
import { VmgateError } from '../../core/coded.ts';
import { errors } from '../codes.ts';
import type { At } from '../positions.ts';

export const security = z.looseObject({
  EncryptionAlgorithm: z.string().default('AES-256'),
  IntegrityAlgorithm: z.string().default('SHA2-256'),
  DiffieHellmanGroup: z.int().default(14),
});

/** Weak ones are translated too: they are refused by name. */
const ENCRYPTION: Readonly<Record<string, string>> = {
  DES: 'des',
  '3DES': '3des',
  'AES-128': 'aes128',
  'AES-256': 'aes256',
  'AES-128-GCM': 'aes128gcm16',
  'AES-256-GCM': 'aes256gcm16',
  ChaCha20Poly1305: 'chacha20poly1305',
};
const INTEGRITY: Readonly<Record<string, string>> = {
  'SHA1-96': 'sha1',
  'SHA1-160': 'sha1_160',
  'SHA2-256': 'sha256',
  'SHA2-384': 'sha384',
  'SHA2-512': 'sha512',
};
const GROUPS: Readonly<Record<number, string>> = {
  1: 'modp768',
  2: 'modp1024',
  5: 'modp1536',
  14: 'modp2048',
  15: 'modp3072',
  16: 'modp4096',
  17: 'modp6144',
  18: 'modp8192',
  19: 'ecp256',
  20: 'ecp384',
  21: 'ecp521',
  31: 'x25519',
  32: 'x448',
};

/**
 * One proposal, of IKE itself or of ESP, that with a group of its own (perfect forward secrecy) or without; none where
 * nothing is said.
 *
 * @throws VPN_IKE_VALUE
 */
export function proposalOf(
  read: z.infer<typeof security> | undefined,
  place: At,
  use: 'ike' | 'esp' | 'esp-pfs',
): readonly string[] {
  if (read === undefined) return [];
  const translated = <K extends string | number>(key: string, table: Readonly<Record<K, string>>, word: K): string => {
    if (!Object.hasOwn(table, word)) {
      const expected = Object.keys(table).join(', ');
      throw VmgateError.of(errors.VPN_IKE_VALUE, { ...place, key, expected });
    }
    return table[word];
  };
  const cipher = translated('EncryptionAlgorithm', ENCRYPTION, read.EncryptionAlgorithm);
  const hash = translated('IntegrityAlgorithm', INTEGRITY, read.IntegrityAlgorithm);
  const group = translated('DiffieHellmanGroup', GROUPS, read.DiffieHellmanGroup);
  const sealed = /gcm|poly/.test(cipher);
  // One that authenticates by itself has no hash, but the keys of IKE are made by one.
  const middle = sealed ? (use === 'ike' ? [`prf${hash.replace('_160', '')}`] : []) : [hash];
  return [[cipher, ...middle, ...(use === 'esp' ? [] : [group])].join('-')];
}
