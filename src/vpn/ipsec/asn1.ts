/** DER (X.690, section 10) as far as PKCS #12 needs it: definite lengths, low tags; whatever else is undefined. */

/** Universal tags, and the context's `[0]` with and without an inside of its own. */
export const TAGS = {
  integer: 0x02,
  octets: 0x04,
  oid: 0x06,
  sequence: 0x30,
  explicit0: 0xa0,
  implicit0: 0x80,
} as const;

export interface Element {
  readonly tag: number;
  readonly body: Buffer;
}

/** More than anybody puts side by side. */
const MAX_ELEMENTS = 256;

/** All elements that `bytes` are made of, side by side; undefined unless they are. */
export function elementsOf(bytes: Buffer): readonly Element[] | undefined {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [tag = 0, short] = bytes.subarray(at, at + 2);
    // High tag numbers, and a length that is told by what ends it (BER).
    if (short === undefined || (tag & 0x1f) === 0x1f || short === 0x80) return undefined;
    const long = short > 0x80 ? short & 0x7f : 0;
    if (long > 4 || at + 2 + long > bytes.length) return undefined;
    const length = long === 0 ? short : bytes.readUIntBE(at + 2, long);
    const from = at + 2 + long;
    if (from + length > bytes.length || found.length === MAX_ELEMENTS) return undefined;
    found.push({ tag, body: bytes.subarray(from, from + length) });
    at = from + length;
  }
  return found;
}

/** Body of the element at `place`, where it has that tag. */
export function bodyAt(elements: readonly Element[] | undefined, place: number, tag: number): Buffer | undefined {
  const element = elements?.[place];
  return element?.tag === tag ? element.body : undefined;
}

/** What is inside the element at `place`, where it has that tag. */
export function insideOf(
  elements: readonly Element[] | undefined,
  place: number,
  tag: number = TAGS.sequence,
): readonly Element[] | undefined {
  const body = bodyAt(elements, place, tag);
  return body === undefined ? undefined : elementsOf(body);
}

/** A positive integer of 31 bits at most. */
export function integerAt(elements: readonly Element[] | undefined, place: number): number | undefined {
  const body = bodyAt(elements, place, TAGS.integer);
  if (body === undefined || body.length === 0 || body.length > 4) return undefined;
  const value = body.readIntBE(0, body.length);
  return value > 0 ? value : undefined;
}

/** An object identifier, as the hexadecimal of its encoding. */
export function oidAt(elements: readonly Element[] | undefined, place: number): string | undefined {
  return bodyAt(elements, place, TAGS.oid)?.toString('hex');
}
