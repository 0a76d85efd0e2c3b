/**
 * `vmgate init TEMPLATE...`: what the templates say becomes part of vmgate.yaml. In one that is there already nothing is
 * taken out: comments and edits stay, what is missing is added, what protects becomes the stricter of the two.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type ConfigFile, type LoadedConfig, loadConfig } from '../../config/index.ts';
import { VmgateError } from '../../core/coded.ts';
import { escapeLine } from '../../host/index.ts';
import {
  type Change,
  changesTo,
  type Filled,
  fillParts,
  loadTemplateFolder,
  partsFor,
  questionsOf,
  readValue,
  type Template,
  together,
  type Value,
} from '../../template/index.ts';
import type { StoredProfile } from '../../vpn/index.ts';
import { errors } from '../codes.ts';
import { type Context, flag, type Input, list, text } from '../command.ts';
import { takeWorkImages } from '../image/work-images.ts';
import { confirm, requireConfirmed } from '../project-files.ts';
import { lockFileOf } from '../template/lock-file.ts';
import { TRUST_FILE } from '../template/trust-file.ts';
import { requireNeeded } from '../template/vpn-needs.ts';
import { version } from '../version.ts';
import { type Answers, typedExit, vpnAnswer } from './answers.ts';
import { keepingFiles } from './project-text.ts';
import { NOBODYS_ADDRESSES, renderStart } from './render.ts';
import { nextSteps, writeConfig } from './write-config.ts';

interface Named {
  readonly name: string;
  readonly template: Template;
}

/** @throws CLI_USAGE, CLI_ANSWER_NEEDED, TEMPLATE_*, TRUST_PROJECT_UNCONFIRMED, CONFIG_*, VPN_* */
export async function initFromTemplates(context: Context, input: Input): Promise<void> {
  const templates: Named[] = [];
  for (const name of input.args) {
    templates.push({ name, template: await loadTemplateFolder(context.cwd, name, version()) });
  }
  refuseFlags(input, templates);
  const file = path.join(context.cwd, 'vmgate.yaml');
  const there = existsSync(file) && !flag(input, 'force') ? await confirmedFile(context, input, file) : undefined;
  const start = there ?? (await startOf(context, input, templates));
  const all = await filledAll(context, input, templates, start.value);
  const changes = changesTo(start.value, all);
  const content = await changed(start.content, changes);
  const { vpn: needs } = all;
  const admit = (profile: StoredProfile) => (needs === undefined ? undefined : requireNeeded(needs, profile));
  const complete = ({ config }: LoadedConfig) => takeWorkImages(context, input, config);
  const kept = [lockFileOf(context.cwd), path.join(context.cwd, TRUST_FILE), context.home().trusted];
  const loaded = await keepingFiles(kept, () => writeConfig(context, file, content, start.answer, admit, complete));
  await confirm(context.home(), loaded);
  const shown = changes.map(({ path: key, how }) => ({ key: key.join('.'), how }));
  const lines = shown.map(({ key, how }) => `  ${how}: ${escapeLine(key)}`);
  const done = there === undefined ? `wrote ${escapeLine(file)}` : `${escapeLine(file)} kept`;
  const work = Object.keys(all.work);
  context.out.result(
    {
      ...{ file, vpn: loaded.config.vpn, created: there === undefined, changes: shown, work },
      templates: templates.map(({ name, template }) => ({ name, digest: template.digest })),
      profileAdded: start.answer.profile !== undefined,
    },
    [`${done}${lines.length === 0 ? ': it says all of this already' : ', with'}`, ...lines].join('\n') +
      `\n${await nextSteps(context, { work, exit: typedExit(input) })}`,
  );
}

interface Start {
  readonly content: string;
  readonly value: ConfigFile;
  readonly answer: Pick<Answers, 'vpn' | 'profile'>;
}

