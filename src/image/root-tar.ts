/** The files of a disk on their way from mmdebstrap's tar to another one: packages kept aside, our own files added. */
import { createWriteStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Header, type Pack, pack } from 'tar-stream';
import { ARCHIVES, entriesOf, type Package, packageOf } from './package-tree.ts';
import type { DiskRecipe } from './recipe.ts';

/** Package lists are fetched anew by whoever installs something; device nodes are the kernel's to make. */
const LEFT_OUT = ['var/lib/apt/lists/', 'var/cache/apt/pkgcache.bin', 'var/cache/apt/srcpkgcache.bin', 'dev/'];

/**
 * Writes `file`, 0600. Each `.deb` in apt's cache is handed to `keepDeb`, and is not in the result.
 *
 * @param provision where the recipe's `rootfs` lies
 * @throws whatever is wrong with the archive
 */
export async function rewriteRootTar(
  source: Readable,
  file: string,
  recipe: DiskRecipe,
  provision: string,
  keepDeb: (name: string, data: Buffer) => Promise<void>,
): Promise<readonly Package[]> {
  const own = await ownFiles(provision, recipe);
  const archive = pack();
  const written = pipeline(archive, createWriteStream(file, { mode: 0o600 }));
  written.catch(() => {}); // awaited below; a failure before that is reported by whoever writes
  const packages: Package[] = [];
  const folders = new Set<string>();
  const dropped = [...LEFT_OUT, ...recipe.remove];
  for await (const { name, header, content } of entriesOf(source)) {
    if (header.type === 'directory') {
      folders.add(name.replace(/\/$/, ''));
    } else if (name.startsWith(ARCHIVES) && name.endsWith('.deb')) {
      const deb = path.posix.basename(name);
      const data = await content();
      packages.push(packageOf(deb, data));
      await keepDeb(deb, data);
      continue;
    } else if (own.has(name) || dropped.some((prefix) => name.startsWith(prefix))) {
      continue;
    }
    await append(archive, header, header.type === 'file' ? await content() : undefined);
  }
  for (const [name, entry] of own) {
    for (const folder of missingParents(name, folders)) await append(archive, { name: folder, type: 'directory' });
    await append(archive, { ...entry.header, name }, entry.data);
  }
  archive.finalize();
  await written;
  return packages.sort((a, b) => (a.name < b.name ? -1 : 1));
}

interface OwnFile {
  readonly header: Partial<Header>;
  readonly data?: Buffer;
}

/** Files of the recipe's rootfs and its links, by path. Scripts are executable; the checkout's modes do not count. */
async function ownFiles(provision: string, { rootfs, links }: DiskRecipe): Promise<ReadonlyMap<string, OwnFile>> {
  const own = new Map<string, OwnFile>();
  for (const folder of rootfs) {
    const root = path.join(provision, folder);
    const found = await readdir(root, { recursive: true, withFileTypes: true });
    for (const entry of found.filter((candidate) => candidate.isFile())) {
      const file = path.join(entry.parentPath, entry.name);
      const data = await readFile(file);
      const mode = data.subarray(0, 2).toString('latin1') === '#!' ? 0o755 : 0o644;
      own.set(path.relative(root, file).split(path.sep).join('/'), { header: { mode }, data });
    }
  }
  for (const [name, linkname] of Object.entries(links)) own.set(name, { header: { type: 'symlink', linkname } });
  return own;
}

function missingParents(name: string, folders: Set<string>): readonly string[] {
  const parts = name.split('/').slice(0, -1);
  const missing = parts.map((_, index) => parts.slice(0, index + 1).join('/')).filter((folder) => !folders.has(folder));
  for (const folder of missing) folders.add(folder);
  return missing;
}

async function append(archive: Pack, header: Partial<Header>, data?: Buffer): Promise<void> {
  const complete = { mode: header.type === 'directory' ? 0o755 : 0o644, ...header, name: header.name ?? '' };
  await new Promise<void>((resolve, reject) => {
    const done = (cause?: Error | null) => (cause == null ? resolve() : reject(cause));
    if (data === undefined) archive.entry({ ...complete, size: 0 }, done);
    else archive.entry({ ...complete, size: data.length }, data, done);
  });
}
