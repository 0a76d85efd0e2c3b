/** Copies of disks: shared blocks where the file system can (btrfs, XFS, APFS), else every byte, after a look at the room there is. */

import { createHash } from 'node:crypto';
import { constants, createReadStream, createWriteStream } from 'node:fs';
import { copyFile, open, rm, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { VmgateError } from '../core/coded.ts';
import { digestText, errnoOf, messageOf } from '../host/index.ts';
import { errors } from './codes.ts';

/** How long work goes on and is watched. */
export interface Task {
  readonly signal: AbortSignal;
  /** Bytes done, and how many there are in all at most. */
  readonly progress: (doneBytes: number, allBytes: number) => void;
}

/** What a disk needs beside its bytes: headers, tables, the entry of a folder. */
const MARGIN_BYTES = 16_777_216;

/** @throws WORK_VM_NO_SPACE */
export async function requireSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const [neededBytes, freeBytes] = [bytes + MARGIN_BYTES, bavail * bsize];
  if (freeBytes < neededBytes) throw VmgateError.of(errors.WORK_VM_NO_SPACE, { folder, neededBytes, freeBytes });
}

/** `target` is new; whoever calls gives it its name and removes it when this fails. @throws WORK_VM_NO_SPACE, WORK_VM_COPY_FAILED */
export async function copyDisk(source: string, target: string, { signal, progress }: Task): Promise<void> {
  if (await cloned(source, target)) return;
  const { size } = await stat(source);
  await requireSpace(path.dirname(target), size);
  let done = 0;
  const count = new Transform({
    transform: (chunk: Buffer, _, next) => {
      done += chunk.length;
      progress(done, size);
      next(undefined, chunk);
    },
  });
  try {
    await pipeline(
      createReadStream(source, { highWaterMark: CHUNK }),
      count,
      createWriteStream(target, { mode: 0o600 }),
      {
        signal,
      },
    );
  } catch (cause) {
    signal.throwIfAborted();
    throw VmgateError.of(
      errors.WORK_VM_COPY_FAILED,
      { file: target, why: errnoOf(cause) ?? messageOf(cause) },
      { cause },
    );
  }
}

const CHUNK = 1_048_576;

/** False where the file system does not share blocks, or not between these two folders. */
async function cloned(source: string, target: string): Promise<boolean> {
  try {
    await copyFile(source, target, constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    await rm(target, { force: true });
    return false;
  }
}

/** `sha256:<hex>` of the whole file. */
export async function digestDisk(file: string, { signal, progress }: Task): Promise<string> {
  const hash = createHash('sha256');
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const chunk = Buffer.alloc(CHUNK);
    for (let done = 0; ; ) {
      signal.throwIfAborted();
      const { bytesRead } = await handle.read(chunk, 0, CHUNK, done);
      if (bytesRead === 0) return digestText(hash);
      hash.update(chunk.subarray(0, bytesRead));
      done += bytesRead;
      progress(done, size);
    }
  } finally {
    await handle.close();
  }
}
