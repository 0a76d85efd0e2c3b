/** From files to a template that was judged whole: its own template.yaml, every one it extends, and all of them together. */
import { isUtf8 } from 'node:buffer';
import path from 'node:path';
import {
  type ConfigIssue,
  checkDocument,
  DEFAULTS,
  parseDuration,
  parseYaml,
  renderIssue,
  type YamlDocument,
} from '../config/index.ts';
import { VmgateError } from '../core/coded.ts';
import { errors } from './codes.ts';
import {
  compareVersions,
  type Definition,
  gateSchema,
  isRegistryName,
  keysOf,
  minimumVersion,
  workSchema,
} from './definition.ts';
import { extend } from './extend.ts';
import { digestOfFiles, readFolder, requireFiles, TEMPLATE_FILE, type TemplateFile, unreadable } from './files.ts';
import { plannedKey } from './not-yet.ts';
import { usesIn } from './parameters.ts';
import { withScripts } from './scripts.ts';
import { refuseSecrets } from './secrets.ts';
import { shippedFolder } from './shipped.ts';

export interface Base {
  /** As `extends` names it. */
  readonly template: string;
  readonly digest: string;
}

export interface Template {
  /** With everything that it extends laid under it. */
  readonly definition: Definition;
  /** `sha256:<hex>` of its files (see files.ts); those of a shipped base are pinned by `extends`. */
  readonly digest: string;
  /** Sorted by path. */
  readonly files: readonly TemplateFile[];
  /** What it extends, nearest first. */
  readonly bases: readonly Base[];
}

export interface LoadOptions {
  /** Stands before the files' names in errors: `dev/`. */
  readonly place: string;
  /** Of this vmgate, `1.2.3`. */
  readonly version: string;
  /** Files of a template by name; undefined where there is none. Those in vm-templates/ unless said. */
  readonly named?: (name: string) => Promise<readonly TemplateFile[] | undefined>;
  /** Files of what a registry has under a name and a digest; none are found unless said. */
  readonly pinned?: (name: string, digest: string) => Promise<readonly TemplateFile[]>;
}

/** vmgate.yaml's own bound: what an hour of commenting would not fill. */
const MAX_YAML = 65_536;
/** A template, the one it extends, and so on. One in its own chain cannot be: its digest would have to hold itself. */
const MAX_CHAIN = 4;
const MAX_SHOWN = 10;

/** A name of `vmgate template list`, else a folder; `./NAME` where both are there. @throws what {@link loadTemplate} does */
export async function loadTemplateFolder(
  cwd: string,
  name: string,
  version: string,
  pinned?: LoadOptions['pinned'],
): Promise<Template> {
  const folder = shippedFolder(name) ?? path.resolve(cwd, name);
  const options = { place: `${name.replace(/\/+$/, '')}/`, version };
  return loadTemplate(await readFolder(folder), pinned === undefined ? options : { ...options, pinned });
}

/**
 * @throws TEMPLATE_FILES_REFUSED, TEMPLATE_UNREADABLE, TEMPLATE_SECRET, TEMPLATE_NEEDS_NEWER
 * @throws TEMPLATE_INVALID with line and column of every fault
 * @throws TEMPLATE_BASE_REFUSED, TEMPLATE_CONFLICT for what it extends
 */
export async function loadTemplate(files: readonly TemplateFile[], options: LoadOptions): Promise<Template> {
  const template = await loadChain(files, options, 1);
  const { definition } = template;
  const place = `${options.place}${TEMPLATE_FILE}`;
  const faults = faultsOfWhole(definition);
  if (faults.length === 0) return template;
  const own = documentOf(place, contentOf(template.files));
  throw invalid(faults.map(({ path: key, message }) => issueAt(place, own, key, message)));
}

async function loadChain(given: readonly TemplateFile[], options: LoadOptions, depth: number): Promise<Template> {
  const files = requireFiles(given);
  const digest = digestOfFiles(files);
  const definition = readDefinition(files, options);
  const { extends: pinned } = definition;
  if (pinned === undefined) return { definition, digest, files, bases: [] };
  const refuse = (why: string) => VmgateError.of(errors.TEMPLATE_BASE_REFUSED, { base: pinned.template, why });
  if (depth >= MAX_CHAIN) throw refuse(`it is more than ${MAX_CHAIN - 1} templates away from the first`);
  const below = await filesOfBase(files, pinned, options);
  if (below === undefined) throw refuse('there is no such template');
  const place = pinned.template.startsWith('./')
    ? `${options.place}${pinned.template.slice(2)}/`
    : `${pinned.template}/`;
  const base = await loadChain(below, { ...options, place }, depth + 1);
  return { definition: extend(base.definition, definition), digest, files, bases: [pinned, ...base.bases] };
}

/** By the digest that `base` names, or not at all: over the files, or in a registry over the manifest that names them. */
async function filesOfBase(
  files: readonly TemplateFile[],
  { template, digest }: Base,
  { named = shippedFiles, pinned }: LoadOptions,
): Promise<readonly TemplateFile[] | undefined> {
  if (isRegistryName(template)) return pinned?.(template, digest);
  const below = template.startsWith('./') ? filesInside(files, `${template.slice(2)}/`) : await named(template);
  if (below === undefined) return undefined;
  const found = digestOfFiles(below);
  if (found === digest) return below;
  const why = `its digest is ${found}, not ${digest}`;
  throw VmgateError.of(errors.TEMPLATE_BASE_REFUSED, { base: template, why });
}

