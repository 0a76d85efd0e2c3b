/**
 * apt in a folder of its own: its lists, its sources, a made-up list of what is installed, and nothing that this machine's
 * apt knows but the keys it trusts. The way out is one proxy.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Arch } from '../drivers/driver.ts';
import { type RunResult, run } from '../host/index.ts';
import { type AptSource, lastLines } from './apt-sources.ts';
import { tellingLines, WorkshopFailure } from './workshop.ts';

export const APT_TOOLS = ['apt-get', 'apt-cache'] as const;

export interface OwnAptOptions {
  /** Empty, and nobody else's; what it holds is worth nothing afterwards. */
  readonly folder: string;
  readonly arch: Arch;
  readonly sources: readonly AptSource[];
  /** `socks5h://USER:PASSWORD@127.0.0.1:PORT` */
  readonly proxy: string;
  readonly signal: AbortSignal | undefined;
}

/** What `apt-get update` came back with. */
export interface UpdateOutcome {
  /** Every list that was asked for is there. */
  readonly isWhole: boolean;
  /** apt's own complaints; hostile text. */
  readonly evidence: readonly string[];
}

export interface Installed {
  readonly name: string;
  readonly version: string;
}

const FETCH_TIMEOUT_MS = 10 * 60_000;
const READ_TIMEOUT_MS = 60_000;
/** Two thousand packages, each with a few versions. */
const MAX_POLICY_BYTES = 8_000_000;
const MAX_EVIDENCE_LINES = 20;

/**
 * Lists that were not had, in the words of apt 1.8 to 3.0. `Skipping acquire` is said where a suite has no packages for an
 * architecture, and costs apt no exit status.
 */
const NOT_HAD =
  /^(?:Err:\d|[EWN]: (?:Failed to fetch|Some index files failed|.*Skipping acquire|.*does not have a Release))/m;

export class OwnApt {
  readonly #options: OwnAptOptions;

  private constructor(options: OwnAptOptions) {
    this.#options = options;
  }

  /** @throws WorkshopFailure where the folder's path cannot be said to apt */
  static async in(options: OwnAptOptions): Promise<OwnApt> {
    const { folder, sources } = options;
    const configuration = aptConfiguration(options);
    const folders = ['etc/apt', 'etc/apt/preferences.d', 'state/lists/partial', 'cache/archives/partial'];
    for (const each of folders) await mkdir(path.join(folder, each), { recursive: true, mode: 0o700 });
    const write = (name: string, text: string) => writeFile(path.join(folder, name), text, { mode: 0o600 });
    await write('apt.conf', configuration);
    await write('etc/apt/sources.list', sources.map(({ line }) => `${line}\n`).join(''));
    await write('status', '');
    return new OwnApt(options);
  }

  /** apt-get(8): asks each source for its lists; signatures and dates are judged by apt. */
  async update(): Promise<UpdateOutcome> {
    // Without it a source that did not answer is a warning, and the status 0. Versions that do not know it say so in words.
    const argv = ['-o', 'APT::Update::Error-Mode=any', 'update'];
    const result = await this.#run('apt-get', argv, FETCH_TIMEOUT_MS);
    const isWhole = isGood(result) && !NOT_HAD.test(result.stdout) && !NOT_HAD.test(result.stderr);
    const said = result.timedOut ? ['apt-get update did not end in time'] : lastLines(result.stderr);
    return { isWhole, evidence: isWhole ? [] : tellingLines(said).slice(0, MAX_EVIDENCE_LINES) };
  }

