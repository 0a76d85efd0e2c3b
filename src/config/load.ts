/** Reads and judges the configuration, with its templates under it and the personal values over it. */
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { nearest } from '../core/nearest.ts';
import { sha256 } from '../host/index.ts';
import { type ConfigIssue, errors, renderIssue } from './codes.ts';
import { type Config, completeConfig, digestOf, milliseconds, sourceFault, type WholeFile } from './config.ts';
import { parseYaml, type YamlDocument } from './document.ts';
import { compiledRules, completeEgress, rulePath, shadowedRules } from './egress.ts';
import { EGRESS_BOUNDS } from './egress-values.ts';
import { chainOf, failoverFaults, profilesOf } from './failover.ts';
import { FILE, type Found, findFiles, LOCAL_FILE, type Source, sourcesOf, withCompanions } from './files.ts';
import { checkDocument } from './issues.ts';
import { layerFile, readLayer, referencesIn } from './layer.ts';
import { type Loosening, looseningsOf, looseningsOfLayer, mergeConfig } from './merge.ts';
import { BOUNDS, type ConfigFile, configSchema, DEFAULTS, type LocalFile, localSchema } from './schema.ts';

export interface LoadedConfig {
  readonly config: Config;
  /** Absolute path of vmgate.yaml. */
  readonly path: string;
  /** `sha256:<hex>` of its meaning, vmgate.local.yaml included. */
  readonly digest: string;
  /** It names templates of a registry; what they say is part of the configuration. */
  readonly hasTemplates: boolean;
  /** A project folder's file is used only after `vmgate trust`; the home folder's is the user's own. */
  readonly origin: 'project' | 'home';
  /** Every file read, with the sha256 of its bytes: what `vmgate trust` confirms. */
  readonly sources: readonly { readonly path: string; readonly digest: string }[];
  /** Where the rules of each work VM stand, in their order, and the key they stand under. No part of the digest. */
  readonly egressPlaces: Readonly<Record<string, EgressPlaces>>;
  /** Where a chain names its profiles, in its order: file, line and column. No part of the digest. */
  readonly hopPlaces: readonly string[];
  /** What is no error and cannot be meant: rules that never count. */
  readonly notices: readonly ConfigIssue[];
}

/** Absolute path and line, from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

export interface EgressPlaces {
  readonly rules: readonly Place[];
  /** What is done otherwise is said there. */
  readonly whole: Place;
}

const MAX_SHOWN = 10;

/**
 * @throws CONFIG_MISSING CONFIG_UNREADABLE
 * @throws CONFIG_INVALID with line and column of every fault
 * @throws CONFIG_LOOSENS vmgate.local.yaml would weaken what vmgate.yaml says, or that what its templates say
 * @throws CONFIG_TEMPLATE_ABSENT its templates were not read since one of the files changed
 */
export function loadConfig(cwd: string, home: string): LoadedConfig {
  const { found, origin } = findFiles(cwd, home);
  return { ...load(found, home), origin };
}

/** What loadConfig would make of `text` in the place of the file's own. @throws what {@link loadConfig} does */
export function judgeText(file: string, text: string, home: string): Config {
  return load(withCompanions({ path: file, text }), home).config;
}

/** What vmgate.yaml says about templates of registries, for whoever reads them. */
export interface NamedTemplates {
  /** Of vmgate.yaml. */
  readonly folder: string;
  readonly references: readonly string[];
  readonly parameters: NonNullable<ConfigFile['parameters']>;
  /** vmgate.yaml, with vmgate.local.yaml laid over it. */
  readonly said: ConfigFile;
  /** Where {@link loadConfig} looks for what they come to. */
  readonly layer: string;
  /** As in {@link LoadedConfig}. */
  readonly sources: LoadedConfig['sources'];
}

/**
 * Undefined: it names none.
 *
 * @param text what vmgate.yaml in `cwd` would say, in place of what is there
 * @throws CONFIG_MISSING, CONFIG_UNREADABLE, CONFIG_INVALID
 */
