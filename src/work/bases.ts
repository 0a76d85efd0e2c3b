import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { readHeader } from './inspect-disk.ts';

/**
 * Files that the disks of all work VMs below `vms` lie over, snapshots and copies that are being made included: without them,
 * what a VM wrote is garbage.
 *
 * @throws what cannot be read: then nobody can say that a file is not needed
 */
export async function basesBelow(vms: string): Promise<readonly string[]> {
  const names = await readdir(vms, { recursive: true }).catch(() => []);
  const bases: string[] = [];
  for (const name of names.filter((each) => /\.qcow2(\.|$)/.test(each))) {
    const { header } = await readHeader(path.join(vms, name));
    if (header.format === 'qcow2' && header.backingFile !== undefined) bases.push(header.backingFile);
  }
  return bases;
}
