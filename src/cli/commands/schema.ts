import type { Command } from '../command.ts';

export const schema: Command = {
  name: 'schema',
  group: 'More',
  about: 'the JSON Schema of vmgate.yaml, for editors',
  kind: 'query',
  examples: ['vmgate schema > vmgate.schema.json', 'vmgate schema | jq .properties.verify'],
  run: async (context) => {
    const { jsonSchema } = await import('../../config/index.ts');
    const document = jsonSchema();
    context.out.result(document, JSON.stringify(document, undefined, 2));
    return 0;
  },
};