/** Somebody else's file is not confirmed by adding a line to it. */
async function confirmedFile(context: Context, input: Input, file: string): Promise<Start> {
  if (['vpn', 'vpnFile', 'gate'].some((name) => text(input, name) !== undefined)) {
    const message = `${file} is there and names its VPN and its gate`;
    const hint = 'change them in the file, or write a new one in its place: --force';
    throw VmgateError.of(errors.CLI_USAGE, { message, hint, command: 'init' });
  }
  const { root } = context.home();
  const loaded = loadConfig(context.cwd, root);
  await requireConfirmed(context.home(), loaded);
  const content = readFileSync(file, 'utf8');
  const { parse } = await import('yaml');
  return { content, value: parse(content) as ConfigFile, answer: { vpn: loaded.config.vpn[0], profile: undefined } };
}

async function startOf(context: Context, input: Input, templates: readonly Named[]): Promise<Start> {
  const answer = await vpnAnswer(context, input);
  const from = templates.map(({ name, template }) => `${escapeLine(name)}, ${template.digest}`);
  const content = renderStart({ vpn: answer.vpn, gate: text(input, 'gate') }, from);
  return { content, value: { version: 1 }, answer };
}

/** What the template says is not said again. @throws CLI_USAGE */
function refuseFlags(input: Input, templates: readonly Named[]): void {
  const refuse = (message: string, hint: string) => {
    throw VmgateError.of(errors.CLI_USAGE, { message, hint, command: 'init' });
  };
  if (flag(input, 'tiny') || text(input, 'disk') !== undefined) {
    refuse('the template says what boots', 'vmgate template show NAME lists what --set takes');
  }
  const vms = templates.filter(({ template }) => template.definition.kind === 'work');
  if (text(input, 'work') !== undefined && vms.length !== 1) {
    refuse('--work names the VM of one template of kind work', 'the others have the names their templates give them');
  }
}

async function filledAll(
  context: Context,
  input: Input,
  templates: readonly Named[],
  file: ConfigFile,
): Promise<Filled> {
  const typed = typedValues(input, templates);
  const filled: { name: string; filled: Filled }[] = [];
  for (const { name, template } of templates) {
    const parts = partsFor(file, template, template.definition.kind === 'work' ? text(input, 'work') : undefined);
    const answers = new Map<string, Value>();
    for (const [parameter, about] of questionsOf(template, parts)) {
      const written = typed.get(parameter);
      if (written !== undefined) answers.set(parameter, readValue(parameter, about, written));
      else if (context.isInteractive) {
        const { askParameter } = await import('./questions.ts');
        answers.set(parameter, await askParameter(parameter, about));
      }
    }
    filled.push({ name, filled: fillParts(template, parts, answers) });
  }
  const exit = typedExit(input);
  if (exit === undefined) return together(filled);
  const { url, expect = [NOBODYS_ADDRESSES] } = exit;
  const policy = { exit: { url, expect: 'json' in expect ? { json: { ...expect.json } } : [...expect] } };
  return together([...filled, { name: 'the command line', filled: { vpn: undefined, verify: policy, work: {} } }]);
}

/** @throws CLI_USAGE */
function typedValues(input: Input, templates: readonly Named[]): ReadonlyMap<string, string> {
  const known = templates.flatMap(({ template }) => Object.keys(template.definition.parameters ?? {}));
  return new Map(
    list(input, 'set').map((written) => {
      const at = written.indexOf('=');
      const name = written.slice(0, Math.max(0, at));
      if (known.includes(name)) return [name, written.slice(at + 1)] as const;
      const message = `${JSON.stringify(written.slice(0, 80))} sets no parameter of the template`;
      const hint = known.length === 0 ? 'it has none' : `it has: ${known.join(', ')}`;
      throw VmgateError.of(errors.CLI_USAGE, { message, hint, command: 'init' });
    }),
  );
}

/** Comments and order stay as they are. */
async function changed(content: string, changes: readonly Change[]): Promise<string> {
  if (changes.length === 0) return content;
  const { parseDocument, visit } = await import('yaml');
  const document = parseDocument(content);
  visit(document, {
    Alias: (_, { source }) => {
      // What is written at one place would count at others.
      const message = `vmgate.yaml uses *${source}, and cannot be added to without changing more than is meant`;
      throw VmgateError.of(errors.CLI_USAGE, { message, hint: 'write out what the alias stands for', command: 'init' });
    },
  });
  for (const { path: key, value } of changes) document.setIn(key, document.createNode(value));
  return document.toString({ lineWidth: 0 });
}
