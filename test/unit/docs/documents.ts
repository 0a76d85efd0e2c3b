/** The documentation as the tests see it: files, fenced blocks, and the parts between generation marks. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const repository = path.resolve(import.meta.dirname, '../../..');
export const inRepository = (name: string) => path.join(repository, name);

/** Paths relative to the repository: everything people read. */
export const DOCUMENTS: readonly string[] = [
  ...['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'],
  ...readdirSync(inRepository('docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => `docs/${name}`),
];

export function textOf(document: string): string {
  return readFileSync(inRepository(document), 'utf8');
}

export interface Block {
  readonly document: string;
  /** Of the first line inside the fence. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

/** Every fenced block; a fence may be indented, as in a list. */
export function blocksOf(document: string, language?: string): readonly Block[] {
  const text = textOf(document);
  return [...text.matchAll(/^( *)```(\w*)\n([\s\S]*?)^ *```$/gm)]
    .map(({ index, 1: indent = '', 2: found = '', 3: body = '' }) => ({
      document,
      line: text.slice(0, index).split('\n').length + 1,
      language: found,
      text: body
        .split('\n')
        .map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line))
        .join('\n'),
    }))
    .filter((block) => language === undefined || block.language === language);
}

const END = '<!-- end of the generated part -->';

/**
 * What stands between `<!-- generated: NAME -->` and its end; with UPDATE_GOLDEN=1 it is first replaced by `fresh`.
 * Empty when the document has no such part.
 */
export function generatedPart(document: string, name: string, fresh: string): string {
  const start = `<!-- generated: ${name} (UPDATE_GOLDEN=1 rewrites this part) -->`;
  if (!existsSync(inRepository(document))) return '';
  const [before = '', rest] = textOf(document).split(`${start}\n`);
  const end = rest?.indexOf(`${END}\n`) ?? -1;
  if (rest === undefined || end < 0) return '';
  // Whatever follows the first end, other generated parts among it, stays.
  const [present, after] = [rest.slice(0, end), rest.slice(end + END.length + 1)];
  if (process.env['UPDATE_GOLDEN'] !== '1') return present;
  writeFileSync(inRepository(document), `${before}${start}\n${fresh}${END}\n${after}`);
  return fresh;
}
