import { escapeBlock, escapeLine, sha256 } from '../../host/index.ts';
import { loadTemplateFolder, type Template } from '../../template/index.ts';
import type { Command } from '../command.ts';
import { version } from '../version.ts';

export const templateShow: Command = {
  name: 'template show',
  group: 'Set up',
  about: 'what a template says, what it asks for, and every file of it',
  kind: 'query',
  args: [{ name: 'TEMPLATE', about: 'a name of vmgate template list, or a folder (./NAME)' }],
  notes: ['Shown is what counts: with everything that it extends laid under it.'],
  examples: ['vmgate template show existing-disk', 'vmgate template show ./dev --json | jq .definition'],
  run: async (context, input) => {
    const [name = ''] = input.args;
    const template = await loadTemplateFolder(context.cwd, name, version());
    const files = template.files.map(({ path, executable, content }) => {
      return { path, executable, bytes: content.length, digest: sha256(content) };
    });
    const { definition, digest, bases } = template;
    const { stringify } = await import('yaml');
    context.out.result(
      { digest, definition, bases, files },
      [
        digest,
        ...bases.map((base) => `extends ${escapeLine(base.template)}, ${base.digest}`),
        ...questions(template),
        'files:',
        ...files.map(({ path, executable, bytes }) => `  ${path}  ${bytes} B${executable ? ', executable' : ''}`),
        '',
        escapeBlock(stringify(definition, { lineWidth: 0 }).trimEnd()),
      ].join('\n'),
    );
    return 0;
  },
};

function questions({ definition }: Template): readonly string[] {
  const all = Object.entries(definition.parameters ?? {});
  if (all.length === 0) return ['asks for nothing'];
  return [
    'asks for:',
    ...all.map(([name, { type, about, default: value }]) => {
      const preset = value === undefined ? '' : `; ${JSON.stringify(value)} unless said`;
      return `  ${name} (${type}): ${escapeLine(about)}${escapeLine(preset)}`;
    }),
  ];
}