function filesInside(files: readonly TemplateFile[], prefix: string): readonly TemplateFile[] | undefined {
  const inside = files.filter((file) => file.path.startsWith(prefix));
  return inside.length === 0 ? undefined : inside.map((file) => ({ ...file, path: file.path.slice(prefix.length) }));
}

async function shippedFiles(name: string): Promise<readonly TemplateFile[] | undefined> {
  const folder = shippedFolder(name);
  return folder === undefined ? undefined : readFolder(folder);
}

function contentOf(files: readonly TemplateFile[]): Uint8Array {
  const file = files.find((candidate) => candidate.path === TEMPLATE_FILE);
  if (file === undefined) throw unreadable('these files', `no ${TEMPLATE_FILE} is there`);
  return file.content;
}

function readDefinition(files: readonly TemplateFile[], { place, version }: LoadOptions): Definition {
  const file = `${place}${TEMPLATE_FILE}`;
  const document = documentOf(file, contentOf(files));
  const said = (document.value ?? {}) as Readonly<Record<string, unknown>>;
  const { peer } = (said['vpn'] ?? {}) as { readonly peer?: unknown };
  refuseSecrets(place, files, typeof peer === 'string' ? peer : undefined);
  // Before the keys are judged: a newer template may well have keys that this version does not know.
  const minimum = minimumVersion.safeParse(said['minimumVmgateVersion']);
  if (minimum.success && compareVersions(version, minimum.data) < 0) {
    throw VmgateError.of(errors.TEMPLATE_NEEDS_NEWER, { name: file, minimum: minimum.data, version });
  }
  const kind = said['kind'];
  if (kind !== 'work' && kind !== 'gate') {
    throw invalid([issueAt(file, document, ['kind'], 'kind must be work (one VM) or gate (VPN, policy, several VMs)')]);
  }
  const words = { keys: () => keysOf(kind), notYet: plannedKey };
  const checked =
    kind === 'work'
      ? checkDocument<Definition>(file, document, workSchema, words)
      : checkDocument<Definition>(file, document, gateSchema, words);
  if (checked.issues !== undefined) throw invalid(checked.issues);
  return withScripts(checked.value, files, (key, message) => invalid([issueAt(file, document, key, message)]));
}

function documentOf(file: string, content: Uint8Array): YamlDocument {
  if (content.length > MAX_YAML) throw invalid([{ ...startOf(file), message: `larger than ${MAX_YAML / 1_024} KiB` }]);
  if (!isUtf8(content)) throw invalid([notUtf8(file, content)]);
  const document = parseYaml(file, Buffer.from(content).toString('utf8'));
  if (document.issues.length > 0) throw invalid(document.issues);
  const { value } = document;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return document;
  throw invalid([{ ...startOf(file), message: 'must be a group of keys' }]);
}

function startOf(file: string) {
  return { file, line: 1, column: 1, key: '' };
}

/** At the first byte that no character begins with, or that ends one too early. */
function notUtf8(file: string, content: Uint8Array): ConfigIssue {
  let good = 0;
  for (let step = content.length; step >= 1; step = Math.floor(step / 2)) {
    while (good + step < content.length && isPrefix(content.subarray(0, good + step))) good += step;
  }
  const before = Buffer.from(content.subarray(0, good))
    .toString('utf8')
    .replace(/\uFFFD$/, '')
    .split('\n');
  const message = 'this byte is not UTF-8: save the file as UTF-8';
  return { ...startOf(file), line: before.length, column: (before.at(-1)?.length ?? 0) + 1, message };
}

/** Whether more bytes could make it UTF-8: a character may be cut at its end. */
function isPrefix(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

interface Fault {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** What only the merged template can get wrong. */
function faultsOfWhole(definition: Definition): readonly Fault[] {
  const { parameters = {} } = definition;
  const vms =
    definition.kind === 'work'
      ? [{ at: ['vm'], vm: definition.vm }]
      : Object.entries(definition.work ?? {}).map(([name, vm]) => ({ at: ['work', name], vm }));
  const faults: Fault[] = vms
    .filter(({ vm }) => vm.image === undefined)
    .map(({ at }) => ({ path: at, message: `${at.join('.')} must say what boots: image` }));
  for (const { path: at, name, type } of usesIn(definition)) {
    const parameter = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (parameter === undefined) faults.push({ path: at, message: `there is no parameter ${name}` });
    else if (type !== undefined && parameter.type !== type) {
      faults.push({
        path: at,
        message: `${String(at.at(-1))} wants a parameter of type ${type}; ${name} is of type ${parameter.type}`,
      });
    }
  }
  if (definition.kind === 'gate') {
    const { every = DEFAULTS.every, maxAge = DEFAULTS.maxAge } = definition.verify ?? {};
    if ((parseDuration(maxAge) ?? 0) < (parseDuration(every) ?? 0)) {
      const message = `maxAge (${maxAge}) is shorter than every (${every}): nothing would stay verified`;
      faults.push({ path: ['verify', 'maxAge'], message });
    }
  }
  return faults;
}

function issueAt(file: string, document: YamlDocument, key: readonly PropertyKey[], message: string): ConfigIssue {
  return { file, ...document.positionOf(key), key: key.join('.'), message };
}

function invalid(issues: readonly ConfigIssue[]): VmgateError {
  const evidence = issues.length === 1 ? [] : issues.slice(0, MAX_SHOWN).map(renderIssue);
  return VmgateError.of(errors.TEMPLATE_INVALID, { issues }, { evidence });
}
