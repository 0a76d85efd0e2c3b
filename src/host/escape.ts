/**
 * Makes text from outside safe to print (P11). A guest's log line with ESC sequences can rewrite what a terminal shows
 * or, on some, type commands; bidirectional overrides make a name read as another (CVE-2021-42574).
 */

/**
 * Controls (C0, C1), formats (bidi, zero width, tags), half surrogates, line and paragraph separators, and what Unicode
 * says to show as nothing (Hangul fillers, variation selectors).
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** One line: newlines too become visible escapes. `max` is in UTF-16 units; what is cut is marked by `...`. */
export function escapeLine(text: string, max = 400): string {
  const cut = text.length > max ? `${text.slice(0, max)}...` : text;
  return cut.replace(UNPRINTABLE, visible);
}

/** Several lines: newlines and tabs stay. */
export function escapeBlock(text: string, max = 65_536): string {
  const cut = text.length > max ? `${text.slice(0, max)}...` : text;
  return cut.replace(UNPRINTABLE, (character) =>
    character === '\n' || character === '\t' ? character : visible(character),
  );
}

/** JSON text that means the same: JSON.stringify leaves C1 controls and bidirectional marks as they are. */
export function escapeJson(json: string): string {
  return json.replace(UNPRINTABLE, (character) =>
    // Above U+FFFF a character is two units, and JSON escapes units.
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

function visible(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}
