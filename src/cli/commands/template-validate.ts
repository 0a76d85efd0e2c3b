import { escapeLine } from '../../host/index.ts';
import { loadTemplateFolder } from '../../template/index.ts';
import type { Command } from '../command.ts';
import { version } from '../version.ts';

export const templateValidate: Command = {
  name: 'template validate',
  group: 'Set up',
  about: 'is a folder a template: its files, every key, what it extends, no secrets (exit 6 when not)',
  kind: 'query',
  args: [{ name: 'FOLDER', about: 'template.yaml and its files; or a name of vmgate template list' }],
  examples: ['vmgate template validate ./dev', 'vmgate template validate ./dev --json | jq -r .digest'],
  run: async (context, input) => {
    const [name = ''] = input.args;
    const { definition, digest, files, bases } = await loadTemplateFolder(context.cwd, name, version());
    context.out.result(
      { valid: true, name: definition.name, kind: definition.kind, digest, files: files.length, bases },
      `${escapeLine(name)} is a template of kind ${definition.kind}\n${digest}`,
    );
    return 0;
  },
};
