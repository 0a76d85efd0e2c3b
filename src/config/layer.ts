/**
 * Templates of a registry are a layer below the vmgate.yaml that names them. Whoever reads, verifies and judges them leaves
 * what they say in the home folder, under a name that stands for the very bytes it was made from: vmgate.yaml, what lies
 * beside it, and vmgate.lock. After a change of one of them there is no layer until they are read again.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type * as z from 'zod';
import { canonicalJson } from '../core/canonical-json.ts';
import { VmgateError } from '../core/coded.ts';
import { layoutOf } from '../home/index.ts';
import { parseJson, sha256 } from '../host/index.ts';
import { errors } from './codes.ts';
import type { Source } from './files.ts';
import { type ConfigFile, configSchema } from './schema.ts';

/** Another number where the same templates would come to another layer. */
const FORMAT = 1;

const layerSchema = configSchema.pick({ version: true, verify: true, work: true });
export type TemplateLayer = Readonly<z.infer<typeof layerSchema>>;

export function referencesIn({ template }: ConfigFile): readonly string[] {
  if (template === undefined) return [];
  return typeof template === 'string' ? [template] : template;
}

/** Where the layer made from these files lies. `home`: the root of the home folder. */
export function layerFile(home: string, sources: readonly Source[]): string {
  const made = sources.map((source) => [path.basename(source.path), sha256(source.text)] as const);
  const name = sha256(canonicalJson([FORMAT, made])).slice('sha256:'.length);
  return path.join(layoutOf(home).templates, 'layers', `${name}.json`);
}

/** @throws CONFIG_TEMPLATE_ABSENT */
export function readLayer(file: string, references: readonly string[], folder: string): TemplateLayer {
  try {
    return layerSchema.parse(parseJson(readFileSync(file, 'utf8')));
  } catch (cause) {
    throw VmgateError.of(errors.CONFIG_TEMPLATE_ABSENT, { references, folder }, { cause });
  }
}