export function namedTemplates(cwd: string, home: string, text?: string): NamedTemplates | undefined {
  const own = text === undefined ? undefined : withCompanions({ path: path.join(cwd, FILE), text });
  const found = own ?? findFiles(cwd, home).found;
  const { base, local } = readBoth(found);
  const references = referencesIn(base.value);
  if (references.length === 0) return undefined;
  const said = local === undefined ? base.value : mergeConfig(base.value, local.value);
  const parameters = { ...base.value.parameters, ...local?.value.parameters };
  const sources = sourcesOf(found, references);
  const layer = layerFile(home, sources);
  const folder = path.dirname(found.source.path);
  return { folder, references, parameters, said, layer, sources: sources.map(stoodFor) };
}

function readBoth({ source, local }: Found): { base: Read<ConfigFile>; local: Read<LocalFile> | undefined } {
  return {
    base: read<ConfigFile>(source, configSchema),
    local: local === undefined ? undefined : read<LocalFile>(local, localSchema),
  };
}

/** One file's text with its YAML and what it says. */
interface Read<T> extends Source {
  readonly document: YamlDocument;
  readonly value: T;
}

function load(found: Found, home: string): Omit<LoadedConfig, 'origin'> {
  const { source } = found;
  const { base: own, local } = readBoth(found);
  const references = referencesIn(own.value);
  const sources = sourcesOf(found, references);
  const base = references.length === 0 ? own : overTemplates(own, layerFile(home, sources), references);
  if (local !== undefined)
    refuseLoosening(looseningsOf(base.value, local.value), local, `${LOCAL_FILE} can only tighten`);
  const merged = local === undefined ? base.value : mergeConfig(base.value, local.value);
  const config = completeConfig(judgeWhole(merged, base, local), path.dirname(source.path));
  const ruled = config.work.flatMap(({ name, egress }) => (egress === undefined ? [] : [{ name, egress }]));
  const issueOf = (name: string, rule: number, message: string) => {
    const key = ['work', name, 'egress'];
    const said = merged.work?.[name]?.egress;
    return issueAt(writtenIn(key, base, local), [...key, ...rulePath(said, rule)], message);
  };
  return {
    config,
    egressPlaces: Object.fromEntries(
      ruled.map(({ name, egress }) => [
        name,
        {
          rules: egress.rules.map((_, rule) => placeOf(issueOf(name, rule, ''))),
          whole: placeOf(issueAt(writtenIn(['work', name, 'egress'], base, local), ['work', name, 'egress'], '')),
        },
      ]),
    ),
    notices: ruled.flatMap(({ name, egress }) =>
      shadowedRules(egress).map(({ rule, by, contradicts }) => {
        const { line } = issueOf(name, by, '');
        const what = contradicts ? 'contradicts the rule' : 'adds nothing to the rule';
        return issueOf(name, rule, `this rule never counts: it ${what} in line ${line}, which comes first`);
      }),
    ),
    hopPlaces: chainOf(merged).map((_, index) => {
      const key = ['vpn', 'chain', index];
      const { file, line, column } = issueAt(writtenIn(['vpn'], base, local), key, '');
      return `${file}:${line}:${column}`;
    }),
    path: source.path,
    hasTemplates: references.length > 0,
    digest: digestOf(config),
    sources: sources.map(stoodFor),
  };
}

function stoodFor({ path: file, text }: Source): LoadedConfig['sources'][number] {
  return { path: file, digest: sha256(text) };
}

/** The file with its templates under it. @throws CONFIG_TEMPLATE_ABSENT, CONFIG_LOOSENS */
function overTemplates(own: Read<ConfigFile>, layerPath: string, references: readonly string[]): Read<ConfigFile> {
  const layer = readLayer(layerPath, references, path.dirname(own.path));
  refuseLoosening(looseningsOfLayer(layer, own.value), own, `${FILE} can only tighten what its template says`);
  return { ...own, value: mergeConfig(layer, own.value) };
}

function read<T>(source: Source, schema: Parameters<typeof checkDocument<T>>[2]): Read<T> {
  const document = parseYaml(source.path, source.text);
  if (document.issues.length > 0) throw invalid(source, document.issues);
  const checked = checkDocument(source.path, document, schema);
  if (checked.issues !== undefined) throw invalid(source, checked.issues);
  return { ...source, document, value: checked.value };
}

function refuseLoosening(found: readonly Loosening[], file: Read<unknown>, rule: string): void {
  const issues = found.map((each) => issueAt(file, each.path, `${rule}: ${each.rule}`));
  if (issues.length > 0) throw VmgateError.of(errors.CONFIG_LOOSENS, { issues }, { evidence: issues.map(renderIssue) });
}

