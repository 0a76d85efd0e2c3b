import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { VmgateError } from '../../core/coded.ts';
import { writeFileAtomic } from '../../home/index.ts';
import { escapeLine } from '../../host/index.ts';
import { loadTemplateFolder, TEMPLATE_FILE } from '../../template/index.ts';
import { errors } from '../codes.ts';
import { type Command, text } from '../command.ts';
import { firstTemplate } from '../init/first-template.ts';
import { version } from '../version.ts';

export const templateNew: Command = {
  name: 'template new',
  group: 'Set up',
  about: 'begin a template: a folder with a template.yaml that explains itself',
  kind: 'action',
  args: [{ name: 'FOLDER', about: 'made where it is not there; its last part is the name' }],
  options: [
    {
      ...{ flags: '--kind <KIND>', choices: ['gate', 'work'] },
      about: 'gate (VPN, policy, several work VMs) or work (one VM); gate unless said',
    },
  ],
  examples: ['vmgate template new ./dev', 'vmgate template new ./bank --kind work'],
  run: async (context, input) => {
    const [written = ''] = input.args;
    const folder = path.resolve(context.cwd, written);
    const file = path.join(folder, TEMPLATE_FILE);
    if (existsSync(file)) {
      const instead = 'begin another one in a folder of its own: vmgate template new FOLDER';
      throw VmgateError.of(errors.CLI_FILE_EXISTS, { file, instead });
    }
    const kind = text(input, 'kind') === 'work' ? 'work' : 'gate';
    await mkdir(folder, { recursive: true });
    await writeFileAtomic(file, firstTemplate(kind, path.basename(folder)), 0o644);
    const { digest } = await loadTemplateFolder(context.cwd, folder, version());
    const shown = escapeLine(written);
    context.out.result(
      { file, kind, digest },
      `wrote ${escapeLine(file)}; next:\n  vmgate template validate ${shown}\n  vmgate init ${shown} --vpn-file FILE`,
    );
    return 0;
  },
};
