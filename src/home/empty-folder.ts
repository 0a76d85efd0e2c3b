import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';

/** Removes everything inside, keeps the folder. A missing folder is empty enough. */
export async function emptyFolder(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  await Promise.all(names.map((name) => rm(path.join(folder, name), { recursive: true, force: true })));
}
