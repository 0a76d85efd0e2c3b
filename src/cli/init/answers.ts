/** What `vmgate init` needs to know, from flags first and from questions where there is somebody to ask. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { VmgateError } from '../../core/coded.ts';
import { isProfileName } from '../../vpn/index.ts';
import { errors } from '../codes.ts';
import { type Context, flag, type Input, list, text } from '../command.ts';
import type { ExitAnswer, Plan, WorkAnswer } from './render.ts';

export interface Answers extends Plan {
  /** The profile to add under `vpn`; undefined when that name exists already. */
  readonly profile: { readonly file: string; readonly split: boolean; readonly dns: readonly string[] } | undefined;
}

/** @throws CLI_ANSWER_NEEDED, CLI_USAGE */
export async function gatherAnswers(context: Context, input: Input): Promise<Answers> {
  const vpn = await vpnAnswer(context, input);
  return {
    ...vpn,
    gate: text(input, 'gate'),
    work: await workAnswer(context, input),
    exit: await exitAnswer(context, input),
  };
}

export async function vpnAnswer(context: Context, input: Input): Promise<Pick<Answers, 'vpn' | 'profile'>> {
  const file = text(input, 'vpnFile');
  const named = text(input, 'vpn');
  const options = { split: flag(input, 'split'), dns: list(input, 'dns') };
  if (file !== undefined) {
    return { vpn: named ?? nameFrom(file), profile: { file: path.resolve(context.cwd, file), ...options } };
  }
  if (named !== undefined) return { vpn: named, profile: undefined };
  const known = readdirSync(context.home().vpn).filter(isProfileName);
  const [only] = known;
  if (!context.isInteractive) {
    if (known.length === 1 && only !== undefined) return { vpn: only, profile: undefined };
    throw needed('the VPN profile', 'vmgate init --vpn-file FILE   (or --vpn NAME)');
  }
  const { askProfile } = await import('./questions.ts');
  const answer = await askProfile(known);
  if ('name' in answer) return { vpn: answer.name, profile: undefined };
  const name = nameFrom(answer.file);
  return { vpn: name, profile: { file: path.resolve(context.cwd, answer.file), ...options } };
}

/** `Acme VPN (2).conf` -> `acme-vpn-2`. */
export function nameFrom(file: string): string {
  const slug = path
    .basename(file)
    .replace(/\.(conf|ovpn|mobileconfig|sswan|ya?ml)$/i, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 32);
  return slug === '' ? 'vpn' : slug;
}

async function workAnswer(context: Context, input: Input): Promise<WorkAnswer> {
  const name = text(input, 'work') ?? 'workvm';
  const disk = text(input, 'disk');
  if (disk !== undefined) {
    if (flag(input, 'tiny')) throw usage('a work VM boots one thing', 'either --tiny or --disk FILE');
    return { name, disk };
  }
  if (flag(input, 'tiny') || text(input, 'work') !== undefined || !context.isInteractive)
    return { name, disk: undefined };
  const { askWork } = await import('./questions.ts');
  return askWork(name);
}

async function exitAnswer(context: Context, input: Input): Promise<ExitAnswer | undefined> {
  const typed = typedExit(input);
  if (typed !== undefined || !context.isInteractive || flag(input, 'roundTrip')) return typed;
  const { askExit } = await import('./questions.ts');
  return askExit();
}

/** What the flags say of the exit. @throws CLI_USAGE */
export function typedExit(input: Input): ExitAnswer | undefined {
  const url = text(input, 'exitUrl');
  const prefixes = list(input, 'exitExpect');
  const fields = Object.fromEntries(list(input, 'exitJson').map(fieldOf));
  if (url !== undefined) {
    if (Object.keys(fields).length > 0) return { url, expect: { json: fields } };
    return { url, expect: prefixes.length > 0 ? prefixes : undefined };
  }
  if (prefixes.length > 0 || Object.keys(fields).length > 0) {
    throw usage('an expected exit needs the URL where it is asked', '--exit-url URL');
  }
  return undefined;
}

/** `mullvad_exit_ip=true`: a JSON value where it is one, else text. */
function fieldOf(written: string): readonly [string, string | number | boolean] {
  const at = written.indexOf('=');
  if (at < 1) throw usage(`${JSON.stringify(written.slice(0, 80))} is no field`, '--exit-json FIELD=VALUE');
  const [field, value] = [written.slice(0, at), written.slice(at + 1)];
  if (value === 'true' || value === 'false') return [field, value === 'true'];
  return [field, /^-?\d{1,15}(\.\d{1,15})?$/.test(value) ? Number(value) : value];
}

function usage(message: string, hint: string): VmgateError {
  return VmgateError.of(errors.CLI_USAGE, { message, hint, command: 'init' });
}

function needed(what: string, fix: string): VmgateError {
  return VmgateError.of(errors.CLI_ANSWER_NEEDED, { what, flag: fix });
}
