/** The only ways text gets into the page. What was journaled came from guests and networks. */
import { escapeLine } from '../../../host/index.ts';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** As text of an element, or as an attribute's value in quotes. Controls and bidirectional marks become visible. */
export function escapeHtml(text: string, max = 400): string {
  return escapeLine(text, max).replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

/** JSON that may stand in a script element: nothing in it ends one, or begins a comment. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(/[<>&\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
