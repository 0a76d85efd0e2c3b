/** Runs one command line: finds the command, gives it its context, turns whatever it throws into an exit code. */
import { VmgateError } from '../core/coded.ts';
import { type HomeLayout, openHome } from '../home/index.ts';
import { cleanEnvironment, type IgnoredEnvironment } from '../host/index.ts';
import { CATALOG, nameOf } from './catalog.ts';
import { errors } from './codes.ts';
import type { Command, Context, Input } from './command.ts';
import { Output } from './output.ts';
import { type Outside, thisProcess } from './outside.ts';
import { plainInput } from './plain-input.ts';

/** @returns the process's exit code */
export async function main(argv: readonly string[], outside: Outside = thisProcess()): Promise<number> {
  const environment = cleanEnvironment();
  const asked = nameOf(argv);
  const interrupted = new AbortController();
  let out = outputFor(outside, { json: argv.includes('--json') });
  let exit = 0;
  const run = async (command: Command, input: Input) => {
    out = outputFor(outside, input.options);
    const stop = onInterrupt(interrupted);
    try {
      exit = (await command.run(contextOf(outside, out, interrupted.signal, environment), input)) ?? 0;
    } finally {
      stop();
    }
  };
  try {
    const wanted = asked === undefined || wantsHelp(argv) ? undefined : await CATALOG[asked]?.();
    const plain = wanted === undefined ? undefined : plainInput(wanted, argv);
    if (wanted !== undefined && plain !== undefined) await run(wanted, plain);
    else await parsed(argv, wanted, outside, run);
    return exit;
  } catch (cause) {
    const fault = await faultOf(cause, asked ?? nounOf(argv), interrupted.signal);
    if (fault === undefined) return 0;
    // Where the command was left out, its help was the answer already.
    if (out.json || !isHelpInstead(cause)) out.failure(fault);
    return interrupted.signal.aborted ? 130 : fault.exit;
  }
}

/** Everything that is not plain: options, wrong words, help. */
async function parsed(
  argv: readonly string[],
  wanted: Command | undefined,
  outside: Outside,
  run: (command: Command, input: Input) => Promise<void>,
): Promise<void> {
  const { programOf } = await import('./program.ts');
  const commands = wanted === undefined ? await everyCommand() : [wanted];
  await programOf(commands, outside, run, argv.includes('--json')).parseAsync([...argv], { from: 'user' });
}

export async function everyCommand(): Promise<readonly Command[]> {
  const commands: Command[] = [];
  for (const load of Object.values(CATALOG)) commands.push(await load());
  return commands;
}

/** `vmgate ssh web -- ls --help` asks the other side for help. */
function wantsHelp(argv: readonly string[]): boolean {
  const own = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
  return own.includes('--help') || own.includes('-h');
}

function outputFor(outside: Outside, options: Input['options']): Output {
  const colour = options['color'] !== false && outside.stderr.isTTY === true && !outside.noColour;
  return new Output(outside, { json: options['json'] === true, quiet: options['quiet'] === true, colour });
}

function contextOf(
  outside: Outside,
  out: Output,
  interrupted: AbortSignal,
  { ignored, alreadyRead }: IgnoredEnvironment,
): Context {
  let home: HomeLayout | undefined;
  return {
    cwd: outside.cwd,
    out,
    outside,
    get isInteractive() {
      return !out.json && outside.stderr.isTTY === true && outside.stdin.isTTY === true;
    },
    interrupted,
    ignoredEnvironment: ignored,
    alreadyRead,
    home: () => {
      home ??= openHome();
      return home;
    },
  };
}

/** The first Ctrl-C undoes, the second one insists. */
function onInterrupt(interrupted: AbortController): () => void {
  const listener = () => {
    if (interrupted.signal.aborted) process.exit(130);
    interrupted.abort();
  };
  process.on('SIGINT', listener);
  process.on('SIGTERM', listener);
  return () => {
    process.off('SIGINT', listener);
    process.off('SIGTERM', listener);
  };
}

/** Undefined: commander ended the run by answering (`--help`, `--version`). */
async function faultOf(cause: unknown, command: string, { aborted }: AbortSignal): Promise<VmgateError | undefined> {
  if (VmgateError.is(cause)) return cause;
  if (aborted && cause instanceof Error && cause.name === 'AbortError') {
    return VmgateError.of(errors.CLI_CUT_SHORT, { command });
  }
  if (!isCommanders(cause)) return (await import('../supervisor/index.ts')).asFault(cause, `command ${command}`);
  if (cause.exitCode === 0) return undefined;
  const [message = '', hint = ''] = cause.message.replace(/^error: /, '').split('\n');
  const shown = isHelpInstead(cause) ? 'a command is missing' : message;
  return VmgateError.of(errors.CLI_USAGE, { message: shown, hint: suggestion(hint, command), command });
}

/** `(Did you mean ad?)`, or `one of`: whole commands, to be typed as they stand. */
function suggestion(hint: string, noun: string): string {
  const words = /^\(Did you mean (?:one of )?(.*)\?\)$/.exec(hint)?.[1]?.split(', ') ?? [];
  const whole = words.map((word) => (word.startsWith('-') ? word : ['vmgate', noun, word].filter(Boolean).join(' ')));
  return whole.length === 0 ? '' : `did you mean: ${whole.join(', or ')}`;
}

/** `vpn` of `vmgate vpn ad`; empty where no command begins like that. */
function nounOf(argv: readonly string[]): string {
  const noun = argv.find((word) => !word.startsWith('-')) ?? '';
  return Object.keys(CATALOG).some((name) => name.startsWith(`${noun} `)) ? noun : '';
}

function isHelpInstead(cause: unknown): boolean {
  return isCommanders(cause) && cause.code === 'commander.help' && cause.exitCode !== 0;
}

/** By its mark, not by its class: loading commander for that would cost every failing command. */
function isCommanders(cause: unknown): cause is Error & { readonly code: string; readonly exitCode: number } {
  return (
    cause instanceof Error && 'exitCode' in cause && 'code' in cause && String(cause.code).startsWith('commander.')
  );
}
