/** A vmgate.yaml comes into being, or becomes another one: whole and judged, with its profile, or not at all. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { type ConfigIssue, type LoadedConfig, loadConfig } from '../../config/index.ts';
import { VmgateError } from '../../core/coded.ts';
import { writeFileAtomic } from '../../home/index.ts';
import { hostPlatform } from '../../host/index.ts';
import { addProfile, loadProfile, removeProfile, type StoredProfile } from '../../vpn/index.ts';
import { errors } from '../codes.ts';
import type { Context } from '../command.ts';
import type { Answers } from './answers.ts';
import type { ExitAnswer } from './render.ts';

/**
 * With a profile or an answer that is refused, the file is as it was before.
 *
 * @param admit throws for a profile that will not do; one that was added for it is gone again
 * @param complete what else is needed before anything is added for it
 */
export async function writeConfig(
  context: Context,
  file: string,
  content: string,
  { vpn, profile }: Pick<Answers, 'vpn' | 'profile'>,
  admit: (profile: StoredProfile) => void = () => undefined,
  complete: (loaded: LoadedConfig) => Promise<void> = async () => undefined,
): Promise<LoadedConfig> {
  const before = existsSync(file) ? readFileSync(file) : undefined;
  const { root, vpn: profiles } = context.home();
  await writeFileAtomic(file, content);
  try {
    const loaded = judged(context.cwd, root);
    requireDisks(loaded);
    await complete(loaded);
    if (profile === undefined) {
      admit(await loadProfile(profiles, vpn));
      return loaded;
    }
    const { file: source, ...options } = profile;
    const added = await addProfile(profiles, vpn, source, options);
    try {
      admit(added);
    } catch (cause) {
      await removeProfile(profiles, vpn, async () => undefined);
      throw cause;
    }
    for (const notice of added.notices) context.out.event(notice);
    return loaded;
  } catch (cause) {
    if (before === undefined) rmSync(file, { force: true });
    else await writeFileAtomic(file, before);
    throw cause;
  }
}

/** The file is gone again when its answers are refused: what was said counts, not a line of it. */
function judged(folder: string, home: string): LoadedConfig {
  try {
    return loadConfig(folder, home);
  } catch (cause) {
    if (!VmgateError.is(cause)) throw cause;
    const { issues: [issue] = [] } = (cause.payload ?? {}) as { issues?: readonly ConfigIssue[] };
    if (issue === undefined || path.basename(issue.file) !== 'vmgate.yaml') throw cause;
    throw VmgateError.of(errors.CLI_USAGE, { message: issue.message, hint: '', command: 'init' });
  }
}

/** @throws CLI_USAGE */
function requireDisks({ config }: LoadedConfig): void {
  for (const { source } of config.work) {
    if (source.kind !== 'disk' || existsSync(source.disk)) continue;
    const message = `there is no disk image ${source.disk}`;
    const hint = '--disk FILE, or --set for a template: a qcow2 or raw image';
    throw VmgateError.of(errors.CLI_USAGE, { message, hint, command: 'init' });
  }
}

/** What to type after it. */
export async function nextSteps(
  context: Context,
  {
    work,
    exit,
    request = '',
  }: { readonly work: readonly string[]; readonly exit: ExitAnswer | undefined; readonly request?: string },
): Promise<string> {
  const build = (await hasGatewayImage(context)) ? '' : '\n  vmgate image build';
  const learn = exit !== undefined && exit.expect === undefined ? '\n  vmgate init --learn-exit' : '';
  return `next:${build}${request}\n  vmgate up${learn}${work.map((name) => `\n  vmgate start ${name}`).join('')}`;
}

/** Off the untrusted network is the time to build one: `up` downloads nothing. */
async function hasGatewayImage(context: Context): Promise<boolean> {
  const { findImage, findPackaged } = await import('../../image/index.ts');
  const { arch } = hostPlatform();
  if (findPackaged(arch) !== undefined) return true;
  return (await findImage(context.home().images, 'gateway', arch).catch(() => undefined)) !== undefined;
}
