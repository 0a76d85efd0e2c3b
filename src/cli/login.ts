/** The user name and password that a VPN's server asks for: typed, or from a file. Never an argument, which everybody sees. */
import { open } from 'node:fs/promises';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { escapeLine, messageOf } from '../host/index.ts';
import type { ProfileLogin } from '../vpn/index.ts';
import { errors } from './codes.ts';
import { type Context, type Input, text } from './command.ts';

export const LOGIN_OPTIONS = [
  { flags: '--user <USER>', about: "who to log in as, where the VPN's server asks for a login" },
  { flags: '--password-file <FILE>', about: 'a file with the password in its first line; - for stdin' },
];

export const CODE_OPTION = {
  flags: '--code-file <FILE>',
  about: 'a file with the one-time code that the VPN asks for in its first line; - for stdin',
};

/** More than any password; what is longer is another file. */
const MAX_BYTES = 4_096;

/**
 * What the options say, the password asked for on a terminal; undefined without `--user`.
 *
 * @throws CLI_USAGE, CLI_PASSWORD_UNREADABLE
 */
export async function givenLogin(context: Context, input: Input): Promise<ProfileLogin | undefined> {
  const [user, file] = [text(input, 'user'), text(input, 'passwordFile')];
  const usage = (message: string, hint: string) =>
    VmgateError.of(errors.CLI_USAGE, { message, hint, command: 'vpn add' });
  if (user === undefined) {
    if (file === undefined) return undefined;
    throw usage('a password without a user name', 'say whose it is: --user USER');
  }
  if (file !== undefined) return { user, password: await readPassword(context, file) };
  if (context.isInteractive) return { user, password: await askPassword(user) };
  throw usage('no password, and no terminal to ask on', 'give it in a file: --password-file FILE, or - for stdin');
}

/** Both asked for on a terminal. */
export async function askLogin(): Promise<ProfileLogin> {
  const { input } = await import('@inquirer/prompts');
  const { answered } = await import('./init/questions.ts');
  const user = await answered(
    (place) => input({ message: "User name for the VPN's server:", required: true }, place),
    'vpn add',
  );
  return { user, password: await askPassword(user) };
}

/** The answer to a VPN server's challenge; undefined without `--code-file` where there is no terminal to ask on. */
export async function givenCode(
  context: Context,
  input: Input,
  { question, echo }: { readonly question: string; readonly echo: boolean },
): Promise<string | undefined> {
  const file = text(input, 'codeFile');
  if (file !== undefined) return readPassword(context, file);
  if (!context.isInteractive) return undefined;
  const prompts = await import('@inquirer/prompts');
  const { answered } = await import('./init/questions.ts');
  const message = `${escapeLine(question)}:`;
  return answered(
    (place) =>
      echo ? prompts.input({ message, required: true }, place) : prompts.password({ message, mask: true }, place),
    'up',
  );
}

async function askPassword(user: string): Promise<string> {
  const { password } = await import('@inquirer/prompts');
  const { answered } = await import('./init/questions.ts');
  return answered((place) => password({ message: `Password of ${user}:`, mask: true }, place), 'vpn add');
}

/** The first line of a file, or of stdin. @throws CLI_PASSWORD_UNREADABLE */
async function readPassword(context: Context, file: string): Promise<string> {
  try {
    const bytes = file === '-' ? await readStdin(context) : await readFirst(path.resolve(context.cwd, file));
    return bytes.toString('utf8').split(/\r?\n/)[0] ?? '';
  } catch (cause) {
    throw VmgateError.of(errors.CLI_PASSWORD_UNREADABLE, { file, why: messageOf(cause) }, { cause });
  }
}

async function readStdin({ outside }: Context): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of outside.stdin) {
    const chunk = Buffer.from(part);
    parts.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`);
  }
  return Buffer.concat(parts);
}

async function readFirst(file: string): Promise<Buffer> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_BYTES + 1), 0, MAX_BYTES + 1, 0);
    if (bytesRead > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
