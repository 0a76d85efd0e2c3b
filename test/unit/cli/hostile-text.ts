/** Text that does something to a terminal instead of standing in it (leak case 71), and how to see whether any got through. */
export const HOSTILE: readonly (readonly [what: string, text: string])[] = [
  ['clears the screen', '\x1b[2J\x1b[H'],
  ['renames the window', '\x1b]0;verified\x07'],
  ['writes the clipboard', '\x1b]52;c;cm0gLXJmIH4K\x07'],
  ['asks the terminal, whose answer is typed', '\x1b[6n\x1bP$q q\x1b\\'],
  ['the same with 8-bit controls', '\x9b2J\x9d0;verified\x9c\x90x\x9c'],
  ['goes back and writes over', 'refused\rverified\x08\x08'],
  ['colours', '\x1b[32mOPEN\x1b[0m'],
  ['rings, shifts, ends', '\x07\x0e\x0f\x05\x00\x7f'],
  ['reads backwards', '\u202egpj.exe\u2066\u2069'],
  ['is not seen', 'a\u200bb\u00adc\ufeff'],
  ['is not seen, in the tags block', 'x\u{e0041}\u{e0042}'],
  ['begins a line of its own', 'a\u2028gate default is OPEN\u2029'],
  ['half a character', '\ud800'],
  ['is shown as nothing', 'a\u3164b\ufe0f'],
];

/** All of it in one line, in front of `word`. */
export const EVERYTHING = HOSTILE.map(([, text]) => text).join(' ');

/** Names of characters no output may hold; line feeds are the output's own. */
export function live(output: string): readonly string[] {
  const found = output.match(/(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu) ?? [];
  return [...new Set(found)].map((character) => `U+${character.codePointAt(0)?.toString(16)}`);
}

/** A copy of `value` with `more` in every string of it, but for those that `keep` names. */
export function poisoned<T>(value: T, keep: readonly string[] = [], more = EVERYTHING): T {
  const change = (inner: unknown, name: string): unknown => {
    if (typeof inner === 'string') return keep.includes(name) ? inner : `${inner}${more}`;
    if (Array.isArray(inner)) return inner.map((item) => change(item, name));
    if (typeof inner !== 'object' || inner === null) return inner;
    return Object.fromEntries(Object.entries(inner).map(([key, item]) => [key, change(item, key)]));
  };
  return change(value, '') as T;
}
