/** Recipes: what an image is made of, as data in `provision/image/KIND.yaml`. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { VmgateError } from '../core/coded.ts';
import type { Arch } from '../drivers/driver.ts';
import { messageOf } from '../host/index.ts';
import { errors } from './codes.ts';
import type { ImageKind } from './image.ts';

const insidePath = z.string().regex(/^(?!\/)(?!.*\.\.)[\w./+@-]+$/, 'a path inside the image, without leading /');

/** Folders under provision/ whose files go in as they are; of two with the same name the later one's. */
const rootfs = z.union([insidePath.transform((folder) => [folder]), z.array(insidePath)]).default([]);

const packageNames = z.array(z.string().regex(/^[a-z0-9][a-z0-9.+-]+$/));

const layerSchema = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]*$/),
  /** Debian packages; their dependencies come along, and only what `keep` reaches stays. */
  packages: packageNames,
  /** Files, or folders with a `/` at the end. Libraries that programs need are kept without being named. */
  keep: z.array(insidePath),
  /** Files that lie elsewhere on each architecture. */
  keepOn: z.partialRecord(z.enum(['amd64', 'arm64']), z.array(insidePath)).default({}),
  modules: z.array(z.string().regex(/^[\w-]+$/)).default([]),
  /** Modules that only one architecture has. */
  modulesOn: z.partialRecord(z.enum(['amd64', 'arm64']), z.array(z.string())).default({}),
  links: z.record(insidePath, z.string()).default({}),
  rootfs,
});

/** A disk of a work VM: packages installed, their own set-up run, as apt does it. */
const diskSchema = z.strictObject({
  /** Size of the disk and of the one file system on it. */
  gigabytes: z.int().min(2).max(1_024),
  /** Beside Debian's essential ones. */
  packages: packageNames.min(1),
  rootfs,
  links: z.record(insidePath, z.string()).default({}),
  /** What packages made that does not belong into an image: every path that begins so. */
  remove: z.array(insidePath).default([]),
});

const recipeSchema = z.strictObject({
  suite: z.string().regex(/^[a-z]+$/),
  /** Kernel package by architecture. */
  kernel: z.record(z.enum(['amd64', 'arm64']), z.string()),
  /** Rough size of all packages and package lists, for the announcement before the first download. */
  downloadMegabytes: z.number().positive(),
  layers: z.array(layerSchema).min(1),
  disk: diskSchema.optional(),
});

export type DiskRecipe = z.infer<typeof diskSchema>;
export type LayerRecipe = z.infer<typeof layerSchema>;
export type Recipe = z.infer<typeof recipeSchema> & { readonly kind: ImageKind };

/** @throws IMAGE_RECIPE_INVALID */
export async function readRecipe(provision: string, kind: ImageKind): Promise<Recipe> {
  const file = path.join(provision, 'image', `${kind}.yaml`);
  try {
    const { parse } = await import('yaml');
    return { kind, ...recipeSchema.parse(parse(await readFile(file, 'utf8'))) };
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : messageOf(cause);
    throw VmgateError.of(errors.IMAGE_RECIPE_INVALID, { file, why }, { cause });
  }
}

/** Every package the image needs, sorted; the kernel's among them. */
export function packagesOf(recipe: Recipe, arch: Arch): readonly string[] {
  return [...new Set([recipe.kernel[arch], ...recipe.layers.flatMap(({ packages }) => packages)])].sort();
}

export function keptOf(layer: LayerRecipe, arch: Arch): readonly string[] {
  return [...layer.keep, ...(layer.keepOn[arch] ?? [])];
}

export function modulesOf(layer: LayerRecipe, arch: Arch): readonly string[] {
  return [...layer.modules, ...(layer.modulesOn[arch] ?? [])];
}
