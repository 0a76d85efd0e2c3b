/**
 * The file format under openvpn(8): an option and its arguments a line, quotes, backslashes, `#` and `;` comments, and
 * `<option>` blocks. Knows no option by name. Reads as OpenVPN's own parser does (2.6, src/openvpn/options.c,
 * parse_line and read_inline_file), so that no line means one thing here and another thing there.
 */
import { VmgateError } from '../../core/coded.ts';
import { errors } from '../codes.ts';
import { at, type Token } from '../positions.ts';
import { decodeProfile } from '../text.ts';

export interface Directive {
  /** Without the leading `--` a profile may give it. */
  readonly name: Token;
  readonly args: readonly Token[];
  /** What stands between `<name>` and `</name>`: secret, as a key may be. */
  readonly block: string | undefined;
}

export interface Document {
  readonly directives: readonly Directive[];
  /** Position just after the last line, for what is missing altogether. */
  readonly end: Token;
}

/** Arguments of one option, itself included (MAX_PARMS). */
const MAX_WORDS = 16;

/** @throws VPN_PROFILE_TOO_LARGE, VPN_PROFILE_NOT_TEXT, VPN_OVPN_LINE_GARBLED, VPN_OVPN_BLOCK_OPEN */
export function readDirectives(profile: Uint8Array | string, file: string): Document {
  const lines = decodeProfile(profile, file).split(/\r\n|\n|\r/);
  const directives = directivesOf(lines, 1, file);
  return { directives, end: { text: '', line: lines.length, column: 1 } };
}

/** The options inside a block such as `<connection>`. */
export function readBlock({ name, block = '' }: Directive, file: string): readonly Directive[] {
  return directivesOf(block.split('\n'), name.line + 1, file);
}

function directivesOf(lines: readonly string[], firstLine: number, file: string): readonly Directive[] {
  const directives: Directive[] = [];
  for (let index = 0; index < lines.length; index += 1) {
    const words = splitLine(lines[index] ?? '', firstLine + index, file);
    const [head, ...args] = words;
    if (head === undefined) continue;
    const tag = args.length === 0 ? /^<(.+)>$/.exec(head.text)?.[1] : undefined;
    if (tag === undefined) {
      directives.push({ name: withoutDashes(head), args, block: undefined });
      continue;
    }
    const closing = `</${tag}>`;
    let end = index + 1;
    while (end < lines.length && lines[end]?.trimStart().startsWith(closing) !== true) end += 1;
    if (end === lines.length) throw VmgateError.of(errors.VPN_OVPN_BLOCK_OPEN, at(file, head));
    const block = lines.slice(index + 1, end).join('\n');
    directives.push({ name: { ...head, text: tag }, args, block });
    index = end;
  }
  return directives;
}

/** OpenVPN takes `--up` in a file for `up`: the dashes must not hide an option that is refused. */
function withoutDashes(head: Token): Token {
  return head.text.length >= 3 && head.text.startsWith('--') ? { ...head, text: head.text.slice(2) } : head;
}

/** Words of a line, quotes and backslashes taken away. */
function splitLine(text: string, line: number, file: string): readonly Token[] {
  const words: Token[] = [];
  const garbled = (column: number) => VmgateError.of(errors.VPN_OVPN_LINE_GARBLED, { file, line, column });
  let place = 0;
  for (;;) {
    while (place < text.length && isSpace(text[place])) place += 1;
    const begin = place;
    const first = text[place];
    if (first === undefined || first === '#' || first === ';') return words;
    if (words.length === MAX_WORDS) throw garbled(begin + 1);
    const quote = first === '"' || first === "'" ? first : undefined;
    if (quote !== undefined) place += 1;
    let word = '';
    for (;;) {
      const next = text[place];
      if (next === undefined) {
        if (quote !== undefined) throw garbled(begin + 1);
        break;
      }
      place += 1;
      if (next === quote) break;
      if (quote === undefined && isSpace(next)) break;
      if (next !== '\\' || quote === "'") {
        word += next;
        continue;
      }
      const escaped = text[place];
      if (escaped !== '\\' && escaped !== '"' && !isSpace(escaped)) throw garbled(place);
      word += escaped;
      place += 1;
    }
    words.push({ text: word, line, column: begin + 1 });
  }
}

/** isspace(3) of the C locale, as far as a line may hold it. */
function isSpace(character: string | undefined): character is string {
  return character === ' ' || character === '\t';
}
