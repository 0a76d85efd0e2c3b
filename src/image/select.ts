/** From unpacked packages to the entries of each layer: what the recipe keeps, and what that needs to run. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import type { Arch } from '../drivers/driver.ts';
import { applets } from './busybox.ts';
import { errors } from './codes.ts';
import type { CpioEntry } from './cpio.ts';
import { isElf, readElf } from './elf.ts';
import { ModuleStore, moduleIndexes } from './kernel-modules.ts';
import { type PackageTree, resolveIn } from './package-tree.ts';
import { keptOf, type LayerRecipe, modulesOf, type Recipe } from './recipe.ts';

export interface SelectedLayer {
  readonly name: string;
  /** From packages: changes when Debian does. */
  readonly packaged: readonly CpioEntry[];
  /** From provision/: changes when vmgate does. */
  readonly own: readonly CpioEntry[];
}

export interface Selection {
  readonly kernel: Buffer;
  readonly layers: readonly SelectedLayer[];
}

/** Where Debian puts the libraries of an architecture; strongSwan's programs and libproxy name their own folder (RUNPATH). */
const LIBRARY_FOLDERS: Readonly<Record<Arch, readonly string[]>> = {
  amd64: ['usr/lib/x86_64-linux-gnu', 'usr/lib', 'usr/lib/ipsec', 'usr/lib/x86_64-linux-gnu/libproxy'],
  arm64: ['usr/lib/aarch64-linux-gnu', 'usr/lib', 'usr/lib/ipsec', 'usr/lib/aarch64-linux-gnu/libproxy'],
};

/**
 * Folders that no file implies: what a guest mounts on, root's home, and the root itself, which the kernel leaves
 * writable for all (sshd then refuses every key).
 */
const BARE_FOLDERS = { '.': 0o755, dev: 0o755, proc: 0o555, sys: 0o555, run: 0o755, tmp: 0o1777, root: 0o700 } as const;

const BUSYBOX = 'usr/bin/busybox';

/**
 * Sorts the packages' files into layers. A later layer holds only what the first does not: layers of different VPN
 * kinds must each work on top of the first alone.
 *
 * @throws IMAGE_RECIPE_UNMET when something the recipe names is not there
 */
export async function selectLayers(
  tree: PackageTree,
  recipe: Recipe,
  arch: Arch,
  provision: string,
): Promise<Selection> {
  const unmet = (wants: string) => {
    throw VmgateError.of(errors.IMAGE_RECIPE_UNMET, { recipe: recipe.kind, wants, arch });
  };
  const store = new ModuleStore(tree);
  const missingModule = (name: string) => unmet(`the kernel module ${name}`);
  const everyModule = recipe.layers.flatMap((layer) => modulesOf(layer, arch));
  const folder = `usr/lib/modules/${store.version}`;
  // One index for all layers: whichever are booted together, modprobe knows every module.
  const { dep, alias } = moduleIndexes(await store.closure(everyModule, missingModule));
  const layers: SelectedLayer[] = [];
  let first = new Map<string, CpioEntry>();
  for (const layer of recipe.layers) {
    const entries = new Map(programEntries(tree, layer, arch, unmet).map((entry) => [entry.path, entry]));
    for (const module of await store.closure(modulesOf(layer, arch), missingModule))
      entries.set(module.path, { path: module.path, type: 'file', mode: 0o644, data: module.data });
    if (layers.length === 0) {
      for (const [name, mode] of Object.entries(BARE_FOLDERS)) entries.set(name, { path: name, type: 'dir', mode });
      for (const [name, data] of Object.entries({ dep, alias, builtin: store.builtinList() }))
        entries.set(`${folder}/modules.${name}`, {
          path: `${folder}/modules.${name}`,
          type: 'file',
          mode: 0o644,
          data,
        });
      first = entries;
    }
    const packaged = layers.length === 0 ? [...entries.values()] : without(entries, first);
    layers.push({ name: layer.name, packaged, own: await ownEntries(provision, layer) });
  }
  return { kernel: kernelOf(tree, store.version) ?? unmet('a kernel'), layers };
}

