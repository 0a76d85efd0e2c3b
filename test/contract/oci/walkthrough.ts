/** The team's walkthrough of docs/templates.md as data: who does what, in its order. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

export type Who = 'lead' | 'member' | 'another' | 'second';

export type Step =
  | { readonly kind: 'file'; readonly name: string; readonly content: string }
  | { readonly kind: 'command'; readonly who: Who; readonly needsVms: boolean; readonly argv: readonly string[] };

const DOCUMENT = path.join(import.meta.dirname, '../../../docs/templates.md');

/** `replace`: what stands in the document for what there is here. */
export function walkthrough(replace: Readonly<Record<string, string>>): readonly Step[] {
  const text = readFileSync(DOCUMENT, 'utf8');
  const begin = text.indexOf('\n## A team, from beginning to end\n');
  const section = text.slice(begin, text.indexOf('\n## ', begin + 4));
  const blocks = [...section.matchAll(/^```(\w+) ([^\n]+)\n([\s\S]*?)^```$/gm)];
  const filled = (written: string) =>
    Object.entries(replace).reduce((so, [from, to]) => so.replaceAll(from, to), written);
  return blocks.flatMap(([, language = '', info = '', body = '']): readonly Step[] => {
    if (language !== 'sh') return [{ kind: 'file', name: info, content: filled(body) }];
    const [who = '', needs] = info.split(', ');
    return body
      .trimEnd()
      .split('\n')
      .map((line) => {
        const [program, ...argv] = filled(line).split(' ');
        if (program !== 'vmgate') throw new Error(`the walkthrough has a line that is not vmgate's: ${line}`);
        return { kind: 'command', who: who as Who, needsVms: needs === 'with VMs', argv };
      });
  });
}
