/** What images from registries are kept as, below images/ of the home folder. */
import { mkdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { type HomeLayout, writeFileAtomic } from '../../home/index.ts';
import { storeLock } from '../../image/index.ts';
import { type Lockfile, readLockfile, readLockRecord } from '../../oci/index.ts';
import { confirmedFolders } from '../../trust/index.ts';
import { lockFileOf } from '../template/lock-file.ts';
import { readIfThere } from '../template/small-file.ts';

const record = z.strictObject({ version: z.literal(1), folders: z.array(z.string().max(4_096)).max(10_000) });

const MAX_RECORD = 4_194_304;
/** As src/config has it: a longer vmgate.yaml is none. */
const MAX_YAML = 65_536;

/** Pieces by digest, shared by all versions. */
export function piecesOf({ images }: HomeLayout): string {
  return path.join(images, 'pieces');
}

function recordOf({ images }: HomeLayout): string {
  return path.join(images, 'locks.json');
}

/**
 * The vmgate.lock of this folder names an image from now on: `image prune` asks it.
 *
 * @throws REGISTRY_LOCK_DAMAGED, HOME_LOCKED
 */
export async function rememberLock(home: HomeLayout, folder: string): Promise<void> {
  const place = await realpath(folder);
  await mkdir(home.images, { recursive: true, mode: 0o700 });
  // Two pulls in two folders: the one that is forgotten would lose its image to the next prune.
  const lock = await storeLock(home.images);
  try {
    const folders = [...new Set([...(await known(home)), place])].sort();
    await writeFileAtomic(recordOf(home), `${JSON.stringify({ version: 1, folders })}\n`);
  } finally {
    lock.release();
  }
}

async function known(home: HomeLayout): Promise<readonly string[]> {
  return (await readLockRecord(recordOf(home), record, MAX_RECORD))?.folders ?? [];
}

/** What folders that this machine knows of still need. */
export interface Needed {
  readonly locks: readonly Lockfile[];
  /** Their configuration files, as text: one may name a disk that no lock names any more. */
  readonly texts: readonly string[];
}

/**
 * Of folders that an image was pulled in, of confirmed ones, and of the home folder.
 *
 * @throws REGISTRY_LOCK_DAMAGED, CLI_USAGE: what a file names cannot be told, so nothing may go
 */
export async function neededBy(home: HomeLayout): Promise<Needed> {
  const confirmed = (await confirmedFolders(home.trusted)).filter((each) => path.basename(each) !== 'vmgate.trust');
  const folders = [...new Set([...(await known(home)), ...confirmed, home.root])];
  const names = ['vmgate.yaml', 'vmgate.local.yaml'];
  const files = folders.flatMap((each) => names.map((name) => path.join(each, name)));
  return {
    locks: await Promise.all(folders.map((each) => readLockfile(lockFileOf(each)))),
    texts: await Promise.all(files.map(async (file) => (await readIfThere(file, MAX_YAML)) ?? '')),
  };
}
