/**
 * Command lines that need no parser: a command, its words, and flags without values. What is typed most is answered
 * without loading one; anything else, and anything wrong, is commander's.
 */
import { type Command, GLOBAL_OPTIONS, type Input } from './command.ts';

/** Undefined: let commander judge it. */
export function plainInput(command: Command, argv: readonly string[]): Input | undefined {
  const words = command.name.split(' ');
  if (words.some((word, index) => argv[index] !== word)) return undefined;
  const flags = new Map(
    [...(command.options ?? []), ...GLOBAL_OPTIONS]
      .filter((option) => !option.flags.includes('<') && !option.flags.includes('--no-'))
      .flatMap((option) => option.flags.split(', ').map((spelling) => [spelling, option.flags] as const)),
  );
  const args: string[] = [];
  const options: Record<string, true> = {};
  for (const word of argv.slice(words.length)) {
    const known = flags.get(word);
    if (known !== undefined) options[camelCased(known)] = true;
    else if (word.startsWith('-')) return undefined;
    else args.push(word);
  }
  const expected = command.args ?? [];
  const fewest = expected.filter(({ optional, rest }) => optional !== true && rest !== true).length;
  const hasRest = expected.some(({ rest, several }) => rest === true || several === true);
  const hasChoices = expected.some(({ choices }) => choices !== undefined);
  return hasRest || hasChoices || args.length < fewest || args.length > expected.length ? undefined : { args, options };
}

/** `-q, --dry-run` -> `dryRun`, as commander names it. */
function camelCased(flags: string): string {
  const name = /--([a-z-]+)/.exec(flags)?.[1] ?? flags;
  return name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
