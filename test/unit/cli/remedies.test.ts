/** What an error or an event says to type is there to be typed: the command, and each of its flags. */
import { expect, test } from '@jest/globals';
import { GLOBAL_OPTIONS } from '../../../src/cli/command.ts';
import { everyCommand } from '../../../src/cli/run.ts';
import { errorEntries, eventEntries } from '../../../src/codes.ts';

/** `vmgate vpn add NAME --dns ADDR`: up to what ends a command in a sentence. */
const COMMAND = /(?<=^|[ (])vmgate ([a-z][a-z-]*(?: [^\s;,()]+)*)/g;
/** `vmgate keeps trying`, `what vmgate wrote`: the program as a subject. */
const PROSE = /^(?:(?:then )?[a-z]+s|never|cannot|did|made|wrote|itself)\b/;

test('every command that a text names exists, with its flags', async () => {
  const commands = await everyCommand();
  const texts = [
    ...errorEntries().flatMap(({ what, remedy }) => [what, remedy]),
    ...eventEntries().map(({ text }) => text),
  ];
  const wrong = texts.flatMap((text) =>
    [...text.matchAll(COMMAND)].flatMap(([, words = '']) => {
      const command = commands
        .filter(({ name }) => words === name || words.startsWith(`${name} `))
        .sort((a, b) => b.name.length - a.name.length)[0];
      if (command === undefined) return PROSE.test(words) ? [] : [text];
      const known = [...(command.options ?? []), ...GLOBAL_OPTIONS, { flags: '--help' }].map(({ flags }) => flags);
      const flags = words.match(/(?<= )--[a-z-]+/g) ?? [];
      return flags.every((flag) => known.some((each) => each.includes(flag))) ? [] : [text];
    }),
  );
  expect(wrong).toEqual([]);
});
