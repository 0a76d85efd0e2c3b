/** Every command line the documentation shows exists as it is shown: commands, options, counts of arguments, scripts. */
import { readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { CATALOG } from '../../../src/cli/catalog.ts';
import { programOf } from '../../../src/cli/program.ts';
import { everyCommand } from '../../../src/cli/run.ts';
import { blocksOf, DOCUMENTS, inRepository, textOf } from './documents.ts';

interface Line {
  readonly where: string;
  readonly text: string;
}

/** Lines of sh blocks without comments; `&&` and `;` part commands, a pipe ends what is vmgate's. */
const lines: readonly Line[] = DOCUMENTS.flatMap((document) =>
  blocksOf(document, 'sh').flatMap(({ line, text }) =>
    text.split('\n').flatMap((whole, index) =>
      whole
        .replace(/(^|\s)#.*$/, '')
        .split(/\s*(?:&&|;)\s*/)
        .map((part) => part.split(/\s[|>]/)[0]?.trim() ?? '')
        .filter((part) => part !== '')
        .map((part) => ({ where: `${document}:${line + index}`, text: part })),
    ),
  ),
);
const starting = (word: string) => lines.filter(({ text }) => text.split(' ')[0] === word);

/** Words as a shell would see them; the documentation quotes with ' and " only. */
function wordsOf(text: string): readonly string[] {
  return [...text.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, plain]) => single ?? double ?? plain ?? '',
  );
}

const commands = await everyCommand();

/** Parses with the real tree and runs nothing. @returns the name of the command that would have run */
async function parse(argv: readonly string[]): Promise<string | undefined> {
  let named: string | undefined;
  const outside = { stdout: new PassThrough(), stderr: new PassThrough() };
  const program = programOf(commands, outside as never, (command) => {
    named = command.name;
    return Promise.resolve();
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (cause) {
    // Help and version answer by an "error" with exit code 0.
    if ((cause as { exitCode?: number }).exitCode !== 0) throw cause;
    return 'answered';
  }
  return named;
}

describe('vmgate', () => {
  test.each(starting('vmgate'))('$where: $text', async ({ text }) => {
    const [, ...argv] = wordsOf(text);
    await expect(parse(argv)).resolves.toBeDefined();
  });

  test('what does not exist is noticed', async () => {
    await expect(parse(['strat', 'web'])).rejects.toThrow();
    await expect(parse(['start'])).rejects.toThrow();
    await expect(parse(['up', '--skip'])).rejects.toThrow();
    await expect(parse(['down', 'web'])).rejects.toThrow();
  });

  test('enough lines are looked at', () => {
    expect(starting('vmgate').length).toBeGreaterThan(15);
  });

  /** `vmgate foo` in running text: the command must exist; what follows it is not looked at. */
  test.each(DOCUMENTS)('named in the text of %s', (document) => {
    const nouns = new Set(Object.keys(CATALOG).map((name) => name.split(' ')[0]));
    const named = [...textOf(document).matchAll(/`vmgate ([a-z][a-z-]*)(?: ([a-z-]+))?/g)];
    const unknown = named
      .filter(([, first = '', second = '']) => {
        const known = Object.hasOwn(CATALOG, first) || Object.hasOwn(CATALOG, `${first} ${second}`);
        return !(known || (second === '' && nouns.has(first)));
      })
      .map(([whole]) => whole);
    expect(unknown).toEqual([]);
  });
});

describe('npm', () => {
  const { scripts } = JSON.parse(readFileSync(inRepository('package.json'), 'utf8')) as {
    scripts: Readonly<Record<string, string>>;
  };

  test.each(starting('npm'))('$where: $text', ({ text }) => {
    const [, ...words] = wordsOf(text);
    const [verb = '', name = ''] = words.filter((word) => !word.startsWith('-'));
    if (['ci', 'install', 'link', 'pack'].includes(verb)) return;
    expect(Object.keys(scripts)).toContain(verb === 'run' ? name : verb);
  });

  test.each(DOCUMENTS)('named in the text of %s', (document) => {
    const named = [...textOf(document).matchAll(/`npm run (?:-s )?([\w:-]+)/g)].map(([, name = '']) => name);
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });
});

describe('sh', () => {
  test.each(starting('sh'))('$where: $text', ({ text }) => {
    expect(() => readFileSync(inRepository(wordsOf(text)[1] ?? ''))).not.toThrow();
  });
});
