/** A layer of a guest's image as files of this machine. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readCpio } from './cpio-reader.ts';

const TYPE = 0o170000;
const LINK = 0o120000;
const FILE = 0o100000;

/** `file`: as an image has it, packed. @throws RangeError where the kernel would give up */
export function unpackLayer(file: string, root: string): void {
  // zstd complains about the zero bytes that pad a layer for the kernel; readCpio says whether it is whole.
  writeLayer(spawnSync('zstd', ['-dcq', file], { maxBuffer: 2 ** 29 }).stdout, root);
}

/** All but kernel modules, which nobody here can load; what a later layer has takes the place of an earlier one's. */
export function writeLayer(archive: Buffer, root: string): void {
  for (const { name, mode, data } of readCpio(archive)) {
    const file = path.join(root, name);
    if (name.includes('/modules/')) continue;
    const type = mode & TYPE;
    if (type !== LINK && type !== FILE) {
      mkdirSync(file, { recursive: true });
      continue;
    }
    mkdirSync(path.dirname(file), { recursive: true });
    rmSync(file, { force: true });
    if (type === LINK) symlinkSync(data.toString(), file);
    else writeFileSync(file, data, { mode: mode & 0o777 });
  }
}
