/**
 * What a registry asks for with status 401: the header WWW-Authenticate, RFC 9110 section 11.6.1. It is a stranger's
 * text, so it is read in one pass, bounded, and whatever does not fit the grammar is no challenge.
 */

export type Challenge =
  | { readonly scheme: 'basic' }
  | {
      readonly scheme: 'bearer';
      readonly realm: string;
      readonly service: string | undefined;
      readonly scope: string | undefined;
      /** `invalid_token`, `insufficient_scope`: RFC 6750 section 3.1. */
      readonly error: string | undefined;
    };

const MAX_HEADER = 4_096;
const MAX_PARAMETERS = 16;

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
/** `name=value` or `name="value"`, with what may stand before it. */
const PARAMETER =
  /\s*,?\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+.^_`|~0-9A-Za-z:/?-]+))/y;

/** All challenges of the header in the order they stand in that vmgate can answer; the rest is passed over. */
export function parseChallenges(header: string): readonly Challenge[] {
  const found: Challenge[] = [];
  if (header.length > MAX_HEADER) return found;
  let at = 0;
  while (at < header.length) {
    at = skipSeparators(header, at);
    TOKEN.lastIndex = at;
    const scheme = TOKEN.exec(header)?.[0];
    if (scheme === undefined) return found;
    const read = parametersAt(header, at + scheme.length);
    if (read === undefined) return found;
    const challenge = challengeOf(scheme.toLowerCase(), read.parameters);
    if (challenge !== undefined) found.push(challenge);
    at = read.end;
  }
  return found;
}

function skipSeparators(text: string, from: number): number {
  let at = from;
  while (at < text.length && ' \t,'.includes(text.charAt(at))) at += 1;
  return at;
}

function parametersAt(
  text: string,
  from: number,
): { readonly parameters: ReadonlyMap<string, string>; readonly end: number } | undefined {
  const parameters = new Map<string, string>();
  let end = from;
  for (;;) {
    PARAMETER.lastIndex = end;
    const match = PARAMETER.exec(text);
    if (match === null) return { parameters, end };
    const [whole, name = '', quoted, plain = ''] = match;
    const key = name.toLowerCase();
    // Twice the same parameter: which one counts differs from reader to reader.
    if (parameters.has(key) || parameters.size >= MAX_PARAMETERS) return undefined;
    parameters.set(key, quoted === undefined ? plain : quoted.replaceAll(/\\(.)/g, '$1'));
    end += whole.length;
  }
}

function challengeOf(scheme: string, parameters: ReadonlyMap<string, string>): Challenge | undefined {
  if (scheme === 'basic') return { scheme };
  const realm = parameters.get('realm');
  if (scheme !== 'bearer' || realm === undefined) return undefined;
  const [service, scope, error] = ['service', 'scope', 'error'].map((name) => parameters.get(name));
  return { scheme, realm, service, scope, error };
}
