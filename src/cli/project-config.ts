/** The configuration that counts in a folder, with the templates it names read from what is here. */
import path from 'node:path';
import type { Config, LoadedConfig } from '../config/index.ts';
import { VmgateError } from '../core/coded.ts';
import type { HomeLayout } from '../home/index.ts';

/** @throws CONFIG_*; for templates TRUST_*, REGISTRY_*, TEMPLATE_* */
export async function loadProject(cwd: string, home: HomeLayout): Promise<LoadedConfig> {
  const { loadConfig } = await import('../config/index.ts');
  return withTemplates(home, cwd, undefined, () => loadConfig(cwd, home.root));
}

/**
 * {@link loadProject} for what acts on it: its templates are read anew from the store, whatever was made of them before.
 * Signatures and the lock count as they are now, and the VPN profile is the one they ask for. So with the disks of
 * registries that work VMs boot.
 *
 * @throws also TEMPLATE_VPN_MISMATCH, VPN_*, WORK_IMAGE_*
 */
export async function loadVerified(cwd: string, home: HomeLayout): Promise<LoadedConfig> {
  const loaded = await templatesVerified(cwd, home);
  if (loaded.config.work.some(({ source }) => source.kind === 'oci')) {
    const { requireWorkImages } = await import('./image/work-images.ts');
    await requireWorkImages(home, path.dirname(loaded.path), loaded.config);
  }
  return loaded;
}

async function templatesVerified(cwd: string, home: HomeLayout): Promise<LoadedConfig> {
  const loaded = await loadProject(cwd, home);
  if (!loaded.hasTemplates) return loaded;
  const { layTemplates } = await import('./template/lay.ts');
  const laid = await layTemplates(home, cwd);
  const verified = await loadProject(cwd, home);
  if (laid?.needs === undefined) return verified;
  const { requireNeeded } = await import('./template/vpn-needs.ts');
  const { loadProfile } = await import('../vpn/index.ts');
  // Each may be the one that is used.
  for (const name of verified.config.vpn) requireNeeded(laid.needs, await loadProfile(home.vpn, name));
  return verified;
}

/** What {@link loadProject} would make of `text` in the place of the file's own. @throws what it does */
export async function judgeProject(file: string, text: string, home: HomeLayout): Promise<Config> {
  const { judgeText } = await import('../config/index.ts');
  return withTemplates(home, path.dirname(file), text, () => judgeText(file, text, home.root));
}

async function withTemplates<T>(home: HomeLayout, cwd: string, text: string | undefined, load: () => T): Promise<T> {
  try {
    return load();
  } catch (cause) {
    if (!VmgateError.is(cause) || cause.code !== 'CONFIG_TEMPLATE_ABSENT') throw cause;
    const { layTemplates } = await import('./template/lay.ts');
    await layTemplates(home, cwd, text);
    return load();
  }
}
