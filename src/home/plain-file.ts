/** Reading files that lie where others may have put something else: in a folder that came from somebody. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { errnoOf } from '../host/index.ts';

/**
 * The content of a regular file, undefined where there is none. Links are followed, as an editor would; a FIFO does not hang
 * the command, and a device has no end that memory could wait for.
 *
 * @throws Error, with a sentence about what is wrong, or what the file system says
 */
export async function readPlainFile(file: string, maxBytes: number): Promise<string | undefined> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    throw cause;
  });
  if (handle === undefined) return undefined;
  try {
    const info = await handle.stat();
    if (!info.isFile()) throw new Error('it is not a regular file');
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(Math.min(info.size, maxBytes) + 1), 0);
    if (bytesRead > maxBytes) throw new Error(`it is longer than ${maxBytes} bytes`);
    if (bytesRead > info.size) throw new Error('it grows while it is read');
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}
