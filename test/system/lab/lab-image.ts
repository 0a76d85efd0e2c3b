/** The lab's image, built when there is none, and the scripts of this checkout on top of it. */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { homeRoot } from '../../../src/home/index.ts';
import { layoutOf } from '../../../src/home/layout.ts';
import { hostPlatform } from '../../../src/host/index.ts';
import { buildImage, type CpioEntry, type StoredImage, upToDateImage, writeCpio } from '../../../src/image/index.ts';

const ROOTFS = fileURLToPath(new URL('../../../provision/lab/rootfs', import.meta.url));

export async function labImage(): Promise<StoredImage> {
  const { arch } = hostPlatform();
  const { images } = layoutOf(homeRoot());
  await mkdir(images, { recursive: true, mode: 0o700 });
  return (
    (await upToDateImage(images, 'lab', arch)) ??
    (await buildImage('lab', arch, { imagesFolder: images, cachedPackages: true }))
  );
}

export async function currentScripts(): Promise<Buffer> {
  const found = await readdir(ROOTFS, { recursive: true, withFileTypes: true });
  const entries = found
    .filter((entry) => entry.isFile())
    .map(async (entry): Promise<CpioEntry> => {
      const file = path.join(entry.parentPath, entry.name);
      const data = await readFile(file);
      const mode = data.subarray(0, 2).toString('latin1') === '#!' ? 0o755 : 0o644;
      return { path: path.relative(ROOTFS, file), type: 'file', mode, data };
    });
  return writeCpio(await Promise.all(entries));
}
