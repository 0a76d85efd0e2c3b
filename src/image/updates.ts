/** Which packages of an image have updates that Debian's lists know. Sends by the proxy that it is given, or not at all. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import type { Arch } from '../drivers/driver.ts';
import { findTool, hostPlatform, installLine, type PackageFamily } from '../host/index.ts';
import { NAME, readPolicy, VERSION } from './apt-policy.ts';
import { type AptSource, recipeSources, type SourcesFor } from './apt-sources.ts';
import { errors } from './codes.ts';
import type { StoredImage } from './image.ts';
import { APT_TOOLS, type Installed, OwnApt } from './own-apt.ts';
import { readRecipe } from './recipe.ts';
import { PROVISION } from './source.ts';
import { pruneTemp } from './store.ts';
import { WorkshopFailure } from './workshop.ts';

export interface PackageUpdate {
  readonly name: string;
  /** In the image. */
  readonly version: string;
  /** What a build would take now. */
  readonly known: string;
  /** A version newer than the image's is in a suite of security updates. */
  readonly security: boolean;
}

export interface ImageUpdates {
  readonly packages: readonly PackageUpdate[];
  /** In no list: a kernel whose successor has another name, or a package from elsewhere. */
  readonly unlisted: readonly string[];
  /** The image lists packages, and every list that a build would look into was had: what is not named has no update. */
  readonly complete: boolean;
}

export interface AskedSuite {
  readonly suite: string;
  readonly arch: Arch;
  readonly answered: boolean;
}

export interface UpdatesAnswer {
  readonly suites: readonly AskedSuite[];
  /** By the image's digest. */
  readonly images: ReadonlyMap<string, ImageUpdates>;
  /** apt's words about what it did not get; hostile text. */
  readonly evidence: readonly string[];
}

export interface UpdatesOptions {
  /** `images/` of the home folder. */
  readonly imagesFolder: string;
  /** Where everything is asked through, with a credential of this run: `socks5h://USER:PASSWORD@127.0.0.1:PORT`. */
  readonly proxy: string;
  readonly signal?: AbortSignal;
  /** For tests: where packages come from. */
  readonly sourcesFor?: SourcesFor;
}

/** mmdebstrap says where packages come from, apt does the rest. @throws IMAGE_UPDATES_NO_APT */
export function requireUpdateTools(
  has: (tool: string) => boolean = (tool) => findTool(tool) !== undefined,
  family: PackageFamily = hostPlatform().family,
): void {
  const missing = [...APT_TOOLS, 'mmdebstrap'].filter((tool) => !has(tool));
  if (missing.length === 0) return;
  const install = family === 'debian' ? installLine('mmdebstrap') : undefined;
  throw VmgateError.of(errors.IMAGE_UPDATES_NO_APT, { missing, install });
}

/** @throws IMAGE_UPDATES_UNANSWERED where no list came at all, IMAGE_UPDATES_FAILED */
export async function findUpdates(images: readonly StoredImage[], options: UpdatesOptions): Promise<UpdatesAnswer> {
  const answers: UpdatesAnswer[] = [];
  for (const { suite, arch, those } of await grouped(images)) {
    answers.push(await inFolder(options, (folder) => askFor(suite, arch, those, folder, options)));
  }
  const suites = answers.flatMap((answer) => answer.suites);
  const evidence = answers.flatMap((answer) => answer.evidence);
  if (suites.length > 0 && suites.every(({ answered }) => !answered)) {
    const names = suites.map(({ suite }) => suite);
    throw VmgateError.of(errors.IMAGE_UPDATES_UNANSWERED, { suites: [...new Set(names)] }, { evidence });
  }
  return { suites, evidence, images: new Map(answers.flatMap((answer) => [...answer.images])) };
}

interface Group {
  readonly suite: string;
  readonly arch: Arch;
  readonly those: StoredImage[];
}

/** By what their lists are: the suite is the recipe's of today, which is where a build would look. */
async function grouped(images: readonly StoredImage[]): Promise<readonly Group[]> {
  const groups = new Map<string, Group>();
  for (const image of images) {
    const { kind, arch } = image.manifest;
    const { suite } = await readRecipe(PROVISION, kind);
    const group = groups.get(`${suite} ${arch}`) ?? { suite, arch, those: [] };
    group.those.push(image);
    groups.set(`${suite} ${arch}`, group);
  }
  return [...groups.values()];
}

async function inFolder<T>({ imagesFolder }: UpdatesOptions, work: (folder: string) => Promise<T>): Promise<T> {
  await mkdir(imagesFolder, { recursive: true, mode: 0o700 });
  await pruneTemp(imagesFolder);
  const folder = await mkdtemp(path.join(imagesFolder, `updates-${process.pid}-`));
  try {
    return await work(folder);
  } catch (cause) {
    if (!(cause instanceof WorkshopFailure)) throw cause;
    const { message: why, evidence } = cause;
    throw VmgateError.of(errors.IMAGE_UPDATES_FAILED, { why }, { cause, evidence });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function askFor(
  suite: string,
  arch: Arch,
  images: readonly StoredImage[],
  folder: string,
  { proxy, signal, sourcesFor = recipeSources }: UpdatesOptions,
): Promise<UpdatesAnswer> {
  const sources = await sourcesFor(suite, arch, folder);
  const apt = await OwnApt.in({ folder, arch, sources, proxy, signal });
  const { isWhole, evidence } = await apt.update();
  const had = isWhole ? sources : await apt.answered();
  const found = new Map<string, ImageUpdates>();
  for (const { digest, manifest } of images) {
    found.set(digest, await compared(apt, manifest.packages, had, isWhole));
  }
  const suites = sources.map((source) => ({ suite: source.suite, arch, answered: had.includes(source) }));
  return { suites, images: found, evidence };
}

async function compared(
  apt: OwnApt,
  packages: readonly Installed[],
  had: readonly AptSource[],
  complete: boolean,
): Promise<ImageUpdates> {
  const updates: PackageUpdate[] = [];
  // A manifest may come from elsewhere, and its words end up on a command line and in a file of apt's.
  const unlisted = packages.filter((each) => !isPackage(each)).map(({ name }) => name);
  if (had.length === 0 || packages.length === 0) return { packages: [], unlisted: [], complete: false };
  for (const round of rounds(packages.filter(isPackage))) {
    const known = readPolicy(await apt.policy(round));
    for (const { name, version } of round) {
      const said = known.get(name);
      if (said?.installed !== version) throw new WorkshopFailure(`apt-cache policy says nothing of ${name}`, []);
      const { candidate, listed, security } = said;
      if (!listed) unlisted.push(name);
      else if (candidate !== version) updates.push({ name, version, known: candidate, security });
    }
  }
  // What one list lacks may be in the one that was not had.
  return { packages: updates, unlisted: complete ? unlisted : [], complete };
}

function isPackage({ name, version }: Installed): boolean {
  return NAME.test(name) && VERSION.test(version);
}

/** apt takes a package to be installed in one version; layers and disk may hold two. */
function rounds(packages: readonly Installed[]): readonly (readonly Installed[])[] {
  const all: Map<string, Installed>[] = [];
  for (const each of packages) {
    const free = all.find((round) => !round.has(each.name));
    if (free === undefined) all.push(new Map([[each.name, each]]));
    else free.set(each.name, each);
  }
  return all.map((round) => [...round.values()]);
}
