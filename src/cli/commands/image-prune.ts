import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { bytesText } from '../../core/amounts.ts';
import { pruneImages, pruneTemp } from '../../image/index.ts';
import { blobsOfImages } from '../../oci/index.ts';
import type { Command } from '../command.ts';
import { neededBy, piecesOf } from '../image/places.ts';

export const imagePrune: Command = {
  name: 'image prune',
  group: 'Set up',
  about: 'remove images and pieces of images that nothing uses',
  kind: 'action',
  notes: [
    'Kept are images in use, and all that a vmgate.lock or vmgate.yaml names: of folders that an image was pulled in, and',
    'of those that you confirmed by vmgate trust. Pieces of versions that no lock names are fetched again when they are needed.',
  ],
  examples: ['vmgate image prune', 'vmgate image prune --json'],
  run: async (context) => {
    const home = context.home();
    const { locks, texts } = await neededBy(home);
    const entries = locks.flatMap(({ images = {} }) => Object.values(images));
    const locked = new Set(entries.map(({ image }) => image));
    await pruneTemp(home.images);
    const removed = (await pruneImages(home.images, locked)).map(({ digest }) => digest);
    const disks = await removeBut(path.join(home.images, 'disks'), (name) => {
      return locked.has(`sha256:${name.slice(0, 64)}`) || texts.some((each) => each.includes(name));
    });
    const needed = await blobsOfImages(
      piecesOf(home),
      entries.map(({ digest }) => digest),
    );
    const pieces = await removeBut(path.join(piecesOf(home), 'blobs/sha256'), (name) => needed.has(`sha256:${name}`));
    const bytes = disks.bytes + pieces.bytes;
    context.out.result(
      { images: removed, disks: disks.names, pieces: pieces.names.length, bytes },
      `removed: ${removed.length} images, ${disks.names.length} disks, ${pieces.names.length} pieces (${bytesText(bytes)} of these)`,
    );
    return 0;
  },
};

async function removeBut(
  folder: string,
  isNeeded: (name: string) => boolean,
): Promise<{ readonly names: readonly string[]; readonly bytes: number }> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => !isNeeded(name));
  let bytes = 0;
  for (const name of names) {
    const file = path.join(folder, name);
    bytes += (await stat(file).catch(() => undefined))?.size ?? 0;
    await rm(file, { force: true });
  }
  return { names, bytes };
}
