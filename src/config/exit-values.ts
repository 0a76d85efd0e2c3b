/** What may be said about the exit: where it is asked and which addresses it may have. */
import { Address4, Address6 } from 'ip-address';

/** Shorter prefixes would accept nearly any address and verify nothing. */
const SHORTEST = { 4: 8, 6: 16 } as const;

/** Why `text` is no usable address or prefix; undefined when it is one. */
export function prefixFault(text: string): string | undefined {
  const parsed = parse(text);
  if (parsed === undefined) return 'must be an address or a prefix, for example 10.20.0.0/16';
  if (parsed.length < SHORTEST[parsed.family]) {
    return `accepts nearly every address: /${SHORTEST[parsed.family]} is the widest that proves anything`;
  }
  return parsed.start === parsed.address
    ? undefined
    : `has bits behind its length, did you mean ${parsed.start}/${parsed.length}?`;
}

function parse(text: string) {
  if (text.length > 64 || text.includes('%')) return undefined;
  try {
    const family = text.includes(':') ? 6 : 4;
    const address = family === 4 ? new Address4(text) : new Address6(text);
    return {
      family,
      length: address.subnetMask,
      address: address.correctForm(),
      start: address.startAddress().correctForm(),
    } as const;
  } catch {
    return undefined;
  }
}

/** Whether http is in order (an address inside the tunnel) is judged with the tunnel's plan at hand, not here. */
export function isExitUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, hash } = new URL(text);
  return (protocol === 'https:' || protocol === 'http:') && username === '' && password === '' && hash === '';
}
