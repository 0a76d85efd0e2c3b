/**
 * The file format of openconnect(8)'s `--config`: an option a line, its value behind spaces, tabs or one `=`, and `#`
 * comments. Reads as openconnect does (9.12, main.c, next_option), so that no line means one thing here and another there.
 * `<option>` blocks, for what openconnect reads from files, are vmgate's own. Knows no option by name.
 */
import { VmgateError } from '../../core/coded.ts';
import { errors } from '../codes.ts';
import { at, type Token } from '../positions.ts';
import { decodeProfile } from '../text.ts';

export interface Setting {
  readonly name: Token;
  /** Without the spaces around it; undefined for none. */
  readonly value: Token | undefined;
  /** What stands between `<name>` and `</name>`: secret, as a key may be. */
  readonly block: string | undefined;
}

export interface Document {
  readonly settings: readonly Setting[];
  /** Position just after the last line, for what is missing altogether. */
  readonly end: Token;
}

/** @throws VPN_PROFILE_TOO_LARGE, VPN_PROFILE_NOT_TEXT, VPN_OC_BLOCK_OPEN, VPN_OC_XML_LIST */
export function readSettings(profile: Uint8Array | string, file: string): Document {
  const lines = decodeProfile(profile, file).split(/\r\n|\n|\r/);
  const settings: Setting[] = [];
  for (let index = 0; index < lines.length; index += 1) {
    const text = lines[index] ?? '';
    const setting = settingIn(text, index + 1);
    if (setting === undefined) continue;
    if (/^<(\?xml|AnyConnectProfile)\b/.test(text.trim())) {
      throw VmgateError.of(errors.VPN_OC_XML_LIST, at(file, setting.name));
    }
    const tag = /^<([a-z0-9-]{1,40})>$/.exec(text.trim())?.[1];
    if (tag === undefined) {
      settings.push(setting);
      continue;
    }
    const closing = `</${tag}>`;
    let end = index + 1;
    while (end < lines.length && lines[end]?.trim() !== closing) end += 1;
    if (end === lines.length) throw VmgateError.of(errors.VPN_OC_BLOCK_OPEN, at(file, setting.name));
    const block = lines.slice(index + 1, end).join('\n');
    settings.push({ name: { ...setting.name, text: tag }, value: undefined, block });
    index = end;
  }
  return { settings, end: { text: '', line: lines.length, column: 1 } };
}

function settingIn(text: string, line: number): Setting | undefined {
  const begin = text.length - text.trimStart().length;
  const content = text.trim();
  if (content === '' || content.startsWith('#')) return undefined;
  const name = /^[^\s=]*/.exec(content)?.[0] ?? '';
  const between = /^[ \t]*=?[ \t]*/.exec(content.slice(name.length))?.[0] ?? '';
  const value = content.slice(name.length + between.length);
  const column = begin + name.length + between.length + 1;
  return {
    name: { text: name, line, column: begin + 1 },
    value: value === '' ? undefined : { text: value, line, column },
    block: undefined,
  };
}
