/**
 * Kernel modules by dependency closure, and the indexes (modules.dep, modules.alias) by which modprobe in the guest,
 * called by hand or by the kernel for `nft-expr-ct` and the like, finds them. Modules go in unpacked: one compression
 * over a whole layer beats one per module, and busybox loads them as they are.
 */
import xz from 'xz-decompress';
import { readModuleInfo } from './elf.ts';
import type { PackageTree } from './package-tree.ts';

export interface KernelModule {
  /** As `depends=` and lsmod spell it: underscores. */
  readonly name: string;
  /** `usr/lib/modules/VERSION/kernel/...ko`, without `.xz`. */
  readonly path: string;
  readonly data: Buffer;
  readonly depends: readonly string[];
  readonly aliases: readonly string[];
}

const MODULES = /^usr\/lib\/modules\/([^/]+)\/(.+)$/;

/** All modules of one kernel package; each is read when asked for, since a closure needs few of a thousand. */
export class ModuleStore {
  readonly version: string;
  /** Path in the tree by module name. */
  private readonly files = new Map<string, string>();
  private readonly builtin: ReadonlySet<string>;
  private readonly read = new Map<string, Promise<KernelModule>>();
  private readonly tree: PackageTree;

  constructor(tree: PackageTree) {
    this.tree = tree;
    let version = '';
    for (const file of tree.keys()) {
      const match = MODULES.exec(file);
      if (match === null) continue;
      version = match[1] ?? '';
      if (/\.ko(\.xz)?$/.test(file)) this.files.set(nameOf(file), file);
    }
    this.version = version;
    this.builtin = new Set(this.builtinList().trim().split('\n').map(nameOf));
  }

  /** modules.builtin as shipped: modprobe must not fail for what the kernel has anyway. */
  builtinList(): string {
    const entry = this.tree.get(`usr/lib/modules/${this.version}/modules.builtin`);
    return entry?.type === 'file' ? entry.data.toString('utf8') : '';
  }

  /**
   * The named modules and all they depend on, sorted by path; built-in ones need no file.
   *
   * @param missing told about each name that the kernel has in no form
   */
  async closure(wanted: Iterable<string>, missing: (name: string) => void): Promise<readonly KernelModule[]> {
    const found = new Map<string, KernelModule>();
    const queue = [...wanted].map(nameOf);
    for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
      if (found.has(name) || this.builtin.has(name)) continue;
      const file = this.files.get(name);
      if (file === undefined) {
        missing(name);
        continue;
      }
      const module = await this.load(name, file);
      found.set(name, module);
      queue.push(...module.depends);
    }
    return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  private load(name: string, file: string): Promise<KernelModule> {
    const loaded = this.read.get(name) ?? this.loadFresh(name, file);
    this.read.set(name, loaded);
    return loaded;
  }

  private async loadFresh(name: string, file: string): Promise<KernelModule> {
    const entry = this.tree.get(file);
    const packed = entry?.type === 'file' ? entry.data : Buffer.alloc(0);
    const data = file.endsWith('.xz') ? await unxz(packed) : packed;
    const info = readModuleInfo(data);
    const all = (key: string) => info.filter(([found]) => found === key).map(([, value]) => value);
    // `softdep=pre: a b post: c`: wanted if they exist, as modprobe does.
    const soft = all('softdep')
      .flatMap((line) => line.split(/\s+/))
      .filter((word) => word !== '' && !word.endsWith(':'));
    const hard = all('depends').flatMap((list) => list.split(',').filter((word) => word !== ''));
    return {
      name,
      path: file.replace(/\.xz$/, ''),
      data,
      depends: [...hard, ...soft.filter((word) => this.files.has(nameOf(word)))].map(nameOf),
      aliases: all('alias'),
    };
  }
}

/** modules.dep and modules.alias for exactly these modules, as depmod(8) writes them. */
export function moduleIndexes(modules: readonly KernelModule[]): { readonly dep: string; readonly alias: string } {
  const byName = new Map(modules.map((module) => [module.name, module]));
  const relative = (module: KernelModule) => module.path.replace(MODULES, '$2');
  const visit = (module: KernelModule, order: Set<KernelModule>) => {
    for (const name of module.depends) {
      const dependency = byName.get(name);
      if (dependency !== undefined && !order.has(dependency)) visit(dependency, order);
    }
    order.add(module);
  };
  /** The module, then what it needs; modprobe loads the line from its end. */
  const chain = (module: KernelModule): readonly string[] => {
    const order = new Set<KernelModule>();
    visit(module, order);
    return [...order].reverse().map(relative);
  };
  const lines = modules.map((module) => {
    const [self = '', ...rest] = chain(module);
    return `${self}:${rest.map((file) => ` ${file}`).join('')}\n`;
  });
  const aliases = modules.flatMap(({ name, aliases: all }) => all.map((alias) => `alias ${alias} ${name}\n`));
  return { dep: lines.join(''), alias: aliases.join('') };
}

function nameOf(file: string): string {
  const base = file.slice(file.lastIndexOf('/') + 1);
  return base.replace(/\.ko(\.xz)?$/, '').replaceAll('-', '_');
}

async function unxz(packed: Buffer): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const source = new Blob([new Uint8Array(packed)]).stream();
  for await (const chunk of new xz.XzReadableStream(source)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
