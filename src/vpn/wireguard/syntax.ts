/**
 * The file format under wg(8) and wg-quick(8): sections, `Key = value`, `#` comments. Knows no setting by name.
 * wg cuts a line at the first `#`, compares names without case and ignores white space round them; so does this.
 */
import { VmgateError } from '../../core/coded.ts';
import { errors } from '../codes.ts';
import { at, type Token } from '../positions.ts';
import { decodeProfile } from '../text.ts';

export type SectionName = '[Interface]' | '[Peer]';

export interface Entry {
  readonly key: Token;
  readonly value: Token;
}

export interface Section {
  readonly name: SectionName;
  readonly header: Token;
  readonly entries: readonly Entry[];
}

export interface Document {
  readonly sections: readonly Section[];
  /** Position just after the last line, for what is missing altogether. */
  readonly end: Token;
}

const SECTIONS: Readonly<Record<string, SectionName>> = { '[interface]': '[Interface]', '[peer]': '[Peer]' };

/**
 * Splits a profile into sections; `file` is the name errors say.
 *
 * @throws VPN_PROFILE_TOO_LARGE, VPN_PROFILE_NOT_TEXT, VPN_LINE_GARBLED, VPN_SECTION_UNKNOWN, VPN_KEY_OUTSIDE_SECTION
 */
export function readSections(profile: Uint8Array | string, file: string): Document {
  const lines = decodeProfile(profile, file).split(/\r\n|\n|\r/);
  const sections: { name: SectionName; header: Token; entries: Entry[] }[] = [];
  lines.forEach((raw, index) => {
    const content = withoutComment(raw, index + 1);
    if (content.text === '') return;
    if (content.text.startsWith('[')) {
      const name = SECTIONS[content.text.replace(/\s/g, '').toLowerCase()];
      if (name === undefined) throw VmgateError.of(errors.VPN_SECTION_UNKNOWN, at(file, content));
      sections.push({ name, header: content, entries: [] });
      return;
    }
    const entry = splitEntry(content);
    if (entry === undefined) throw VmgateError.of(errors.VPN_LINE_GARBLED, at(file, content));
    const section = sections.at(-1);
    if (section === undefined) throw VmgateError.of(errors.VPN_KEY_OUTSIDE_SECTION, at(file, entry.key));
    section.entries.push(entry);
  });
  return { sections, end: { text: '', line: lines.length, column: 1 } };
}

/** Items of a list value, as wg-quick splits them: by commas and white space. Empty items vanish. */
export function splitList(value: Token): readonly Token[] {
  return [...value.text.matchAll(/[^\s,]+/g)].map((match) => ({
    text: match[0],
    line: value.line,
    column: value.column + match.index,
  }));
}

function withoutComment(raw: string, line: number): Token {
  const hash = raw.indexOf('#');
  return trimmed(hash === -1 ? raw : raw.slice(0, hash), line, 1);
}

function splitEntry(content: Token): Entry | undefined {
  const equals = content.text.indexOf('=');
  if (equals <= 0) return undefined;
  return {
    key: trimmed(content.text.slice(0, equals), content.line, content.column),
    value: trimmed(content.text.slice(equals + 1), content.line, content.column + equals + 1),
  };
}

function trimmed(text: string, line: number, column: number): Token {
  return { text: text.trim(), line, column: column + text.length - text.trimStart().length };
}
