/** What an error, an event or a check says to type is there to be typed: the command, and each of its flags. */
import { expect, test } from '@jest/globals';
import { GLOBAL_OPTIONS } from '../../../src/cli/command.ts';
import { everyCommand } from '../../../src/cli/run.ts';
import { errorEntries, eventEntries } from '../../../src/codes.ts';
import { sources } from '../house/sources.ts';

/** `vmgate vpn add NAME --dns ADDR`: up to what ends a command in a sentence. */
const COMMAND = /(?<=^|[ (])vmgate ([a-z][a-z-]*(?: [^\s;,()]+)*)/g;
/** `vmgate keeps trying`, `what vmgate wrote`: the program as a subject. */
const PROSE = /^(?:(?:then )?[a-z]+s|never|cannot|did|made|wrote|itself)\b/;

/** Verdicts are made of facts, so what they say is taken from their texts in the source. */
function saidByChecks(): readonly string[] {
  const checks = sources().filter(({ file }) => file.startsWith('src/core/checks/') || file.startsWith('src/verify/'));
  return checks.flatMap(({ text }) =>
    [...text.matchAll(/(['"])((?:(?!\1).)*\bvmgate (?:(?!\1).)*)\1/g)].map((said) => said[2] ?? ''),
  );
}

test('every command that a text names exists, with its flags', async () => {
  const commands = await everyCommand();
  const texts = [
    ...errorEntries().flatMap(({ what, remedy }) => [what, remedy]),
    ...eventEntries().map(({ text }) => text),
    ...saidByChecks(),
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
