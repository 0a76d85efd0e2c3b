/** Makes commander's tree from command data. */
import { Argument, Command as Commander, Option } from 'commander';
import type { Command, Input, Option as OptionData } from './command.ts';
import { GROUPS } from './command.ts';
import { version } from './version.ts';

const NOUNS: Readonly<Record<string, string>> = {
  vpn: 'VPN profiles: add, list, show, remove',
  image: 'images of the gateway and the tiny work VM: build, import, list',
  receipt: 'the signed record of the last verification: show, check',
};

const GLOBAL: readonly OptionData[] = [
  { flags: '--json', about: 'machine-readable output: one object, or JSON lines of events with the result last' },
  { flags: '-q, --quiet', about: 'no progress, only results and errors' },
  { flags: '--no-color', about: 'no colour (NO_COLOR and a redirected output do the same)' },
];

/** `run` gets the command that was typed, its input, and the global options. */
export function programOf(
  commands: readonly Command[],
  run: (command: Command, input: Input) => Promise<void>,
): Commander {
  const program = new Commander('vmgate')
    .description('Boots a gateway VM with your VPN and firewall; starts work VMs only behind a proven tunnel.')
    .version(version(), '-V, --version')
    .showSuggestionAfterError(true)
    .showHelpAfterError('(vmgate help shows every command)')
    .exitOverride();
  for (const option of GLOBAL) program.addOption(optionOf(option));
  for (const group of GROUPS) {
    const members = commands.filter((command) => command.group === group);
    if (members.length > 0) program.commandsGroup(`${group}:`);
    for (const command of members) attach(program, command, run);
  }
  program.addHelpText(
    'after',
    '\nFirst time: vmgate init\nOn arrival: vmgate up && vmgate start NAME\nNo VPN at hand: vmgate demo shows it on an embedded lab\n',
  );
  return program;
}

function attach(program: Commander, data: Command, run: (command: Command, input: Input) => Promise<void>): void {
  const [first = '', second] = data.name.split(' ');
  const parent = second === undefined ? program : nounOf(program, first);
  const command = parent.command(second ?? first).description(data.about);
  for (const { name, optional, rest, about } of data.args ?? []) {
    const shown = rest === true ? `${name}...` : name;
    command.addArgument(new Argument(optional === true ? `[${shown}]` : `<${shown}>`, about));
  }
  for (const option of [...(data.options ?? []), ...GLOBAL]) command.addOption(optionOf(option));
  if (data.args?.some(({ rest }) => rest === true) === true) command.passThroughOptions();
  if (data.examples.length > 0) {
    command.addHelpText('after', `\nExamples:\n${data.examples.map((example) => `  ${example}`).join('\n')}`);
  }
  command.action(async (...received: unknown[]) => {
    const values = received.slice(0, data.args?.length ?? 0);
    const args = values.flatMap((value) =>
      Array.isArray(value) ? value : value === undefined ? [] : [value],
    ) as string[];
    await run(data, { args, options: command.optsWithGlobals() });
  });
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
