/** The unpacked packages as data: nothing is written to disk, so ownership, umask and links of the host do not matter. */
import path from 'node:path';
import { Readable } from 'node:stream';
import { extract, type Header } from 'tar-stream';
import { sha256 } from '../host/index.ts';
import { debDate } from './deb-date.ts';

export type TreeEntry =
  | { readonly type: 'file'; readonly executable: boolean; readonly data: Buffer }
  | { readonly type: 'link'; readonly target: string };

/** Path without a leading `/` to what is there. Folders are implied by what they hold. */
export type PackageTree = ReadonlyMap<string, TreeEntry>;

/** One downloaded `.deb`. */
export interface Package {
  readonly name: string;
  readonly version: string;
  /** `sha256:<hex>` of the .deb. */
  readonly digest: string;
  /** The day it was made, as it says itself: see deb-date.ts. */
  readonly date?: string;
}

export interface UnpackedPackages {
  readonly tree: PackageTree;
  readonly packages: readonly Package[];
}

/** Never needed in a guest, and most of what packages weigh. */
const LEFT_OUT = /^(usr\/share\/(doc|man|info|locale|lintian|bug|zsh|bash-completion)|var|dev|tmp|proc|sys|run)\//;
export const ARCHIVES = 'var/cache/apt/archives/';

/**
 * Reads mmdebstrap's tar. Each `.deb` in apt's cache inside it is handed to `keepDeb` and listed.
 *
 * @throws whatever is wrong with the archive
 */
export async function readPackageTar(
  source: Readable,
  keepDeb: (name: string, data: Buffer) => Promise<void>,
): Promise<UnpackedPackages> {
  const tree = new Map<string, TreeEntry>();
  const packages: Package[] = [];
  for await (const { name, header, content } of entriesOf(source)) {
    if (name.startsWith(ARCHIVES) && name.endsWith('.deb')) {
      const file = path.posix.basename(name);
      const data = await content();
      packages.push(packageOf(file, data));
      await keepDeb(file, data);
      continue;
    }
    if (LEFT_OUT.test(name)) continue;
    if (header.type === 'file') {
      tree.set(name, { type: 'file', executable: (header.mode & 0o100) !== 0, data: await content() });
    } else if (header.type === 'symlink') {
      tree.set(name, { type: 'link', target: header.linkname });
    } else if (header.type === 'link') {
      const original = tree.get(insideName(header.linkname));
      if (original !== undefined) tree.set(name, original);
    }
  }
  packages.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { tree, packages };
}

export interface TarEntry {
  readonly name: string;
  readonly header: Header;
  readonly content: () => Promise<Buffer>;
  /** The same, a piece at a time. */
  readonly stream: () => Readable;
}

/** Path inside, header, and content on demand; what is not asked for is skipped. */
export async function* entriesOf(source: Readable): AsyncGenerator<TarEntry> {
  const archive = extract();
  source.on('error', (cause) => archive.destroy(cause));
  source.pipe(archive);
  for await (const entry of archive) {
    let read = false;
    const stream = () => {
      read = true;
      return Readable.from(entry);
    };
    const content = async () => {
      read = true;
      return await contentOf(entry);
    };
    yield { name: insideName(entry.header.name), header: entry.header, content, stream };
    if (!read) entry.resume();
  }
}

function insideName(name: string): string {
  return path.posix.normalize(name).replace(/^\/+/, '');
}

async function contentOf(entry: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of entry) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** apt names what it downloads `NAME_VERSION_ARCH.deb`, with `:` of an epoch as `%3a`. */
export function packageOf(file: string, data: Buffer): Package {
  const [name = file, version = ''] = file.split('_');
  const date = debDate(data);
  const known = { name, version: decodeURIComponent(version), digest: sha256(data) };
  return date === undefined ? known : { ...known, date };
}

/** Follows links, of folders too, to the path of a file; undefined when it leads nowhere. */
export function resolveIn(tree: PackageTree, wanted: string, hops = 16): string | undefined {
  const entry = tree.get(wanted);
  if (entry?.type === 'file') return wanted;
  if (hops === 0) return undefined;
  const parts = wanted.split('/');
  for (let length = parts.length; length > 0; length--) {
    const link = tree.get(parts.slice(0, length).join('/'));
    if (link?.type !== 'link') continue;
    const base = link.target.startsWith('/') ? '' : parts.slice(0, length - 1).join('/');
    const next = path.posix.join('/', base, link.target, ...parts.slice(length)).slice(1);
    return resolveIn(tree, next, hops - 1);
  }
  return undefined;
}
