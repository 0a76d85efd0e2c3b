/** Runs one command line: finds the command, gives it its context, turns whatever it throws into an exit code. */
import type { CommanderError } from 'commander';
import { type HomeLayout, openHome } from '../home/index.ts';
import { cleanEnvironment } from '../host/index.ts';
import { asFault } from '../supervisor/loop.ts';
import { CATALOG, nameOf } from './catalog.ts';
import type { Command, Context, Input } from './command.ts';
import { Output } from './output.ts';

/** @returns the process's exit code */
export async function main(argv: readonly string[]): Promise<number> {
  const { ignored } = cleanEnvironment();
  const asked = nameOf(argv);
  const wanted = asked === undefined || argv.includes('--help') || argv.includes('-h') ? undefined : CATALOG[asked];
  const commands = wanted === undefined ? await everyCommand() : [await wanted()];
  const { programOf } = await import('./program.ts');
  const interrupted = new AbortController();
  let out = outputFor({});
  const program = programOf(commands, async (command, input) => {
    out = outputFor(input.options);
    const stop = onInterrupt(interrupted);
    try {
      await command.run(contextOf(out, interrupted.signal, ignored), input);
    } finally {
      stop();
    }
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (cause) {
    if (isCommanders(cause)) return cause.exitCode === 0 ? 0 : 2;
    const fault = asFault(cause, `command ${asked ?? ''}`);
    out.failure(fault);
    return interrupted.signal.aborted ? 130 : fault.exit;
  }
}

async function everyCommand(): Promise<readonly Command[]> {
  return Promise.all(Object.values(CATALOG).map((load) => load()));
}

function outputFor(options: Input['options']): Output {
  const { stdout, stderr, env } = process;
  const colour = options['color'] !== false && stderr.isTTY && (env['NO_COLOR'] ?? '') === '';
  return new Output({ stdout, stderr }, { json: options['json'] === true, quiet: options['quiet'] === true, colour });
}

function contextOf(out: Output, interrupted: AbortSignal, ignoredEnvironment: readonly string[]): Context {
  let home: HomeLayout | undefined;
  return {
    cwd: process.cwd(),
    out,
    isInteractive: process.stdin.isTTY && process.stderr.isTTY && !out.json,
    interrupted,
    ignoredEnvironment,
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

/** commander has printed its own message by then. */
function isCommanders(cause: unknown): cause is CommanderError {
  return cause instanceof Error && cause.constructor.name === 'CommanderError';
}
