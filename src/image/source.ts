/** Which of vmgate's own files an image was made from: tells an image that is older than this vmgate. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Arch } from '../drivers/driver.ts';
import { packageFile } from '../host/index.ts';
import type { ImageKind, StoredImage } from './image.ts';
import { readRecipe } from './recipe.ts';
import { findImage } from './store.ts';

/** The installed `provision/` folder. */
export const PROVISION = packageFile('provision');

/** `sha256:<hex>` over the recipe and the guest files of its layers, by name and content. @throws IMAGE_RECIPE_INVALID */
export async function sourceDigest(provision: string, kind: ImageKind): Promise<string> {
  const recipe = await readRecipe(provision, kind);
  const parts = [...recipe.layers, ...(recipe.disk === undefined ? [] : [recipe.disk])];
  const folders = parts.flatMap(({ rootfs }) => rootfs);
  const files = (await Promise.all(folders.map((folder) => filesBelow(provision, folder)))).flat();
  const hash = createHash('sha256');
  for (const file of [path.join('image', `${kind}.yaml`), ...files.sort()]) {
    const content = await readFile(path.join(provision, file));
    hash.update(`${file} ${content.length}\n`).update(content);
  }
  return `sha256:${hash.digest('hex')}`;
}

/** The current image if it was built from the files of this very vmgate; undefined when it is older, or there is none. */
export async function upToDateImage(
  imagesFolder: string,
  kind: ImageKind,
  arch: Arch,
  provision: string = PROVISION,
): Promise<StoredImage | undefined> {
  const image = await findImage(imagesFolder, kind, arch);
  if (image?.manifest.source === undefined) return undefined;
  return image.manifest.source === (await sourceDigest(provision, kind)) ? image : undefined;
}

async function filesBelow(provision: string, folder: string): Promise<string[]> {
  const entries = await readdir(path.join(provision, folder), { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(provision, path.join(entry.parentPath, entry.name)));
}
