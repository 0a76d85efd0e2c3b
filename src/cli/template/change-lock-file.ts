import type { HomeLayout } from '../../home/index.ts';
import { storeLock } from '../../image/index.ts';
import { lockFileOf } from './lock-file.ts';

/**
 * Changes the vmgate.lock of `folder`, one process at a time: it is read and written whole, and the version that another one
 * wrote in between would be gone. What is not locked can be taken back to an older version.
 *
 * @throws HOME_LOCKED, and what `change` throws
 */
export async function changeLockFile(
  home: HomeLayout,
  folder: string,
  change: (file: string) => Promise<void>,
): Promise<void> {
  const lock = await storeLock(home.images);
  try {
    await change(lockFileOf(folder));
  } finally {
    lock.release();
  }
}
