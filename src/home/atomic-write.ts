/** Files that are either the old or the new one, whenever the power goes. */
import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { messageOf } from '../host/index.ts';
import { errors } from './codes.ts';

/** Whether `name` is what a process that was killed while it replaced a file left behind. Read only where nobody writes now. */
export function isAbandonedWrite(name: string): boolean {
  return /\.[0-9a-f]{8}\.draft$/.test(name);
}

/**
 * Replaces `file` by `content`, 0600 unless said. Both the content and the folder entry are on disk afterwards.
 *
 * @throws HOME_WRITE_FAILED, with nothing changed and nothing left behind
 */
export async function writeFileAtomic(file: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  const draft = `${file}.${randomBytes(4).toString('hex')}.draft`;
  try {
    await writeThrough(draft, content, mode);
    await rename(draft, file);
    await syncFolder(path.dirname(file));
  } catch (cause) {
    await rm(draft, { force: true });
    throw VmgateError.of(errors.HOME_WRITE_FAILED, { file, why: messageOf(cause) }, { cause });
  }
}

/**
 * Gives a finished draft its name; what it replaces is there whole until then. Both are on disk afterwards.
 *
 * @throws what the file system says; the draft is still there then
 */
export async function settleFile(draft: string, file: string): Promise<void> {
  const handle = await open(draft, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
  await syncFolder(path.dirname(file));
}

async function writeThrough(file: string, content: string | Uint8Array, mode: number): Promise<void> {
  const handle = await open(file, 'wx', mode);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A name that was made, renamed or removed in `folder` is on disk afterwards: fsync(2), of the file alone, is not enough. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
