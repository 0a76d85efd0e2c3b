/**
 * One byte sequence for one value: members sorted by UTF-16 code units, no white space, numbers and strings as
 * ECMAScript prints them (RFC 8785). What is signed or hashed is written this way.
 */

/** @throws TypeError for what JSON cannot say (undefined outside objects, functions, bigint, NaN, infinities) */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    const sorted = members.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${sorted.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`).join(',')}}`;
  }
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`${value} has no JSON form`);
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return JSON.stringify(value);
  throw new TypeError(`${typeof value} has no JSON form`);
}
