/** A disk that somebody publishes: it has to be the very one, and vmgate does not fetch it (P10). */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import type { PublishedDisk } from '../config/index.ts';
import { VmgateError } from '../core/coded.ts';
import type { Arch } from '../drivers/index.ts';
import { errors } from './codes.ts';

/**
 * Before anything is made over it; nothing where nobody said what it has to be. Reads the whole disk.
 *
 * @throws WORK_DISK_TO_FETCH, WORK_DISK_NOT_THAT_ONE
 */
export async function requirePublished(file: string, published: readonly PublishedDisk[], arch: Arch): Promise<void> {
  const wanted = published.find((each) => each.arch === arch);
  if (wanted === undefined) {
    if (published.length === 0) return;
    const listed = published.map((each) => each.arch).join(', ');
    throw VmgateError.of(errors.WORK_DISK_NO_ARCH, { file, arch, listed });
  }
  const { url, digest: expected } = wanted;
  if (!existsSync(file)) throw VmgateError.of(errors.WORK_DISK_TO_FETCH, { file, url, digest: expected });
  const [algorithm = 'sha256'] = expected.split(':');
  const hash = createHash(algorithm);
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  const actual = `${algorithm}:${hash.digest('hex')}`;
  if (actual !== expected) throw VmgateError.of(errors.WORK_DISK_NOT_THAT_ONE, { file, url, expected, actual });
}
