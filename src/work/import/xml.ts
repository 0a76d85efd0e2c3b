/**
 * As much XML as a .vbox file is made of: elements and attributes. Bounded in size, depth and count; a document type
 * (where entities that read files or grow without end are declared) is refused; text between elements is skipped.
 */

export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
}

const MAX_CHARACTERS = 4_194_304;
const MAX_DEPTH = 64;
const MAX_ELEMENTS = 50_000;

/** Sticky, one piece each: none of them looks at a character twice. */
const SKIPPED = /<!--(?:[^-]|-(?!->))*-->|<\?[^?]*(?:\?(?!>)[^?]*)*\?>|[^<]+/y;
const OPENING = /<([A-Za-z_][\w.:-]{0,127})/y;
const CLOSING = /<\/([A-Za-z_][\w.:-]{0,127})\s*>/y;
const ATTRIBUTE = /\s+([A-Za-z_][\w.:-]{0,127})\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y;
const TAG_END = /\s*(\/?)>/y;

/** The root element, or why the text is not one. */
export function parseXml(text: string): XmlElement | { readonly why: string } {
  if (text.length > MAX_CHARACTERS) return { why: `it has more than ${MAX_CHARACTERS} characters` };
  let at = 0;
  let count = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match !== null) at = pattern.lastIndex;
    return match ?? undefined;
  };
  type Open = { name: string; attributes: Record<string, string>; children: XmlElement[] };
  const open: Open[] = [{ name: '', attributes: {}, children: [] }];
  while (at < text.length) {
    if (take(SKIPPED) !== undefined) continue;
    const [, closed] = take(CLOSING) ?? [];
    if (closed !== undefined) {
      if (open.length < 2 || open.pop()?.name !== closed) return { why: `</${closed}> closes nothing` };
      continue;
    }
    const [, name] = take(OPENING) ?? [];
    if (name === undefined) return { why: `what stands at character ${at} is no element` };
    if (++count > MAX_ELEMENTS) return { why: `it has more than ${MAX_ELEMENTS} elements` };
    const element: Open = { name, attributes: Object.create(null), children: [] };
    for (let pair = take(ATTRIBUTE); pair !== undefined; pair = take(ATTRIBUTE)) {
      element.attributes[pair[1] ?? ''] = unescaped(pair[2] ?? pair[3] ?? '');
    }
    const end = take(TAG_END);
    if (end === undefined) return { why: `<${name}> does not end` };
    open.at(-1)?.children.push(element);
    if (end[1] === '/') continue;
    if (open.push(element) > MAX_DEPTH) return { why: `it is nested deeper than ${MAX_DEPTH}` };
  }
  const [root, second] = open[0]?.children ?? [];
  if (open.length !== 1) return { why: `<${open.at(-1)?.name}> is not closed` };
  if (root === undefined || second !== undefined) return { why: 'it has not exactly one root element' };
  return root;
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function unescaped(text: string): string {
  return text.replaceAll(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => NAMED[name] ?? '');
}

/** Every element of that name below `element`, at any depth. */
export function elementsBelow(element: XmlElement, name: string): readonly XmlElement[] {
  return element.children.flatMap((child) => [...(child.name === name ? [child] : []), ...elementsBelow(child, name)]);
}