/** What only the two files together can get wrong; told where the key stands that was written last. */
function judgeWhole(merged: ConfigFile, base: Read<ConfigFile>, local: Read<LocalFile> | undefined): WholeFile {
  const issues: ConfigIssue[] = [];
  const refuse = (key: readonly PropertyKey[], message: string) => {
    issues.push(issueAt(writtenIn(key, base, local), key, message));
  };
  const work = Object.entries(merged.work ?? {});
  if (work.length > BOUNDS.workVms) refuse(['work'], `more than ${BOUNDS.workVms} work VMs on one gate`);
  for (const [name, vm] of work) {
    const fault = sourceFault(vm);
    if (fault !== undefined) refuse(['work', name], `work VM ${name} ${fault}`);
    for (const [index, peer] of (vm.peers ?? []).entries()) {
      const key = ['work', name, 'peers', index];
      if (peer === name) refuse(key, `work VM ${name} is its own peer`);
      else if (merged.work?.[peer] === undefined) refuse(key, `${unknownPeer(peer, Object.keys(merged.work ?? {}))}`);
    }
  }
  const compiled = work.reduce((sum, [, { egress }]) => sum + compiledRules(completeEgress(egress) ?? NO_RULES), 0);
  if (compiled > EGRESS_BOUNDS.compiled) {
    refuse(
      ['work'],
      `egress of all work VMs comes to ${compiled} rules of the firewall: at most ${EGRESS_BOUNDS.compiled}`,
    );
  }
  const { every = DEFAULTS.every, maxAge = DEFAULTS.maxAge } = merged.verify ?? {};
  if (milliseconds(maxAge) < milliseconds(every)) {
    refuse(['verify', 'maxAge'], `maxAge (${maxAge}) is shorter than every (${every}): nothing would stay verified`);
  }
  const [first, ...others] = profilesOf(merged);
  if (first === undefined)
    refuse(['vpn'], `vpn is missing, here and in ${LOCAL_FILE}: name a profile of vmgate vpn list`);
  for (const { key, message } of failoverFaults(merged)) refuse(key, message);
  if (first === undefined || issues.length > 0) throw invalid(base, issues);
  const through = chainOf(merged).slice(0, -1);
  return { ...merged, vpn: [first, ...others], ...(through.length === 0 ? {} : { through }) };
}

const NO_RULES = { otherwise: 'allow', rules: [] } as const;

function unknownPeer(peer: string, known: readonly string[]): string {
  const meant = nearest(peer, known);
  const hint = meant === undefined ? `there are ${known.join(', ')}` : `did you mean "${meant}"?`;
  return `there is no work VM ${JSON.stringify(peer)} to be a peer: ${hint}`;
}

/** The file whose word counts for `key`. */
function writtenIn(key: readonly PropertyKey[], base: Read<unknown>, local: Read<unknown> | undefined): Read<unknown> {
  return local !== undefined && has(local.value, key) ? local : base;
}

function placeOf({ file, line }: ConfigIssue): Place {
  return { file, line };
}

function has(value: unknown, key: readonly PropertyKey[]): boolean {
  const [first, ...rest] = key;
  if (first === undefined) return value !== undefined;
  return typeof value === 'object' && value !== null && has((value as Record<PropertyKey, unknown>)[first], rest);
}

function issueAt(file: Read<unknown>, key: readonly PropertyKey[], message: string): ConfigIssue {
  return { file: file.path, ...file.document.positionOf(key, 'key'), key: key.join('.'), message };
}

/** As many faults as fit the evidence, each with its line of the file below it, said once. */
function invalid(source: Source, issues: readonly ConfigIssue[]): VmgateError {
  const lines = source.text.split('\n');
  const evidence = issues.slice(0, MAX_SHOWN).flatMap((issue, index) => {
    const shown = issue.file === source.path ? (lines[issue.line - 1]?.trim().slice(0, 100) ?? '') : '';
    const last = issues[index + 1]?.line !== issue.line || index === MAX_SHOWN - 1;
    return shown === '' || !last ? [renderIssue(issue)] : [renderIssue(issue), `    ${shown}`];
  });
  return VmgateError.of(errors.CONFIG_INVALID, { issues }, { evidence });
}
