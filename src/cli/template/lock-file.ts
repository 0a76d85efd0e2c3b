/** `vmgate.lock` of a project folder. */
import path from 'node:path';
import { type LockEntry, lockedVersion, parseReference, readLockfile } from '../../oci/index.ts';

const LOCK_FILE = 'vmgate.lock';

export function lockFileOf(folder: string): string {
  return path.join(folder, LOCK_FILE);
}

/** @throws REGISTRY_LOCK_DAMAGED, REGISTRY_REFERENCE_INVALID */
export async function lockedIn(folder: string, reference: string): Promise<LockEntry | undefined> {
  return lockedVersion(await readLockfile(lockFileOf(folder)), parseReference(reference));
}