  /** Sources of which every list of packages is there. @throws WorkshopFailure */
  async answered(): Promise<readonly AptSource[]> {
    const format = '$(CREATED_BY) $(RELEASE) $(COMPONENT)';
    const result = await this.#run('apt-get', ['indextargets', '--format', format], READ_TIMEOUT_MS);
    if (!isGood(result)) throw new WorkshopFailure('apt does not tell which lists it has', lastLines(result.stderr));
    const had = new Set(result.stdout.split('\n'));
    return this.#options.sources.filter(({ suite, components }) =>
      components.every((component) => had.has(`Packages ${suite} ${component}`)),
    );
  }

  /** `apt-cache policy` of these, as if they were installed and nothing else. @throws WorkshopFailure */
  async policy(packages: readonly Installed[]): Promise<string> {
    const { folder, arch } = this.#options;
    await writeFile(path.join(folder, 'status'), statusOf(packages, arch), { mode: 0o600 });
    const argv = ['policy', '--', ...packages.map(({ name }) => name)];
    const result = await this.#run('apt-cache', argv, READ_TIMEOUT_MS, MAX_POLICY_BYTES);
    if (!isGood(result)) throw new WorkshopFailure('apt does not compare versions', lastLines(result.stderr));
    return result.stdout;
  }

  #run(tool: (typeof APT_TOOLS)[number], argv: readonly string[], timeoutMs: number, maxBytes = 1_048_576) {
    const { folder, signal } = this.#options;
    const env = { APT_CONFIG: path.join(folder, 'apt.conf') };
    return run({ tool, argv, timeoutMs, maxBytes, env, ...(signal === undefined ? {} : { signal }) });
  }
}

function isGood({ code, timedOut, aborted, overflowed }: RunResult): boolean {
  return code === 0 && !timedOut && !aborted && !overflowed;
}

/**
 * apt.conf(5). The file that APT_CONFIG names is read first, so that it decides where the rest is looked for: nowhere. A
 * machine's own configuration may say `DIRECT` for a host, look for a proxy by itself, or take unsigned lists.
 *
 * @throws WorkshopFailure
 */
export function aptConfiguration({ folder, arch, proxy }: Pick<OwnAptOptions, 'folder' | 'arch' | 'proxy'>): string {
  // There is no way to write them between quotation marks, where a path has to stand.
  if (/["\\\n]/.test(folder)) throw new WorkshopFailure('apt takes no path with a quotation mark', [folder]);
  const settings: readonly (readonly [string, string])[] = [
    ['Dir', `${folder}/`],
    ['Dir::Etc', 'etc/apt/'],
    ['Dir::Etc::main', '/dev/null'],
    ['Dir::Etc::parts', '/dev/null'],
    ['Dir::Etc::sourceparts', '/dev/null'],
    ['Dir::Etc::trusted', '/etc/apt/trusted.gpg'],
    ['Dir::Etc::trustedparts', '/etc/apt/trusted.gpg.d/'],
    ['Dir::State', 'state/'],
    ['Dir::State::lists', 'lists/'],
    ['Dir::State::status', `${folder}/status`],
    ['Dir::Cache', 'cache/'],
    ['Dir::Cache::pkgcache', ''],
    ['Dir::Cache::srcpkgcache', ''],
    ['Dir::Log', 'log/'],
    ['APT::Architecture', arch],
    ['APT::Architectures::', arch],
    ['Acquire::http::Proxy', proxy],
    ['Acquire::https::Proxy', proxy],
    // SRV records would be asked of this machine's resolver, on the network that nobody trusts.
    ['Acquire::EnableSrvRecords', 'false'],
    ['Acquire::Languages', 'none'],
    ['Acquire::PDiffs', 'false'],
    ['Acquire::Retries', '1'],
    // Run by root, apt's methods become the user _apt, whom the proxy takes for a stranger and this folder does not let in.
    ...(process.geteuid?.() === 0 ? [['APT::Sandbox::User', 'root'] as const] : []),
  ];
  return settings.map(([name, value]) => `${name} "${value}";\n`).join('');
}

/** dpkg's status file, as far as apt needs it to say what is newer. */
function statusOf(packages: readonly Installed[], arch: Arch): string {
  const entry = ({ name, version }: Installed) =>
    `Package: ${name}\nStatus: install ok installed\nMaintainer: nobody\nArchitecture: ${arch}\n` +
    `Version: ${version}\nDescription: in the image\n\n`;
  return packages.map(entry).join('');
}
