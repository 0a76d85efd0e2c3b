/** MAC and IPv4 addresses between bytes and text. Text is lower case, colon-separated, and dotted decimal. */

export const BROADCAST_MAC = 'ff:ff:ff:ff:ff:ff';
export const ZERO_MAC = '00:00:00:00:00:00';

/** @throws RangeError unless `text` is six hexadecimal pairs. */
export function macBytes(text: string): Buffer {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) throw new RangeError(`not a MAC address: ${text}`);
  return Buffer.from(text.replaceAll(':', ''), 'hex');
}

/** The six bytes at `offset`. */
export function macText(bytes: Uint8Array, offset = 0): string {
  const pairs: string[] = [];
  for (let index = 0; index < 6; index += 1) pairs.push((bytes[offset + index] ?? 0).toString(16).padStart(2, '0'));
  return pairs.join(':');
}

/** Group bit of the first byte, broadcast included: IEEE 802-2014 8.2.2. */
export function isGroupMac(text: string): boolean {
  return (Number.parseInt(text.slice(0, 2), 16) & 1) === 1;
}

/** @throws RangeError unless `text` is four decimal numbers of 0..255 without leading zeros. */
export function ipv4Bytes(text: string): Buffer {
  const parts = text.split('.');
  const valid = parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
  if (!valid) throw new RangeError(`not an IPv4 address: ${text}`);
  return Buffer.from(parts.map(Number));
}

/** The four bytes at `offset`. */
export function ipv4Text(bytes: Uint8Array, offset = 0): string {
  return `${bytes[offset] ?? 0}.${bytes[offset + 1] ?? 0}.${bytes[offset + 2] ?? 0}.${bytes[offset + 3] ?? 0}`;
}
