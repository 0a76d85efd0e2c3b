/**
 * Deterministic `newc` cpio archives: the format the Linux kernel unpacks into its initramfs
 * (Documentation/driver-api/early-userspace/buffer-format.rst). Entries are sorted, owned by root, dated 1970, and
 * numbered in order, so equal content gives equal bytes on every machine.
 */

interface Named {
  /** Relative to the root, `/` between parts: `etc/vmgate/link-plan`. No leading `/`, no `..`; `.` is the root itself. */
  readonly path: string;
}

export type CpioEntry =
  | (Named & { readonly type: 'file'; readonly mode: number; readonly data: Uint8Array | string })
  | (Named & { readonly type: 'dir'; readonly mode: number })
  | (Named & { readonly type: 'link'; readonly target: string })
  | (Named & {
      readonly type: 'node';
      readonly mode: number;
      readonly kind: 'char' | 'block';
      readonly major: number;
      readonly minor: number;
    });

const FILE_TYPE = { dir: 0o040000, file: 0o100000, link: 0o120000, char: 0o020000, block: 0o060000 } as const;

/** What the kernel needs between two archives, and between a header's name and its data. */
const ALIGNMENT = 4;

/**
 * One complete, uncompressed archive, a multiple of 4 bytes long, so that another may follow it directly.
 *
 * Folders that entries need are added with mode 0755: the kernel drops a file whose parent does not exist.
 *
 * @throws RangeError for a path that leaves the root or appears twice.
 */
export function writeCpio(entries: readonly CpioEntry[]): Buffer {
  const chunks: Buffer[] = [];
  withParents(entries).forEach((entry, index) => {
    chunks.push(...record(entry, index + 1));
  });
  chunks.push(...record({ path: 'TRAILER!!!', type: 'file', mode: 0, data: '' }, 0, 1, 0));
  return Buffer.concat(chunks);
}

/** Zero bytes up to the next multiple of four: what must stand between concatenated archives, compressed or not. */
export function padding(length: number): Buffer {
  return Buffer.alloc((ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT);
}

function isInside({ path, type }: CpioEntry): boolean {
  if (path === '.') return type === 'dir';
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !part.includes('\0'));
}

function withParents(entries: readonly CpioEntry[]): readonly CpioEntry[] {
  const byPath = new Map<string, CpioEntry>();
  for (const entry of entries) {
    if (!isInside(entry)) throw new RangeError(`not a path inside the archive: ${JSON.stringify(entry.path)}`);
    if (byPath.has(entry.path)) throw new RangeError(`twice in the archive: ${JSON.stringify(entry.path)}`);
    byPath.set(entry.path, entry);
  }
  for (const { path } of entries) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const parent = path.slice(0, end);
      if (byPath.has(parent)) break;
      byPath.set(parent, { path: parent, type: 'dir', mode: 0o755 });
    }
  }
  return [...byPath.values()].sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

function record(
  entry: CpioEntry,
  inode: number,
  links = entry.type === 'dir' ? 2 : 1,
  type = typeBits(entry),
): Buffer[] {
  const data = entry.type === 'link' ? entry.target : entry.type === 'file' ? entry.data : '';
  const body =
    typeof data === 'string' ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const name = Buffer.from(`${entry.path}\0`);
  const mode = type | (entry.type === 'link' ? 0o777 : entry.mode & 0o7777);
  const [major, minor] = entry.type === 'node' ? [entry.major, entry.minor] : [0, 0];
  // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
  const fields = [inode, mode, 0, 0, links, 0, body.length, 0, 0, major, minor, name.length, 0];
  const header = Buffer.from(`070701${fields.map((value) => value.toString(16).padStart(8, '0')).join('')}`);
  return [header, name, padding(header.length + name.length), body, padding(body.length)];
}

function typeBits(entry: CpioEntry): number {
  return FILE_TYPE[entry.type === 'node' ? entry.kind : entry.type];
}
