/** Makes commander's tree from command data. */
import { Argument, Command as Commander, Option } from 'commander';
import type { Command, Input, Option as OptionData } from './command.ts';
import { GLOBAL_OPTIONS, GROUPS } from './command.ts';
import type { Outside } from './outside.ts';
import { version } from './version.ts';

const NOUNS: Readonly<Record<string, string>> = {
  vpn: 'profiles: add, list, show, remove',
  policy: 'where work VMs may go: show, explain',
  vm: 'disks of work VMs: ls, import, reset, snapshot, rm, ...',
  image: 'images of gateway and tiny work VM: build, import, list',
  template: 'shared set-ups: new, list, show, validate, push, pull',
  receipt: 'signed record of the last verification: show, check',
};

/** `run` gets the command that was typed, its input, and the global options. `json`: help in place of a command is no answer. */
export function programOf(
  commands: readonly Command[],
  outside: Pick<Outside, 'stdout' | 'stderr'>,
  run: (command: Command, input: Input) => Promise<void>,
  json = false,
): Commander {
  const program = new Commander('vmgate')
    .description('A gateway VM with your VPN; work VMs start only behind a proven tunnel.')
    .version(version(), '-V, --version')
    .showSuggestionAfterError(true)
    .enablePositionalOptions()
    .configureHelp({ subcommandTerm: termOf, showGlobalOptions: false })
    .exitOverride()
    // What is wrong with a command line is told like every other error, with its code.
    .configureOutput({
      writeOut: (text) => outside.stdout.write(text),
      writeErr: (text) => (json ? undefined : outside.stderr.write(text)),
      outputError: () => {},
    });
  for (const option of GLOBAL_OPTIONS) program.addOption(optionOf(option));
  for (const group of GROUPS) {
    const members = commands.filter((command) => command.group === group);
    if (members.length > 0) program.commandsGroup(`${group}:`);
    for (const command of members) attach(program, command, run);
  }
  program.helpCommand('help [command]', 'help for a command');
  // No empty line before it: the overview fits one screen.
  program.addHelpText('after', 'First: vmgate image build && vmgate init --vpn-file FILE. Then: vmgate up\n');
  return program;
}

/** `vpn` or `ssh <NAME>`: that there are options is no news, and what comes behind a name is its own help's. */
function termOf(command: Commander): string {
  const args = command.registeredArguments.slice(0, 1).map((argument) => {
    const name = argument.variadic ? `${argument.name()}...` : argument.name();
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  return [command.name(), ...args].join(' ');
}

function attach(program: Commander, data: Command, run: (command: Command, input: Input) => Promise<void>): void {
  const [first = '', second] = data.name.split(' ');
  const parent = second === undefined ? program : nounOf(program, first);
  const command = parent.command(second ?? first).description(data.about);
  for (const { name, optional, rest, several, choices, about } of data.args ?? []) {
    const shown = rest === true || several === true ? `${name}...` : name;
    const argument = new Argument(optional === true ? `[${shown}]` : `<${shown}>`, about);
    command.addArgument(choices === undefined ? argument : argument.choices(choices));
  }
  for (const option of [...(data.options ?? []), ...GLOBAL_OPTIONS]) command.addOption(optionOf(option));
  if (data.args?.some(({ rest }) => rest === true) === true) command.passThroughOptions();
  if (data.notes !== undefined) command.addHelpText('after', `\n${data.notes.join('\n')}`);
  if (data.examples.length > 0) {
    command.addHelpText('after', `\nExamples:\n${data.examples.map((example) => `  ${example}`).join('\n')}`);
  }
  command.action(async (...received: unknown[]) => {
    const values = received.slice(0, data.args?.length ?? 0);
    const args = values.flatMap((value) =>
      Array.isArray(value) ? value : value === undefined ? [] : [value],
    ) as string[];
    await run(data, { args, options: typedOptions(command) });
  });
}

/** Options may stand before the command's name or after it; a default never hides what was typed. */
function typedOptions(command: Commander): Input['options'] {
  const merged: Record<string, unknown> = {};
  for (let level: Commander | null = command; level !== null; level = level.parent) {
    for (const [name, value] of Object.entries(level.opts())) {
      if (level.getOptionValueSource(name) !== 'default' || !(name in merged)) merged[name] = value;
    }
  }
  return merged;
}

function nounOf(program: Commander, name: string): Commander {
  const known = program.commands.find((command) => command.name() === name);
  if (known !== undefined) return known;
  return program.command(name).description(NOUNS[name] ?? '');
}

function optionOf({ flags, about, choices, repeat }: OptionData): Option {
  const option = new Option(flags, about);
  if (choices !== undefined) option.choices(choices);
  if (repeat === true)
    option.argParser((value: string, earlier: readonly string[] | undefined) => [...(earlier ?? []), value]);
  return option;
}
