/** Finds, reads and judges the configuration: the current folder's vmgate.yaml (no upward search), else the home's. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { nearest } from '../core/nearest.ts';
import { errnoOf, messageOf, sha256 } from '../host/index.ts';
import { type ConfigIssue, errors, renderIssue } from './codes.ts';
import { type Config, completeConfig, digestOf, milliseconds, sourceFault, type WholeFile } from './config.ts';
import { parseYaml, type YamlDocument } from './document.ts';
import { compiledRules, completeEgress, rulePath, shadowedRules } from './egress.ts';
import { EGRESS_BOUNDS } from './egress-values.ts';
import { failoverFaults, profilesOf } from './failover.ts';
import { checkDocument } from './issues.ts';
import { looseningsOf, mergeConfig } from './merge.ts';
import { BOUNDS, type ConfigFile, configSchema, DEFAULTS, type LocalFile, localSchema } from './schema.ts';

export interface LoadedConfig {
  readonly config: Config;
  /** Absolute path of vmgate.yaml. */
  readonly path: string;
  /** `sha256:<hex>` of its meaning, vmgate.local.yaml included. */
  readonly digest: string;
  /** A project folder's file is used only after `vmgate trust`; the home folder's is the user's own. */
  readonly origin: 'project' | 'home';
  /** Every file read, with the sha256 of its bytes: what `vmgate trust` confirms. */
  readonly sources: readonly { readonly path: string; readonly digest: string }[];
  /** Where the rules of each work VM stand, in their order, and the key they stand under. No part of the digest. */
  readonly egressPlaces: Readonly<Record<string, EgressPlaces>>;
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

/** Forty times the longest one in the documentation; what an hour of commenting would not fill. */
const MAX_BYTES = 65_536;
const MAX_SHOWN = 10;
const FILE = 'vmgate.yaml';
const LOCAL_FILE = 'vmgate.local.yaml';

/**
 * @throws CONFIG_MISSING CONFIG_UNREADABLE
 * @throws CONFIG_INVALID with line and column of every fault
 * @throws CONFIG_LOOSENS vmgate.local.yaml would weaken what vmgate.yaml says
 */
export function loadConfig(cwd: string, home: string): LoadedConfig {
  for (const { folder, origin } of [
    // Typed in the home folder itself, its file is still the user's own.
    { folder: cwd, origin: path.resolve(cwd) === path.resolve(home) ? 'home' : 'project' } as const,
    { folder: home, origin: 'home' } as const,
  ]) {
    const source = readSource(path.join(folder, FILE));
    if (source !== undefined) return { ...load(source, readSource(path.join(folder, LOCAL_FILE))), origin };
  }
  throw VmgateError.of(errors.CONFIG_MISSING, { folder: cwd, home });
}

/** What loadConfig would make of `text` in the place of the file's own. @throws CONFIG_INVALID, CONFIG_LOOSENS */
export function judgeText(file: string, text: string): Config {
  return load({ path: file, text }, readSource(path.join(path.dirname(file), LOCAL_FILE))).config;
}

interface Source {
  readonly path: string;
  readonly text: string;
}

/** One file's text with its YAML and what it says. */
interface Read<T> extends Source {
  readonly document: YamlDocument;
  readonly value: T;
}

function load(source: Source, localSource: Source | undefined): Omit<LoadedConfig, 'origin'> {
  const base = read<ConfigFile>(source, configSchema);
  const local = localSource === undefined ? undefined : read<LocalFile>(localSource, localSchema);
  if (local !== undefined) refuseLoosening(base, local);
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
    path: source.path,
    digest: digestOf(config),
    sources: [source, ...(localSource === undefined ? [] : [localSource])].map((file) => ({
      path: file.path,
      digest: sha256(file.text),
    })),
  };
}

function read<T>(source: Source, schema: Parameters<typeof checkDocument<T>>[2]): Read<T> {
  const document = parseYaml(source.path, source.text);
  if (document.issues.length > 0) throw invalid(source, document.issues);
  const checked = checkDocument(source.path, document, schema);
  if (checked.issues !== undefined) throw invalid(source, checked.issues);
  return { ...source, document, value: checked.value };
}

function refuseLoosening(base: Read<ConfigFile>, local: Read<LocalFile>): void {
  const issues = looseningsOf(base.value, local.value).map(({ path: key, rule }) =>
    issueAt(local, key, `${LOCAL_FILE} can only tighten: ${rule}`),
  );
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
  return { ...merged, vpn: [first, ...others] };
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

/** Undefined when there is no such file. Not blocking: a FIFO in its place must not hang the command. */
function readSource(file: string): Source | undefined {
  let fd: number;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    throw VmgateError.of(errors.CONFIG_UNREADABLE, { file, why: messageOf(cause) }, { cause });
  }
  try {
    const facts = fstatSync(fd);
    if (!facts.isFile()) throw VmgateError.of(errors.CONFIG_UNREADABLE, { file, why: 'it is not a file' });
    if (facts.size > MAX_BYTES)
      throw VmgateError.of(errors.CONFIG_UNREADABLE, { file, why: 'it is larger than 64 KiB' });
    return { path: file, text: readFileSync(fd, 'utf8') };
  } finally {
    closeSync(fd);
  }
}
