/** The files a project folder brings along, as `vmgate trust` confirms them and `vmgate up` asks for. */
import path from 'node:path';
import type { LoadedConfig, NamedTemplates } from '../config/index.ts';
import type { HomeLayout } from '../home/index.ts';
import { isTrusted, type ProjectFile, requireTrusted, trustProject } from '../trust/index.ts';

export function projectFolder(loaded: LoadedConfig): string {
  return path.dirname(loaded.path);
}

/** Stood for by their digests: those of the very bytes that were read and judged. */
function filesOf(loaded: LoadedConfig): readonly ProjectFile[] {
  return loaded.sources.map(({ path: file, digest }) => ({ name: path.basename(file), content: digest }));
}

/** The home folder's own file needs no confirmation. @throws TRUST_PROJECT_UNCONFIRMED, TRUST_RECORD_DAMAGED */
export async function requireConfirmed(home: HomeLayout, loaded: LoadedConfig): Promise<void> {
  if (loaded.origin === 'home') return;
  await requireTrusted(home.trusted, projectFolder(loaded), filesOf(loaded));
}

/** The same for a file whose templates were not read yet. @throws TRUST_PROJECT_UNCONFIRMED, TRUST_RECORD_DAMAGED */
export async function requireConfirmedFiles(
  home: HomeLayout,
  { folder, sources }: Pick<NamedTemplates, 'folder' | 'sources'>,
): Promise<void> {
  const files = sources.map(({ path: file, digest }) => ({ name: path.basename(file), content: digest }));
  await requireTrusted(home.trusted, folder, files);
}

/** False when it was confirmed before, with these contents. */
export async function confirm(home: HomeLayout, loaded: LoadedConfig): Promise<boolean> {
  if (await isTrusted(home.trusted, projectFolder(loaded), filesOf(loaded))) return false;
  await trustProject(home.trusted, projectFolder(loaded), filesOf(loaded));
  return true;
}
