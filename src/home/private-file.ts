/** Reading files that nobody else may read: keys, profiles. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { errnoOf } from '../host/index.ts';

export type PrivateRead =
  | { readonly state: 'read'; readonly content: Buffer }
  | { readonly state: 'missing' }
  /** Other users can read or write it; `mode` in octal. Its content was not read. */
  | { readonly state: 'exposed'; readonly mode: string }
  /** A link, a folder, no permission, larger than asked for. */
  | { readonly state: 'unreadable'; readonly cause: unknown };

/** Reads a regular file of at most `maxBytes`, following no link and waiting for no FIFO. Never rejects. */
export async function readPrivateFile(file: string, maxBytes: number): Promise<PrivateRead> {
  try {
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const info = await handle.stat();
      if ((info.mode & 0o077) !== 0) return { state: 'exposed', mode: `0${(info.mode & 0o777).toString(8)}` };
      if (!info.isFile()) return { state: 'unreadable', cause: new Error('not a regular file') };
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(maxBytes + 1), 0, maxBytes + 1, 0);
      if (bytesRead > maxBytes) return { state: 'unreadable', cause: new Error(`more than ${maxBytes} bytes`) };
      return { state: 'read', content: buffer.subarray(0, bytesRead) };
    } finally {
      await handle.close();
    }
  } catch (cause) {
    return errnoOf(cause) === 'ENOENT' ? { state: 'missing' } : { state: 'unreadable', cause };
  }
}
