/** The questions of `vmgate init`, on a terminal. Each has a flag that answers it beforehand. */
import { VmgateError } from '../../core/coded.ts';
import { escapeLine } from '../../host/index.ts';
import { type Parameter, readValue, type Value } from '../../template/index.ts';
import { errors } from '../codes.ts';
import type { ExitAnswer, WorkAnswer } from './render.ts';

/** Where a question stands. Progress and questions belong on stderr: stdout is the result. */
interface Place {
  readonly output: NodeJS.WritableStream;
  readonly clearPromptOnDone: boolean;
  readonly signal: AbortSignal;
}

const NEW = '';

export async function askProfile(
  known: readonly string[],
): Promise<{ readonly name: string } | { readonly file: string }> {
  const { input, select } = await import('@inquirer/prompts');
  const choices = [...known.map((name) => ({ name, value: name })), { name: 'add one from a file', value: NEW }];
  const name = known.length === 0 ? NEW : await answered((place) => select({ message: 'Which VPN?', choices }, place));
  if (name !== NEW) return { name };
  const file = await answered((place) =>
    input({ message: 'Profile from your provider (WireGuard, OpenVPN, IKEv2):', required: true }, place),
  );
  return { file: file.trim() };
}

/** Undefined: whoever runs the server has not said yet. */
export async function askAddress(): Promise<string | undefined> {
  const { input } = await import('@inquirer/prompts');
  const message = 'Address inside the tunnel, as whoever runs the server says, e.g. 10.20.0.7/32 (empty: later):';
  const address = (await answered((place) => input({ message }, place), 'vpn request')).trim();
  return address === '' ? undefined : address;
}

export async function askWork(name: string): Promise<WorkAnswer> {
  const { input, select } = await import('@inquirer/prompts');
  const choices = [
    { name: 'a tiny Linux that comes with vmgate, to try it', value: 'tiny' },
    { name: 'a disk image of mine (qcow2 or raw; it is never written)', value: 'disk' },
  ];
  const kind = await answered((place) => select({ message: 'What does the work VM boot?', choices }, place));
  if (kind === 'tiny') return { name, disk: undefined };
  return { name, disk: (await answered((place) => input({ message: 'Disk image:', required: true }, place))).trim() };
}

export async function askExit(): Promise<ExitAnswer | undefined> {
  const { input } = await import('@inquirer/prompts');
  const message = 'URL that answers with your address (empty: prove a round trip only):';
  const url = (await answered((place) => input({ message }, place))).trim();
  if (url === '') return undefined;
  const known = await answered((place) =>
    input({ message: 'Addresses it must answer, e.g. 203.0.113.0/24 (empty: learn them):' }, place),
  );
  const prefixes = known.split(/[\s,]+/).filter((prefix) => prefix !== '');
  return { url, expect: prefixes.length === 0 ? undefined : prefixes };
}

/** Asks until the answer is one of its type. */
export async function askParameter(name: string, parameter: Parameter): Promise<Value> {
  const { input } = await import('@inquirer/prompts');
  const { about, type, default: value } = parameter;
  const read = (text: string) => readValue(name, parameter, text);
  const validate = (text: string) => {
    try {
      read(text);
      return true;
    } catch (cause) {
      return VmgateError.is(cause) ? cause.what : 'cannot be read';
    }
  };
  const message = `${escapeLine(about)} (${name}, ${type}):`;
  const preset = value === undefined ? {} : { default: String(value) };
  return read(await answered((place) => input({ message, required: true, validate, ...preset }, place)));
}

/** `command`: what was typed, for whoever is interrupted. */
export async function askYes(message: string, command = 'init'): Promise<boolean> {
  const { confirm } = await import('@inquirer/prompts');
  return answered((place) => confirm({ message, default: false }, place), command);
}

/** A question, and its answer; the prompt goes with the signals that end every other command. @throws CLI_INTERRUPTED */
export async function answered<T>(ask: (place: Place) => Promise<T>, command = 'init'): Promise<T> {
  const ended = new AbortController();
  const end = () => ended.abort();
  for (const name of SIGNALS) process.once(name, end);
  try {
    return await ask({ output: process.stderr, clearPromptOnDone: false, signal: ended.signal });
  } catch (cause) {
    if (!(cause instanceof Error) || !INTERRUPTIONS.includes(cause.name)) throw cause;
    throw VmgateError.of(errors.CLI_INTERRUPTED, { command }, { cause });
  } finally {
    for (const name of SIGNALS) process.off(name, end);
  }
}

/** inquirer's ways to say Ctrl-C, that the terminal went away, and that it was told to stop. */
const INTERRUPTIONS = ['ExitPromptError', 'AbortPromptError'];
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
