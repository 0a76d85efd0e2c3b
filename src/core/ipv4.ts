/** IPv4 addresses as numbers, 0..2^32-1: never with `|` or `<<`, which would make them negative. */

/** Dotted decimal, four parts, no leading zeros (inet_aton(3) reads those as octal): else undefined. */
export function ipv4ToNumber(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) return undefined;
  const bytes = parts.map(Number);
  if (bytes.some((byte) => byte > 255)) return undefined;
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}

/** Twin of {@link ipv4ToNumber}. */
export function numberToIpv4(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

export interface Ipv4Range {
  readonly first: number;
  readonly last: number;
}

/** The addresses of a prefix like `10.0.0.2/24`, host bits ignored; without a length, that one address. */
export function ipv4Range(prefix: string): Ipv4Range | undefined {
  const [address = '', bits = '32', ...more] = prefix.split('/');
  const value = ipv4ToNumber(address);
  if (value === undefined || more.length > 0 || !/^(\d|[12]\d|3[0-2])$/.test(bits)) return undefined;
  const size = 2 ** (32 - Number(bits));
  const first = value - (value % size);
  return { first, last: first + size - 1 };
}
