/**
 * Completion scripts made from the commands' data: words and flags, and file names where nothing else fits. They are
 * whole in themselves, so that Tab starts no process and evaluates nothing.
 */
import { type Command, GLOBAL_OPTIONS } from './command.ts';

interface Entry {
  /** `''` for the first word, else what stands before: `vpn`, `vpn add`. */
  readonly after: string;
  readonly words: readonly Word[];
}

interface Word {
  readonly word: string;
  readonly about: string;
}

export function completionScript(shell: 'bash' | 'zsh' | 'fish', commands: readonly Command[]): string {
  const entries = entriesOf(commands);
  switch (shell) {
    case 'bash':
      return bash(entries);
    case 'zsh':
      return zsh(entries);
    case 'fish':
      return fish(entries);
  }
}

function entriesOf(commands: readonly Command[]): readonly Entry[] {
  const nouns = [...new Set(commands.flatMap(({ name }) => (name.includes(' ') ? [name.split(' ')[0] ?? ''] : [])))];
  const first = [
    ...commands.filter(({ name }) => !name.includes(' ')).map(({ name, about }) => ({ word: name, about })),
    ...nouns.map((noun) => ({ word: noun, about: `${noun} commands` })),
  ];
  const verbs = nouns.map((noun) => ({
    after: noun,
    words: commands
      .filter(({ name }) => name.startsWith(`${noun} `))
      .map(({ name, about }) => ({ word: name.slice(noun.length + 1), about })),
  }));
  const own = commands.map((command) => ({ after: command.name, words: [...choicesOf(command), ...flagsOf(command)] }));
  return [{ after: '', words: first }, ...verbs, ...own];
}

function choicesOf({ args }: Command): readonly Word[] {
  return (args ?? []).flatMap(({ choices, about }) => (choices ?? []).map((word) => ({ word, about })));
}

function flagsOf({ options }: Command): readonly Word[] {
  return [...(options ?? []), ...GLOBAL_OPTIONS].map(({ flags, about }) => ({
    word: /--[a-z-]+/.exec(flags)?.[0] ?? flags,
    about,
  }));
}

function bash(entries: readonly Entry[]): string {
  const cases = entries.map(
    ({ after, words }) => `    '${after}') words='${words.map(({ word }) => word).join(' ')}' ;;`,
  );
  return `# vmgate completion for bash
_vmgate() {
  local current=\${COMP_WORDS[COMP_CWORD]} before words=''
  case $COMP_CWORD in
    1) before='' ;;
    2) before=\${COMP_WORDS[1]} ;;
    *) before="\${COMP_WORDS[1]} \${COMP_WORDS[2]}" ;;
  esac
${byCommand(entries, cases)}
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -o default -o bashdefault -F _vmgate vmgate
`;
}

/** What bash and zsh have in common: the case of the command that was typed so far. */
function byCommand(entries: readonly Entry[], cases: readonly string[]): string {
  return `  case $before in
    ${twoWords(entries)}) ;;
    *) before=\${before%% *} ;;
  esac
  case $before in
${cases.join('\n')}
  esac`;
}

/** Pattern of what is typed when two words make the command; after any other, the second is already an argument. */
function twoWords(entries: readonly Entry[]): string {
  const nouns = entries.flatMap(({ after }) => (after.includes(' ') ? [after.split(' ')[0]] : []));
  return [...new Set(nouns)].map((noun) => `${noun}\\ *`).join('|');
}

function zsh(entries: readonly Entry[]): string {
  const cases = entries.map(({ after, words }) => {
    const described = words.map(({ word, about }) => `'${word}:${plain(about)}'`);
    return `    '${after}') words_here=(${described.join(' ')}) ;;`;
  });
  return `#compdef vmgate
# vmgate completion for zsh
_vmgate() {
  local before
  local -a words_here
  case $CURRENT in
    2) before='' ;;
    3) before=$words[2] ;;
    *) before="$words[2] $words[3]" ;;
  esac
${byCommand(entries, cases)}
  _describe 'vmgate' words_here
  _files
}
_vmgate "$@"
`;
}

function fish(entries: readonly Entry[]): string {
  const lines = entries.flatMap(({ after, words }) =>
    words.map(({ word, about }) => {
      const condition = after === '' ? '__fish_use_subcommand' : seen(after);
      const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-a ${word}`;
      return `complete -c vmgate -n '${condition}' ${what} -d '${plain(about)}'`;
    }),
  );
  return `# vmgate completion for fish\n${lines.join('\n')}\n`;
}

function seen(after: string): string {
  return after
    .split(' ')
    .map((word) => `__fish_seen_subcommand_from ${word}`)
    .join('; and ');
}

/** Texts are vmgate's own; a quote or a colon would end them early. */
function plain(about: string): string {
  return about.replaceAll("'", '').replaceAll(':', ',');
}
