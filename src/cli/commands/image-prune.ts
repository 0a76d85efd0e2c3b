import { readdir, realpath, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { bytesText } from '../../core/amounts.ts';
import type { HomeLayout } from '../../home/index.ts';
import { findPulledDisk, imageOfDisk, pruneImages, pruneTemp, pulledDiskFile } from '../../image/index.ts';
import { blobsOfImages } from '../../oci/index.ts';
import { basesBelow } from '../../work/index.ts';
import type { Command } from '../command.ts';
import { neededBy, piecesOf } from '../image/places.ts';

export const imagePrune: Command = {
  name: 'image prune',
  group: 'Set up',
  about: 'remove images and pieces of images that nothing uses',
  kind: 'action',
  notes: [
    'Kept are images in use, what a work VM was made from, and all that a vmgate.lock or vmgate.yaml names: of folders that',
    'an image was pulled in, and of those that you confirmed. Pieces that no lock names are fetched again when needed.',
  ],
  examples: ['vmgate image prune', 'vmgate image prune --json'],
  run: async (context) => {
    const home = context.home();
    const { locks, texts } = await neededBy(home);
    const entries = locks.flatMap(({ images = {} }) => Object.values(images));
    const bases = await basesOfAll(home);
    const store = await realpath(home.images);
    const made = bases.map((base) => imageOfDisk(base)).filter((digest) => digest !== undefined);
    const locked = new Set([...entries.map(({ image }) => image), ...made]);
    await pruneTemp(home.images);
    const removed = (await pruneImages(home.images, locked)).map(({ digest }) => digest);
    const named = await disksNamedIn(home.images, texts);
    const disks = await removeBut(path.join(store, 'disks'), (name, file) => {
      const isNamed = texts.some((each) => each.includes(name)) || named.has(name);
      return locked.has(`sha256:${name.slice(0, 64)}`) || isNamed || bases.includes(file);
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

/** Files of disks that a vmgate.yaml names by the digest of their version (`oci:`). */
async function disksNamedIn(images: string, texts: readonly string[]): Promise<ReadonlySet<string>> {
  const versions = new Set(texts.flatMap((text) => text.match(/sha256:[0-9a-f]{64}/g) ?? []));
  const disks = await Promise.all([...versions].map((version) => findPulledDisk(images, version)));
  return new Set(disks.flatMap((disk) => (disk === undefined ? [] : [path.basename(pulledDiskFile(images, disk))])));
}

/** What the work VMs of every gate lie over. */
async function basesOfAll(home: HomeLayout): Promise<readonly string[]> {
  const gates = await readdir(home.gates).catch(() => []);
  const all = await Promise.all(gates.map((gate) => basesBelow(path.dirname(home.gate(gate).work('any')))));
  return all.flat();
}

async function removeBut(
  folder: string,
  isNeeded: (name: string, file: string) => boolean,
): Promise<{ readonly names: readonly string[]; readonly bytes: number }> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => !isNeeded(name, path.join(folder, name)));
  let bytes = 0;
  for (const name of names) {
    const file = path.join(folder, name);
    bytes += (await stat(file).catch(() => undefined))?.size ?? 0;
    await rm(file, { force: true });
  }
  return { names, bytes };
}
