/**
 * The shape of what an IKEv2 client sends to the port that IKE and ESP share (RFC 3948): one byte that keeps a NAT open;
 * IKE behind four zero bytes (RFC 7296, section 3.1); or ESP, whose first word is an index that is never below 256 (RFC 4303,
 * section 2.1). What follows in ESP is encrypted: of readable bytes that begin like an index the shape cannot tell more.
 */

const KEEPALIVE = 0xff;
const MARKER_BYTES = 4;
const HEADER_BYTES = 28;
/** IKE_SA_INIT to INFORMATIONAL, and IKE_INTERMEDIATE (RFC 9242). */
const EXCHANGES: readonly number[] = [34, 35, 36, 37, 43];
/** Response, version (never set by IKEv2), initiator; the others are reserved. */
const RESERVED_FLAGS = 0xc7;

/** Indexes below are reserved. */
const LEAST_INDEX = 256;
/** Index 4, number 4, an initialisation vector of 8, the smallest packet 20 padded to 4 with its trailer, a tag of 12. */
const LEAST_ESP = 52;

/** Whether a datagram with that first word and length is ESP. */
export function isEsp(firstWord: number, length: number): boolean {
  return firstWord >>> 0 >= LEAST_INDEX && length >= LEAST_ESP && length % 4 === 0;
}

/** The rule a datagram breaks, or undefined. */
export function breaksIpsec(payload: Buffer): string | undefined {
  if (payload.length === 1)
    return payload[0] === KEEPALIVE ? undefined : 'not IPsec: one byte that keeps nothing alive';
  if (payload.length < MARKER_BYTES) return 'not IPsec: too short';
  const first = payload.readUInt32BE(0);
  if (first !== 0) return isEsp(first, payload.length) ? undefined : 'not ESP: a length or an index that it never has';
  return breaksIke(payload.subarray(MARKER_BYTES));
}

function breaksIke(message: Buffer): string | undefined {
  if (message.length <= HEADER_BYTES) return 'not IKE: too short';
  if (message.readBigUInt64BE(0) === 0n) return 'not IKE: nobody began it';
  if (message[17] !== 0x20) return 'not IKE: another version than 2.0';
  if (!EXCHANGES.includes(message.readUInt8(18))) return `not IKE: exchange ${message.readUInt8(18)}`;
  if ((message.readUInt8(19) & RESERVED_FLAGS) !== 0) return 'not IKE: reserved flags';
  return message.readUInt32BE(24) === message.length ? undefined : 'not IKE: another length than it says';
}
