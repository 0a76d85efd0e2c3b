/**
 * `vmgate init REF`: a vmgate.yaml that names a team's template instead of repeating it. The template stays the team's, at
 * the version in vmgate.lock; what is personal goes into vmgate.local.yaml. Everything is written, or nothing is.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { type LoadedConfig, type NamedTemplates, namedTemplates, profilesOf } from '../../config/index.ts';
import { VmgateError } from '../../core/coded.ts';
import { escapeLine } from '../../host/index.ts';
import { formatReference, parseReference, registryErrors, repositoryName } from '../../oci/index.ts';
import { partsFor, questionsOf, readValue, type Value } from '../../template/index.ts';
import { errors } from '../codes.ts';
import { type Context, flag, type Input, list, text } from '../command.ts';
import { takeWorkImages } from '../image/work-images.ts';
import { loadProject } from '../project-config.ts';
import { confirm, requireConfirmed, requireConfirmedFiles } from '../project-files.ts';
import { layTemplates, requireAsked } from '../template/lay.ts';
import { diffToLocked, tellWhole } from '../template/review.ts';
import { recordTaken, type TakenTemplate, takeTemplate } from '../template/take.ts';
import { admitProfile, chosenProfile } from './profile-for.ts';
import { keepingFiles, writeLocal, writeTemplates } from './project-text.ts';
import { nextSteps } from './write-config.ts';

/** @throws CLI_USAGE, CLI_ANSWER_NEEDED, REGISTRY_*, TRUST_*, TEMPLATE_*, CONFIG_*, VPN_* */
export async function initFromReferences(context: Context, input: Input): Promise<void> {
  refuseFlags(input);
  const file = path.join(context.cwd, 'vmgate.yaml');
  const isNew = !existsSync(file) || flag(input, 'force');
  const there = isNew ? NOTHING : await confirmedFile(context);
  const taken: TakenTemplate[] = [];
  // Which version there is, is decided once: vmgate template update changes it.
  const lock = flag(input, 'locked') ? 'require' : 'keep';
  const asked = input.args.map((written) => withoutDigest(written));
  for (const written of input.args) taken.push(await takeTemplate(context, input, written, lock));
  for (const each of taken) await reviewed(context, input, each);
  const parameters = await answersFor(context, input, taken, there);
  const references = joined(there.references, asked);
  const done = await keepingFiles(filesOf(context), async () => {
    const added: string[] = [];
    for (const each of taken) {
      if (await recordTaken(context, each)) added.push(each.fetched.signer.fingerprint);
    }
    await writeTemplates(file, references, { isNew, gate: text(input, 'gate') });
    return { ...(await completed(context, input, taken, there, parameters)), added };
  });
  const { config } = done.loaded;
  const work = config.work.map(({ name }) => name);
  const request = `\n  vmgate vpn request ${asked[0] ?? ''}   (or: vmgate vpn add ${config.vpn} FILE)`;
  context.out.result(
    {
      ...{ file, vpn: config.vpn, hasProfile: done.hasProfile, created: isNew, work, signersAdded: done.added },
      templates: taken.map(({ written: reference, fetched: { digest, signer, created, isCached } }) => {
        return { reference, digest, created, signer: signer.fingerprint, cached: isCached };
      }),
    },
    [
      `${isNew ? 'wrote' : 'kept'} ${escapeLine(file)}, from ${references.map((each) => escapeLine(each)).join(' and ')}`,
      ...(done.hasProfile ? [] : [`there is no VPN profile ${config.vpn} yet`]),
      await nextSteps(context, { work, exit: undefined, request: done.hasProfile ? '' : request }),
    ].join('\n'),
  );
  if (!done.hasProfile && context.isInteractive) await offerRequest(context, input, asked);
}

async function offerRequest(context: Context, input: Input, [reference = '']: readonly string[]): Promise<void> {
  const { askYes } = await import('./questions.ts');
  if (!(await askYes('Make a WireGuard key for it now?'))) return;
  const { vpnRequest } = await import('../commands/vpn-request.ts');
  await vpnRequest.run(context, { args: [reference], options: { tokenHost: text(input, 'tokenHost') } });
}

/** The rest, once vmgate.yaml names its templates: what is personal, and the judgement of it all. */
async function completed(
  context: Context,
  input: Input,
  taken: readonly TakenTemplate[],
  there: There,
  parameters: Answered,
): Promise<{ readonly loaded: LoadedConfig; readonly hasProfile: boolean }> {
  const home = context.home();
  const [first] = taken;
  const needs = taken.find(({ template }) => template.definition.vpn !== undefined)?.template.definition.vpn;
  const isSaid = there.said.vpn !== undefined && ['vpn', 'vpnFile'].every((name) => text(input, name) === undefined);
  const profile = isSaid
    ? { name: profilesOf(there.said)[0] ?? '', file: undefined }
    : await chosenProfile(context, input, needs, first?.template.definition.name ?? '');
  const vpn = isSaid ? undefined : profile.name;
  await writeLocal(path.join(context.cwd, 'vmgate.local.yaml'), { vpn, parameters });
  const laid = await layTemplates(home, context.cwd);
  await takeWorkImages(context, input, (await loadProject(context.cwd, home)).config);
  // Anew: an image that was taken is in vmgate.lock, which is confirmed with the rest.
  const loaded = await loadProject(context.cwd, home);
  const hasProfile = await admitProfile(context, input, profile, laid?.needs);
  await confirm(home, loaded);
  return { loaded, hasProfile };
}

