/** A command is data plus a handler; the tree, its help and its completion are made from the data. */
import type { HomeLayout } from '../home/index.ts';
import type { Output } from './output.ts';
import type { Outside } from './outside.ts';

export interface Argument {
  /** As in help: `NAME`, `[FILE]` when optional, `[CMD...]` for the rest. */
  readonly name: string;
  readonly optional?: boolean;
  readonly rest?: boolean;
  /** Any number of them, and options behind them are still the command's own. */
  readonly several?: boolean;
  readonly choices?: readonly string[];
  readonly about: string;
}

export interface Option {
  /** commander's form: `--force`, `--gate <NAME>`, `--dns <ADDR...>`. */
  readonly flags: string;
  readonly about: string;
  /** May be given several times; arrives as an array. */
  readonly repeat?: boolean;
  readonly choices?: readonly string[];
}

export const GROUPS = ['Every day', 'Look', 'Set up', 'More'] as const;

export interface Command {
  /** `up`, or two words for a noun's verb: `vpn add`. */
  readonly name: string;
  readonly group: (typeof GROUPS)[number];
  readonly about: string;
  readonly args?: readonly Argument[];
  readonly options?: readonly Option[];
  /** `command  what it does`, shown under help. */
  readonly examples: readonly string[];
  /** What must be known before it is used, shown under help. */
  readonly notes?: readonly string[];
  /** `query` prints one object under --json; `action` prints JSON lines of events, result last. */
  readonly kind: 'query' | 'action';
  /** Resolves to the exit code where it is neither 0 nor an error's: what the remote command or the doctor says. */
  readonly run: (context: Context, input: Input) => Promise<number | undefined>;
}

/** Every command has these. */
export const GLOBAL_OPTIONS: readonly Option[] = [
  { flags: '--json', about: 'for scripts: one object, or JSON lines, result last' },
  { flags: '-q, --quiet', about: 'no progress, only results and errors' },
  { flags: '--no-color', about: 'no colour (NO_COLOR and a redirected output do the same)' },
];

/** What was typed, already checked against the command's data. */
export interface Input {
  readonly args: readonly string[];
  /** Values by camel-cased option name. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** What a handler may use of the outside. */
export interface Context {
  readonly cwd: string;
  readonly out: Output;
  /** Streams of the process, for what is more than text: a console, a byte stream. */
  readonly outside: Outside;
  readonly isInteractive: boolean;
  /** Aborted by Ctrl-C: the handler undoes what it must and rejects. */
  readonly interrupted: AbortSignal;
  /** Opened on first use: `--help` touches nothing. */
  readonly home: () => HomeLayout;
  readonly ignoredEnvironment: readonly string[];
  /** Those of them that Node had read before vmgate's first line. */
  readonly alreadyRead: readonly string[];
}

export function flag(input: Input, name: string): boolean {
  return input.options[name] === true;
}

export function text(input: Input, name: string): string | undefined {
  const value = input.options[name];
  return typeof value === 'string' ? value : undefined;
}

export function list(input: Input, name: string): readonly string[] {
  const value = input.options[name];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
