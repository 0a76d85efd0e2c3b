/** What a user names when a profile is added: its file, and those that it names itself. Anybody may have made them. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { errnoOf } from '../host/index.ts';
import { errors } from './codes.ts';
import { MAX_PROFILE } from './text.ts';

const UNREADABLE: Readonly<Record<string, string>> = { ENOENT: 'no such file', EACCES: 'permission denied' };

/** @throws VPN_PROFILE_UNREADABLE, VPN_PROFILE_TOO_LARGE */
export async function readSource(file: string, flags = 0): Promise<Buffer> {
  const refuse = (reason: string, cause?: unknown) =>
    VmgateError.of(errors.VPN_PROFILE_UNREADABLE, { file, reason }, { cause });
  try {
    // Non-blocking, so that a FIFO does not wait for a writer.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK | flags);
    try {
      const info = await handle.stat();
      if (!info.isFile()) throw refuse(info.isDirectory() ? 'it is a folder' : 'it is not a regular file');
      if (info.size > MAX_PROFILE) {
        throw VmgateError.of(errors.VPN_PROFILE_TOO_LARGE, { file, bytes: info.size, limit: MAX_PROFILE });
      }
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_PROFILE), 0, MAX_PROFILE, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (VmgateError.is(cause)) throw cause;
    throw refuse(UNREADABLE[errnoOf(cause) ?? ''] ?? 'I/O error', cause);
  }
}

/** More than any kind has options that name a file. */
const MAX_COMPANIONS = 16;

/** Undefined for one that cannot be read. Never through a link: the folder may be an unpacked archive, whose links lead wherever its maker wanted. */
export async function readCompanions(
  folder: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, string | undefined>> {
  const read = names.slice(0, MAX_COMPANIONS).map(async (name) => {
    const bytes = await readSource(path.join(folder, name), constants.O_NOFOLLOW).catch(() => undefined);
    return [name, bytes?.toString('utf8')] as const;
  });
  return new Map(await Promise.all(read));
}
