/**
 * Options of a client's configuration by name, for kinds whose profile is that: which are read, which have no effect, which
 * are refused. What is in no list is refused too.
 */
import { type ErrorCode, VmgateError } from '../core/coded.ts';
import { nearest } from '../core/nearest.ts';
import { type At, at, type Token } from './positions.ts';
import { mayHoldKey } from './wireguard/keys.ts';

export interface OptionList<Option extends string> {
  readonly read: readonly Option[];
  /** Nothing that vmgate, the gateway's firewall or the client itself does not decide better. */
  readonly ignored: readonly string[];
  /** Of the ignored ones, those whose absence somebody may notice. */
  readonly worthTelling: Readonly<Record<string, string>>;
  /** What runs a program of the profile's choice. */
  readonly scripts: readonly string[];
  /** Why each is. */
  readonly refused: Readonly<Record<string, string>>;
  readonly codes: {
    readonly script: ErrorCode<At & { option: string }>;
    readonly refused: ErrorCode<At & { option: string; reason: string }>;
    readonly unknown: ErrorCode<At & { option: string; meant?: string }>;
  };
}

export interface Identified<Option extends string> {
  /** Undefined for what has no effect. */
  readonly option: Option | undefined;
  /** Why that is worth telling. */
  readonly notice: string | undefined;
}

/**
 * Names are compared with case, as the clients do.
 *
 * @throws the list's codes
 */
export function identify<Option extends string>(
  { read, ignored, worthTelling, scripts, refused, codes }: OptionList<Option>,
  name: Token,
  file: string,
): Identified<Option> {
  const { text } = name;
  if (scripts.includes(text)) throw VmgateError.of(codes.script, { ...at(file, name), option: text });
  const reason = Object.hasOwn(refused, text) ? refused[text] : undefined;
  if (reason !== undefined) throw VmgateError.of(codes.refused, { ...at(file, name), option: text, reason });
  if (ignored.includes(text)) {
    return { option: undefined, notice: Object.hasOwn(worthTelling, text) ? worthTelling[text] : undefined };
  }
  const option = read.find((known) => known === text);
  if (option !== undefined) return { option, notice: undefined };
  const meant = nearest(text, [...read, ...ignored, ...scripts, ...Object.keys(refused)]);
  const payload = { ...at(file, name), option: isQuotable(text) ? text : '' };
  throw VmgateError.of(codes.unknown, meant === undefined ? payload : { ...payload, meant });
}

/** Not what may be a line of a key whose `<block>` was lost. */
function isQuotable(text: string): boolean {
  return /^[a-z]+[0-9]?(-[a-z0-9]{1,12})*$/.test(text) && text.length <= 24 && !mayHoldKey(text);
}
