import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { type ConfigIssue, type LoadedConfig, loadConfig } from '../../config/index.ts';
import { VmgateError } from '../../core/coded.ts';
import { writeFileAtomic } from '../../home/index.ts';
import { escapeLine, hostPlatform } from '../../host/index.ts';
import { addProfile, loadProfile } from '../../vpn/index.ts';
import { errors } from '../codes.ts';
import { type Command, type Context, flag } from '../command.ts';
import { GATE_OPTION } from '../gate-access.ts';
import { type Answers, gatherAnswers } from '../init/answers.ts';
import { renderConfig } from '../init/render.ts';
import { confirm } from '../project-files.ts';

export const init: Command = {
  name: 'init',
  group: 'Set up',
  about: 'write a vmgate.yaml here: VPN, work VM, exit',
  kind: 'action',
  options: [
    { flags: '--vpn <NAME>', about: 'an existing profile, or the name for --vpn-file' },
    { flags: '--vpn-file <FILE>', about: 'a WireGuard profile to add' },
    { flags: '--split', about: 'with --vpn-file: it covers only part of the Internet' },
    { flags: '--dns <ADDR...>', about: "with --vpn-file: resolvers in place of the profile's" },
    { flags: '--work <NAME>', about: 'name of the work VM; workvm unless said' },
    { flags: '--tiny', about: 'the work VM is the tiny Linux that comes with vmgate' },
    { flags: '--disk <FILE>', about: 'the work VM boots this qcow2 or raw image, which is never written' },
    { flags: '--exit-url <URL>', about: 'asked through the tunnel where traffic comes out' },
    { flags: '--exit-expect <CIDR...>', about: 'addresses it must answer; to be learnt unless said' },
    { flags: '--exit-json <FIELD=VALUE...>', about: 'or fields its JSON answer must have' },
    { flags: '--round-trip', about: 'expect no address: prove a round trip through the tunnel only' },
    { flags: '--learn-exit', about: 'after vmgate up: write the exit that was seen into vmgate.yaml' },
    { flags: '--yes', about: 'with --learn-exit: the exit that was seen is the right one' },
    { flags: '--gate <NAME>', about: `${GATE_OPTION.about.split(',')[0]}; default unless said` },
    { flags: '--force', about: 'write over a vmgate.yaml that is there' },
  ],
  notes: ['Asks only on a terminal; every question has a flag above.'],
  examples: [
    'vmgate init --vpn-file ~/Downloads/wg0.conf',
    'vmgate init --vpn acme --disk ~/vms/acme.qcow2 --exit-url https://ip.example.org/ && vmgate up; vmgate init --learn-exit',
  ],
  run: async (context, input) => {
    if (flag(input, 'learnExit')) {
      const { learnExit } = await import('../init/learn-exit.ts');
      await learnExit(context, input);
      return 0;
    }
    const file = path.join(context.cwd, 'vmgate.yaml');
    if (existsSync(file) && !flag(input, 'force')) throw VmgateError.of(errors.CLI_FILE_EXISTS, { file });
    const answers = await gatherAnswers(context, input);
    const loaded = await written(context, file, answers);
    await confirm(context.home(), loaded);
    const { vpn, work, exit } = answers;
    const build = (await hasGatewayImage(context)) ? '' : '\n  vmgate image build';
    const learn = exit !== undefined && exit.expect === undefined ? '\n  vmgate init --learn-exit' : '';
    context.out.result(
      { file, vpn, work: work.name, profileAdded: answers.profile !== undefined },
      `wrote ${escapeLine(file)}; next:${build}\n  vmgate up${learn}\n  vmgate start ${work.name}`,
    );
    return 0;
  },
};

/** Off the untrusted network is the time to build one: `up` downloads nothing. */
async function hasGatewayImage(context: Context): Promise<boolean> {
  const { findImage } = await import('../../image/index.ts');
  return (await findImage(context.home().images, 'gateway', hostPlatform().arch).catch(() => undefined)) !== undefined;
}

/** All or nothing: with a profile or an answer that is refused, the file is as it was before. */
async function written(context: Context, file: string, answers: Answers): Promise<LoadedConfig> {
  const before = existsSync(file) ? readFileSync(file) : undefined;
  const { root, vpn: profiles } = context.home();
  await writeFileAtomic(file, renderConfig(answers));
  try {
    const loaded = judged(context.cwd, root);
    requireDisks(loaded);
    if (answers.profile === undefined) {
      await loadProfile(profiles, answers.vpn);
      return loaded;
    }
    const { file: source, ...options } = answers.profile;
    const { notices } = await addProfile(profiles, answers.vpn, source, options);
    for (const notice of notices) context.out.event(notice);
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
    throw VmgateError.of(errors.CLI_USAGE, { message, hint: '--disk FILE, a qcow2 or raw image', command: 'init' });
  }
}
