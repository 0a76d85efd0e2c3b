import { type Command, flag } from '../command.ts';

export const schema: Command = {
  name: 'schema',
  group: 'More',
  about: 'the JSON Schema of vmgate.yaml, for editors',
  kind: 'query',
  options: [{ flags: '--template', about: 'that of template.yaml in its place' }],
  examples: ['vmgate schema > vmgate.schema.json', 'vmgate schema | jq .properties.verify'],
  run: async (context, input) => {
    const document = flag(input, 'template')
      ? (await import('../../template/index.ts')).templateJsonSchema()
      : (await import('../../config/index.ts')).jsonSchema();
    context.out.result(document, JSON.stringify(document, undefined, 2));
    return 0;
  },
};
