import { loadTemplateFolder, shippedNames } from '../../template/index.ts';
import type { Command } from '../command.ts';
import { textTable } from '../text-table.ts';
import { version } from '../version.ts';

export const templateList: Command = {
  name: 'template list',
  group: 'Set up',
  about: 'the templates that come with vmgate',
  kind: 'query',
  examples: ['vmgate template list', "vmgate template list --json | jq -r '.templates[].name'"],
  run: async (context) => {
    const loaded = await Promise.all(
      shippedNames().map(async (name) => ({ name, template: await loadTemplateFolder(context.cwd, name, version()) })),
    );
    const templates = loaded.map(({ name, template: { definition, digest } }) => {
      return { name, kind: definition.kind, about: definition.about ?? '', digest };
    });
    const rows = templates.map(({ name, kind, about }) => [name, kind, about]);
    context.out.result({ templates }, textTable([['name', 'kind', 'what it is'], ...rows]));
    return 0;
  },
};
