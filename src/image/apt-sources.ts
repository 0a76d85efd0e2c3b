/**
 * Where an image's packages come from: what mmdebstrap chooses where no mirror is named, which is how images are built
 * (workshop.ts). It is asked, so that a question about updates goes where a build would go, with the same keyring.
 */
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Arch } from '../drivers/driver.ts';
import { run } from '../host/index.ts';
import { quoted, tellingLines, WorkshopFailure } from './workshop.ts';

export interface AptSource {
  /** One line of sources.list(5). */
  readonly line: string;
  readonly suite: string;
  readonly components: readonly string[];
}

export type SourcesFor = (suite: string, arch: Arch, folder: string) => Promise<readonly AptSource[]>;

const MAX_BYTES = 65_536;
const MAX_SOURCES = 16;
const TIMEOUT_MS = 60_000;

/**
 * What mmdebstrap(1) would write into sources.list. It stops before it asks anybody: `update` is skipped, the variant
 * `custom` takes no packages, and the format `null` writes nothing.
 *
 * @param folder exists, and is nobody else's
 * @throws WorkshopFailure, and what {@link readSources} does
 */
export const recipeSources: SourcesFor = async (suite, arch, folder) => {
  const file = path.join(folder, 'recipe.list');
  const argv = [
    '--mode=chrootless',
    '--variant=custom',
    '--format=null',
    '--skip=update,cleanup',
    `--architectures=${arch}`,
    `--setup-hook=download /etc/apt/sources.list ${quoted(file)}`,
    suite,
    '-',
  ];
  const { code, stderr } = await run({ tool: 'mmdebstrap', argv, timeoutMs: TIMEOUT_MS });
  if (code !== 0) {
    throw new WorkshopFailure('mmdebstrap did not say where packages come from', tellingLines(lastLines(stderr)));
  }
  if ((await stat(file)).size > MAX_BYTES)
    throw new WorkshopFailure('mmdebstrap named more sources than it should', []);
  return readSources(await readFile(file, 'utf8'));
};

/**
 * sources.list(5), one-line style. Only what goes by http or https is taken: apt's other methods know no proxy, and
 * would ask past the tunnel.
 *
 * @throws WorkshopFailure
 */
export function readSources(text: string): readonly AptSource[] {
  const lines = text.split('\n').map((line) => line.trim());
  const sources = lines.filter((line) => line !== '' && !line.startsWith('#')).map(readLine);
  if (sources.length === 0 || sources.length > MAX_SOURCES) {
    throw new WorkshopFailure(`mmdebstrap named ${sources.length} sources of packages`, []);
  }
  return sources;
}

const LINE =
  /^deb (?:\[[^\]]{1,1000}\] )?https?:\/\/[!-~]{1,500} (?<suite>[a-z][\w.-]{0,60}) (?<components>[a-z][a-z -]{0,100})$/;

function readLine(line: string): AptSource {
  const { suite, components } = LINE.exec(line)?.groups ?? {};
  if (suite === undefined || components === undefined) {
    throw new WorkshopFailure('a source of packages is none that can be asked through the tunnel', [
      line.slice(0, 200),
    ]);
  }
  return { line, suite, components: components.split(' ') };
}

export function lastLines(text: string): readonly string[] {
  return text.trimEnd().split('\n').slice(-20);
}