function without(entries: ReadonlyMap<string, CpioEntry>, base: ReadonlyMap<string, CpioEntry>): readonly CpioEntry[] {
  return [...entries.values()].filter(({ path: name }) => !base.has(name));
}

function kernelOf(tree: PackageTree, version: string): Buffer | undefined {
  const entry = tree.get(`boot/vmlinuz-${version}`);
  return entry?.type === 'file' ? entry.data : undefined;
}

/** The kept files with their libraries and loader, busybox's applet links, and the recipe's own links. */
function programEntries(
  tree: PackageTree,
  layer: LayerRecipe,
  arch: Arch,
  unmet: (wants: string) => never,
): readonly CpioEntry[] {
  const entries = new Map<string, CpioEntry>();
  const queue = keptOf(layer, arch).flatMap((wanted) => keptPaths(tree, wanted, unmet));
  for (let wanted = queue.pop(); wanted !== undefined; wanted = queue.pop()) {
    if (entries.has(wanted)) continue;
    const file = resolveIn(tree, wanted) ?? unmet(wanted);
    const source = tree.get(file);
    if (source?.type !== 'file') continue;
    // A link becomes a link to where it finally leads, so that every step of it need not be kept.
    if (file !== wanted) {
      const target = path.posix.relative(path.posix.dirname(wanted), file);
      entries.set(wanted, { path: wanted, type: 'link', target });
      queue.push(file);
      continue;
    }
    entries.set(file, { path: file, type: 'file', mode: source.executable ? 0o755 : 0o644, data: source.data });
    if (isElf(source.data)) queue.push(...requirements(tree, source.data, arch, unmet));
  }
  const busybox = entries.get(BUSYBOX);
  if (busybox?.type === 'file') {
    const names = applets(busybox.data);
    if (names.length === 0) unmet("busybox's table of applets");
    for (const name of names) {
      const taken = [`usr/bin/${name}`, `usr/sbin/${name}`].some((file) => entries.has(file));
      if (!taken) entries.set(`usr/bin/${name}`, { path: `usr/bin/${name}`, type: 'link', target: 'busybox' });
    }
  }
  for (const [name, target] of Object.entries(layer.links)) entries.set(name, { path: name, type: 'link', target });
  return [...entries.values()];
}

function keptPaths(tree: PackageTree, wanted: string, unmet: (wants: string) => never): readonly string[] {
  if (!wanted.endsWith('/')) return [wanted];
  const inside = [...tree.keys()].filter((name) => name.startsWith(wanted));
  return inside.length === 0 ? unmet(wanted) : inside;
}

/** Libraries, and the loader by the absolute path compiled into the program: /lib is a link into /usr in Debian. */
function requirements(tree: PackageTree, data: Buffer, arch: Arch, unmet: (wants: string) => never): readonly string[] {
  const { interpreter, needed } = readElf(data);
  const libraries = needed.map((name) => {
    const candidates = LIBRARY_FOLDERS[arch].map((folder) => `${folder}/${name}`);
    return candidates.find((file) => resolveIn(tree, file) !== undefined) ?? unmet(`the library ${name}`);
  });
  return interpreter === undefined ? libraries : [...libraries, `usr${interpreter}`];
}

/** vmgate's own files as they are in the repository. Scripts are executable; the checkout's modes do not count. */
async function ownEntries(provision: string, { rootfs }: LayerRecipe): Promise<readonly CpioEntry[]> {
  return (await Promise.all(rootfs.map((folder) => entriesBelow(path.join(provision, folder))))).flat();
}

async function entriesBelow(root: string): Promise<readonly CpioEntry[]> {
  const found = await readdir(root, { recursive: true, withFileTypes: true });
  const files = found.filter((entry) => entry.isFile());
  return await Promise.all(
    files.map(async (entry): Promise<CpioEntry> => {
      const file = path.join(entry.parentPath, entry.name);
      const data = await readFile(file);
      const executable = data.subarray(0, 2).toString('latin1') === '#!';
      const inside = path.relative(root, file).split(path.sep).join('/');
      return { path: inside, type: 'file', mode: executable ? 0o755 : 0o644, data };
    }),
  );
}
