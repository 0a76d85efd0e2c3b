import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { readHeader } from './inspect-disk.ts';
import { snapshotsOf } from './vm-files.ts';

/**
 * Files that the disks in a work VM's folder lie over, snapshots included: without them, what the VM wrote is garbage.
 *
 * @throws what cannot be read: then nobody can say that a file is not needed
 */
export async function basesIn(folder: string): Promise<readonly string[]> {
  const bases: string[] = [];
  for (const place of [folder, snapshotsOf(folder)]) {
    const names = await readdir(place).catch(() => []);
    for (const name of names.filter((each) => each.endsWith('.qcow2'))) {
      const { header } = await readHeader(path.join(place, name));
      if (header.format === 'qcow2' && header.backingFile !== undefined) bases.push(header.backingFile);
    }
  }
  return bases;
}
