/**
 * What the templates that a vmgate.yaml names come to, put where src/config finds it. All of it is from the store: nothing
 * is sent, and every byte is hashed, its signature judged by vmgate.trust as it is now, and the lock held against both.
 */
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { type NamedTemplates, namedTemplates, type TemplateLayer } from '../../config/index.ts';
import { VmgateError } from '../../core/coded.ts';
import { type HomeLayout, writeFileAtomic } from '../../home/index.ts';
import { fetchTemplate } from '../../oci/index.ts';
import {
  type Filled,
  fillParts,
  loadTemplate,
  partsFor,
  questionsOf,
  readValue,
  type Template,
  templateErrors,
  together,
  type Value,
} from '../../template/index.ts';
import { version } from '../version.ts';
import { basesFrom } from './bases.ts';
import { lockedIn } from './lock-file.ts';
import { confirmedSigners } from './trust-file.ts';

/** Older ones were made from files that said something else. */
const KEPT = 32;

export interface LaidTemplate {
  readonly reference: string;
  readonly digest: string;
  readonly template: Template;
}

type Named = Omit<LaidTemplate, 'digest'>;

export interface Laid {
  readonly templates: readonly LaidTemplate[];
  /** What the VPN profile must be. */
  readonly needs: Filled['vpn'];
}

/**
 * Undefined: the vmgate.yaml that counts in `cwd` names no template.
 *
 * @param text what vmgate.yaml in `cwd` would say, in place of what is there
 * @throws CONFIG_*, TRUST_*, REGISTRY_*, TEMPLATE_*
 */
export async function layTemplates(home: HomeLayout, cwd: string, text?: string): Promise<Laid | undefined> {
  const named = namedTemplates(cwd, home.root, text);
  if (named === undefined) return undefined;
  const templates: LaidTemplate[] = [];
  for (const reference of named.references) templates.push(await readStored(home, named.folder, reference));
  const filled = fillAll(named, templates);
  const { verify, work } = filled;
  const layer = { version: 1, ...(verify === undefined ? {} : { verify }), work } as TemplateLayer;
  await mkdir(path.dirname(named.layer), { recursive: true, mode: 0o700 });
  await writeFileAtomic(named.layer, `${JSON.stringify(layer)}\n`);
  await forgetOld(path.dirname(named.layer));
  return { templates, needs: filled.vpn };
}

async function readStored(home: HomeLayout, folder: string, reference: string): Promise<LaidTemplate> {
  const { signers } = await confirmedSigners(home, folder);
  const locked = await lockedIn(folder, reference);
  const store = { store: home.templates, isOffline: true };
  const options = { ...store, ...(locked === undefined ? {} : { locked }), lock: 'require' } as const;
  const { files, digest } = await fetchTemplate(reference, { signers }, options);
  const load = { place: `${reference}/`, version: version(), pinned: basesFrom(store) };
  return { reference, digest, template: await loadTemplate(files, load) };
}

/** @throws TEMPLATE_VALUE_MISSING, TEMPLATE_VALUE_INVALID, TEMPLATE_CONFLICT */
function fillAll(
  { said, parameters }: Pick<NamedTemplates, 'said' | 'parameters'>,
  templates: readonly Named[],
): Filled {
  requireAsked(Object.keys(parameters), templates);
  return together(
    templates.map(({ reference, template }) => {
      const parts = partsFor(said, template);
      const answers = new Map<string, Value>();
      for (const [name, about] of questionsOf(template, parts)) {
        const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
        if (value !== undefined) answers.set(name, readValue(name, about, [value].flat().join(',')));
      }
      return { name: reference, filled: fillParts(template, parts, answers) };
    }),
  );
}

/** A misspelt one would be an answer that nobody hears. @throws TEMPLATE_VALUE_INVALID */
export function requireAsked(names: readonly string[], templates: readonly Named[]): void {
  const known = templates.flatMap(({ template }) => Object.keys(template.definition.parameters ?? {}));
  const stray = names.find((name) => !known.includes(name));
  if (stray === undefined) return;
  const why = `answers no question of the templates: ${known.length === 0 ? 'they have none' : `they ask for ${known.join(', ')}`}`;
  throw VmgateError.of(templateErrors.TEMPLATE_VALUE_INVALID, { name: stray, why });
}

async function forgetOld(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json'));
  if (names.length <= KEPT) return;
  const aged = await Promise.all(
    names.map(async (name) => ({
      name,
      at: (await stat(path.join(folder, name)).catch(() => undefined))?.mtimeMs ?? 0,
    })),
  );
  const old = aged.toSorted((a, b) => b.at - a.at).slice(KEPT);
  for (const { name } of old) await rm(path.join(folder, name), { force: true });
}
