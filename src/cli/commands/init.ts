import { existsSync } from 'node:fs';
import path from 'node:path';
import { VmgateError } from '../../core/coded.ts';
import { escapeLine } from '../../host/index.ts';
import { errors } from '../codes.ts';
import { type Command, type Context, flag, type Input, list } from '../command.ts';
import { GATE_OPTION } from '../gate-access.ts';
import { gatherAnswers } from '../init/answers.ts';
import { isReference } from '../init/reference.ts';
import { renderConfig } from '../init/render.ts';
import { nextSteps, writeConfig } from '../init/write-config.ts';
import { confirm } from '../project-files.ts';
import { SIGNER_OPTION } from '../template/signer-option.ts';
import { TOKEN_HOST } from '../template/transfer.ts';

export const init: Command = {
  name: 'init',
  group: 'Set up',
  about: 'write a vmgate.yaml here: VPN, work VM, exit',
  kind: 'action',
  args: [
    {
      ...{ name: 'TEMPLATE', optional: true, several: true },
      about: 'a reference, a shipped name, or a folder ./NAME',
    },
  ],
  options: [
    { flags: '--set <NAME=VALUE...>', about: 'with TEMPLATE: the value of a parameter' },
    SIGNER_OPTION,
    { flags: '--locked', about: 'only the version that vmgate.lock names' },
    TOKEN_HOST,
    { flags: '--vpn <NAME>', about: 'an existing profile, or the name for --vpn-file' },
    { flags: '--vpn-file <FILE>', about: 'a VPN profile to add' },
    { flags: '--split', about: 'with --vpn-file: covers part of the Internet' },
    { flags: '--dns <ADDR...>', about: "with --vpn-file: resolvers in place of the profile's" },
    { flags: '--work <NAME>', about: 'name of the work VM; workvm unless said' },
    { flags: '--tiny', about: 'the work VM is the tiny Linux that comes with vmgate' },
    { flags: '--disk <FILE>', about: 'the work VM boots this qcow2 or raw image, which is never written' },
    { flags: '--exit-url <URL>', about: 'asked through the tunnel where traffic comes out' },
    { flags: '--exit-expect <CIDR...>', about: 'addresses it must answer; to be learnt unless said' },
    { flags: '--exit-json <FIELD=VALUE...>', about: 'or fields its JSON answer must have' },
    { flags: '--round-trip', about: 'expect no address: prove a round trip through the tunnel only' },
    { flags: '--learn-exit', about: 'after vmgate up: write the exit that was seen into vmgate.yaml' },
    { flags: '--yes', about: 'do not ask: what is shown is right' },
    { flags: '--gate <NAME>', about: `${GATE_OPTION.about.split(',')[0]}; default unless said` },
    { flags: '--force', about: 'write over a vmgate.yaml that is there' },
  ],
  notes: [
    'Asks only on a terminal; every question has a flag above. What vmgate.yaml has already stays.',
    'A reference is shown whole and used once its signer is trusted: by vmgate.trust, by --signer, or asked on a terminal.',
  ],
  examples: [
    'vmgate init registry.example.com/team/dev:3 --signer SHA256:kGxBo1lYfJ0rY1Vd6T3bL0CVJrT2kqYk3yZb8zqPq1c',
    'vmgate init --vpn-file ~/Downloads/wg0.conf',
    'vmgate init existing-disk --vpn acme --set disk=~/vms/acme.qcow2',
    'vmgate init --vpn acme --disk ~/vms/acme.qcow2 --exit-url https://ip.example.org/ && vmgate up; vmgate init --learn-exit',
  ],
  run: (context, input) =>
    initialise(context, input).catch((cause: unknown) => {
      throw asTyped(cause, input);
    }),
};

async function initialise(context: Context, input: Input): Promise<number> {
  if (flag(input, 'learnExit')) {
    const { learnExit } = await import('../init/learn-exit.ts');
    await learnExit(context, input);
    return 0;
  }
  const references = input.args.filter((word) => isReference(context.cwd, word));
  if (references.length > 0) {
    if (references.length < input.args.length) throw mixed();
    const { initFromReferences } = await import('../init/from-references.ts');
    await initFromReferences(context, input);
    return 0;
  }
  if (input.args.length > 0) {
    const { initFromTemplates } = await import('../init/from-templates.ts');
    await initFromTemplates(context, input);
    return 0;
  }
  if (list(input, 'set').length > 0) {
    throw VmgateError.of(errors.CLI_USAGE, {
      ...{
        message: '--set answers what a template asks',
        hint: 'vmgate init TEMPLATE --set NAME=VALUE',
        command: 'init',
      },
    });
  }
  const file = path.join(context.cwd, 'vmgate.yaml');
  if (existsSync(file) && !flag(input, 'force')) {
    const instead = 'write a new one in its place: vmgate init --force';
    throw VmgateError.of(errors.CLI_FILE_EXISTS, { file, instead });
  }
  const answers = await gatherAnswers(context, input);
  await confirm(context.home(), await writeConfig(context, file, renderConfig(answers), answers));
  const { vpn, work, exit } = answers;
  context.out.result(
    { file, vpn, work: work.name, profileAdded: answers.profile !== undefined },
    `wrote ${escapeLine(file)}; ${await nextSteps(context, { work: [work.name], exit })}`,
  );
  return 0;
}

/** What is wrong is the file that was typed here, and not in `vmgate vpn add`. */
function asTyped(cause: unknown, input: Input): unknown {
  if (!VmgateError.is(cause) || cause.code !== 'VPN_PROFILE_UNREADABLE') return cause;
  const typed = ['vmgate init', ...input.args, '--vpn-file FILE'].join(' ');
  return VmgateError.revive({ ...cause.serialize(), remedy: `give the path of the file from your provider: ${typed}` });
}

function mixed(): VmgateError {
  const message = 'references stay what their team makes of them, other templates become part of vmgate.yaml';
  const hint = 'name the references first, then the others in a second vmgate init';
  return VmgateError.of(errors.CLI_USAGE, { message, hint, command: 'init' });
}
