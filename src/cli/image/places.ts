/** What images from registries are kept as, below images/ of the home folder. */
import { readFileSync } from 'node:fs';
import { mkdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { type HomeLayout, writeFileAtomic } from '../../home/index.ts';
import { parseJson } from '../../host/index.ts';
import { type Lockfile, readLockfile } from '../../oci/index.ts';
import { confirmedFolders } from '../../trust/index.ts';
import { lockFileOf } from '../template/lock-file.ts';

const record = z.strictObject({ version: z.literal(1), folders: z.array(z.string().max(4_096)).max(10_000) });

/** Pieces by digest, shared by all versions. */
export function piecesOf({ images }: HomeLayout): string {
  return path.join(images, 'pieces');
}

function recordOf({ images }: HomeLayout): string {
  return path.join(images, 'locks.json');
}

/** The vmgate.lock of this folder names an image from now on: `image prune` asks it. */
export async function rememberLock(home: HomeLayout, folder: string): Promise<void> {
  const folders = [...new Set([...known(home), await realpath(folder)])].sort();
  await mkdir(home.images, { recursive: true, mode: 0o700 });
  await writeFileAtomic(recordOf(home), `${JSON.stringify({ version: 1, folders })}\n`);
}

function known(home: HomeLayout): readonly string[] {
  try {
    return record.parse(parseJson(readFileSync(recordOf(home), 'utf8'))).folders;
  } catch {
    return [];
  }
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
 * @throws REGISTRY_LOCK_DAMAGED: what it names cannot be told, so nothing may go
 */
export async function neededBy(home: HomeLayout): Promise<Needed> {
  const confirmed = (await confirmedFolders(home.trusted)).filter((each) => path.basename(each) !== 'vmgate.trust');
  const folders = [...new Set([...known(home), ...confirmed, home.root])];
  const names = ['vmgate.yaml', 'vmgate.local.yaml'];
  return {
    locks: await Promise.all(folders.map((each) => readLockfile(lockFileOf(each)))),
    texts: folders.flatMap((each) => names.map((name) => textOf(path.join(each, name)))),
  };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
