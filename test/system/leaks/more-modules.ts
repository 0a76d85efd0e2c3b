/**
 * Kernel modules that a gateway's image leaves out, for what an owned gateway could bring along: out of the packages the
 * image was built from, so that they fit its kernel.
 */
import path from 'node:path';
import { homeRoot, layoutOf } from '../../../src/home/index.ts';
import { hostPlatform } from '../../../src/host/index.ts';
import type { CpioEntry } from '../../../src/image/index.ts';
import { cachedPackages, isCached } from '../../../src/image/package-set.ts';
import { packagesOf, readRecipe } from '../../../src/image/recipe.ts';
import { selectLayers } from '../../../src/image/select.ts';
import { PROVISION } from '../../../src/image/source.ts';

/** The modules, and indexes that name them beside the image's own. Undefined when the packages are not here. */
export async function modulesBeside(wanted: readonly string[]): Promise<readonly CpioEntry[] | undefined> {
  const { arch } = hostPlatform();
  const recipe = await readRecipe(PROVISION, 'gateway');
  const cache = path.join(layoutOf(homeRoot()).images, 'cache');
  const set = { suite: recipe.suite, arch, packages: packagesOf(recipe, arch), cache };
  if (!(await isCached(set))) return undefined;
  const { tree } = await cachedPackages(set);
  const [base, ...others] = recipe.layers;
  if (base === undefined) throw new Error('a recipe without layers');
  const more = { ...recipe, layers: [{ ...base, modules: [...base.modules, ...wanted] }, ...others] };
  const { layers } = await selectLayers(tree, more, arch, PROVISION);
  const known = await selectLayers(tree, recipe, arch, PROVISION);
  const before = new Set(known.layers.flatMap(({ packaged }) => packaged.map((entry) => entry.path)));
  const isIndex = (file: string) => /\/modules\.\w+$/.test(file);
  return (layers[0]?.packaged ?? []).filter((entry) => isIndex(entry.path) || !before.has(entry.path));
}