/** Also the record of what was confirmed: what is written over is confirmed no longer. */
function filesOf(context: Context): readonly string[] {
  const names = ['vmgate.yaml', 'vmgate.local.yaml', 'vmgate.lock', 'vmgate.trust'];
  return [...names.map((name) => path.join(context.cwd, name)), context.home().trusted];
}

type There = Pick<NamedTemplates, 'references' | 'said' | 'parameters'>;

const NOTHING: There = { references: [], said: { version: 1 }, parameters: {} };

/** Somebody else's file is not confirmed by adding a line to it. @throws TRUST_PROJECT_UNCONFIRMED, CONFIG_* */
async function confirmedFile(context: Context): Promise<There> {
  const home = context.home();
  const named = namedTemplates(context.cwd, home.root);
  if (named === undefined) {
    const loaded = await loadProject(context.cwd, home);
    await requireConfirmed(home, loaded);
    return { references: [], said: { version: 1, vpn: [...loaded.config.vpn] }, parameters: {} };
  }
  await requireConfirmedFiles(home, named);
  return named;
}

/** What is used for the first time is shown whole, and asked about where there is somebody to ask. @throws CLI_INTERRUPTED */
async function reviewed(context: Context, input: Input, taken: TakenTemplate): Promise<void> {
  if (taken.locked?.digest === taken.fetched.digest) return;
  tellWhole(context, taken, await diffToLocked(context, taken));
  if (!context.isInteractive || flag(input, 'yes')) return;
  const { askYes } = await import('./questions.ts');
  if (await askYes('Use this template?')) return;
  throw VmgateError.of(errors.CLI_INTERRUPTED, { command: 'init' });
}

type Answered = Readonly<Record<string, Value>>;

/** Those that are typed or asked now; earlier ones and defaults need not be said again. */
async function answersFor(
  context: Context,
  input: Input,
  taken: readonly TakenTemplate[],
  { said, parameters }: There,
): Promise<Answered> {
  const typed = Object.fromEntries(list(input, 'set').map(nameAndValue));
  const templates = taken.map(({ written: reference, template }) => ({ reference, template }));
  requireAsked(Object.keys(typed), templates);
  const answers: Record<string, Value> = {};
  for (const { template } of taken) {
    for (const [name, about] of Object.entries(template.definition.parameters ?? {})) {
      if (typed[name] !== undefined) answers[name] = readValue(name, about, typed[name]);
    }
    if (!context.isInteractive) continue;
    for (const [name, about] of questionsOf(template, partsFor(said, template))) {
      if (Object.hasOwn(parameters, name) || Object.hasOwn(answers, name)) continue;
      const { askParameter } = await import('./questions.ts');
      answers[name] = await askParameter(name, about);
    }
  }
  return answers;
}

/** @throws CLI_USAGE */
function nameAndValue(written: string): readonly [string, string] {
  const at = written.indexOf('=');
  if (at > 0) return [written.slice(0, at), written.slice(at + 1)];
  const message = `${JSON.stringify(written.slice(0, 80))} sets nothing`;
  throw VmgateError.of(errors.CLI_USAGE, { message, hint: '--set NAME=VALUE', command: 'init' });
}

/** As vmgate.yaml names it: vmgate.lock has the digest. @throws REGISTRY_REFERENCE_INVALID */
function withoutDigest(written: string): string {
  const reference = parseReference(written);
  if (reference.tag !== undefined) return formatReference({ ...reference, digest: undefined });
  const why = 'vmgate.yaml names a template by its tag: add :TAG, before the @ where there is a digest';
  throw VmgateError.of(registryErrors.REGISTRY_REFERENCE_INVALID, { reference: written, why });
}

/** Another version of a repository takes the place of the one before. */
function joined(before: readonly string[], added: readonly string[]): readonly string[] {
  const repository = (reference: string) => repositoryName(parseReference(reference));
  const kept = before.filter((each) => !added.some((other) => repository(other) === repository(each)));
  return [...kept, ...added];
}

/** What the template says is not said again. @throws CLI_USAGE */
function refuseFlags(input: Input): void {
  const typed = ['disk', 'work', 'exitUrl'].find((name) => text(input, name) !== undefined);
  if (typed === undefined && !flag(input, 'tiny')) return;
  const message = 'the template says what boots and what the exit is';
  const hint = 'add what it lacks to vmgate.yaml afterwards; --set answers what it asks';
  throw VmgateError.of(errors.CLI_USAGE, { message, hint, command: 'init' });
}
