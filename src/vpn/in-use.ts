/**
 * One VPN key in one gate at a time: two WireGuard clients with one key steal the server's session from each other, and
 * neither tunnel proves anything then. Held by the supervisor for as long as its gate may connect; told by a lock that
 * dies with its process, so nothing is left to clean up.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { acquireLock, readLock, writeFileAtomic } from '../home/index.ts';
import { errors } from './codes.ts';

export interface KeyClaim {
  /** Idempotent. */
  release(): void;
}

/** Locks between processes; `acquire` rejects when a living process holds the lock. */
export interface KeyLocks {
  readonly acquire: (folder: string) => Promise<KeyClaim>;
  readonly isHeld: (folder: string) => Promise<boolean>;
}

const homeLocks: KeyLocks = {
  acquire: (folder) => acquireLock(folder),
  isHeld: async (folder) => (await readLock(folder)) !== undefined,
};

/**
 * Takes the key for `gate` until released or until this process ends.
 *
 * @throws VPN_KEY_IN_USE
 */
export async function claimKey(
  vpnFolder: string,
  publicKey: string,
  gate: string,
  locks: KeyLocks = homeLocks,
): Promise<KeyClaim> {
  const folder = keyFolder(vpnFolder, publicKey);
  const claim = await locks.acquire(path.join(folder, 'lock')).catch(async (cause: unknown) => {
    const heldBy = await keyHolder(vpnFolder, publicKey, locks);
    if (heldBy === undefined) throw cause;
    throw VmgateError.of(errors.VPN_KEY_IN_USE, { gate, heldBy }, { cause });
  });
  try {
    await writeFileAtomic(path.join(folder, 'gate'), gate);
  } catch (cause) {
    // This process lives on and tries again: a lock that nobody can release would be its own gate's obstacle.
    claim.release();
    throw cause;
  }
  return claim;
}

/** The gate that uses the key now; undefined when none does. */
export async function keyHolder(
  vpnFolder: string,
  publicKey: string,
  locks: KeyLocks = homeLocks,
): Promise<string | undefined> {
  const folder = keyFolder(vpnFolder, publicKey);
  if (!(await locks.isHeld(path.join(folder, 'lock')))) return undefined;
  const name = await readFile(path.join(folder, 'gate'), 'utf8').catch(() => '');
  return /^[a-z0-9-]{1,64}$/.test(name) ? name : '(unknown)';
}

/** Base64 has `/` and case; a digest makes a file name. The dot keeps it apart from profiles' names. */
function keyFolder(vpnFolder: string, publicKey: string): string {
  const name = createHash('sha256').update(publicKey).digest('hex').slice(0, 32);
  return path.join(vpnFolder, '.in-use', name);
}
