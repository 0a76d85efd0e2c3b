/**
 * The shape of what a client of TLS (RFC 8446, section 5.1) and DTLS (RFC 6347, section 4.1) sends: records, whose type,
 * version and length are in clear and whose rest, once there are keys, is not. A segment of TCP by itself may begin in the
 * middle of a record: where records begin is what tls-stream.ts follows.
 */
export const TLS_TYPES = { changeCipher: 20, alert: 21, handshake: 22, data: 23 } as const;
export const TLS_HEADER = 5;
const DTLS_HEADER = 13;

/** A record's longest body: 2^14 and what encryption adds in TLS 1.2. */
const MOST_BODY = 16_384 + 2_048;
/** An encrypted body: a tag of 16 bytes, and something it is for. */
const LEAST_DATA = 17;

/** The rule that a TLS record with this header breaks, or undefined. */
export function breaksTlsRecord(type: number, version: number, length: number): string | undefined {
  if (type < TLS_TYPES.changeCipher || type > TLS_TYPES.data) return `not TLS: record type ${type}`;
  if (version < 0x0301 || version > 0x0303) return `not TLS: version 0x${version.toString(16)}`;
  if (length === 0 || length > MOST_BODY) return 'not TLS: a length that no record has';
  return type === TLS_TYPES.data && length < LEAST_DATA ? 'not TLS: data without a tag' : undefined;
}

/** Whether a datagram with this first word is one DTLS record of data, under some key; the common case, and fast. */
export function isDtlsData(firstWord: number, length: number, recordLength: number, epoch: number): boolean {
  const version = (firstWord >>> 8) & 0xffff;
  return (
    firstWord >>> 24 === TLS_TYPES.data &&
    (version === 0xfefd || version === 0xfeff) &&
    epoch > 0 &&
    recordLength >= LEAST_DATA &&
    recordLength <= MOST_BODY &&
    recordLength === length - DTLS_HEADER
  );
}

/** Where the two numbers that {@link isDtlsData} wants are in a datagram. */
export const DTLS_OFFSETS = { epoch: 3, recordLength: 11 } as const;

/** The rule that a datagram breaks: it is whole records of DTLS 1.0 or 1.2, and nothing else. */
export function breaksDtls(payload: Buffer): string | undefined {
  if (payload.length === 0) return 'not DTLS: empty';
  for (let at = 0; at < payload.length; ) {
    if (payload.length - at < DTLS_HEADER) return 'not DTLS: a record cut short';
    const [type, version, epoch] = [payload.readUInt8(at), payload.readUInt16BE(at + 1), payload.readUInt16BE(at + 3)];
    const length = payload.readUInt16BE(at + DTLS_OFFSETS.recordLength);
    if (type < TLS_TYPES.changeCipher || type > TLS_TYPES.data) return `not DTLS: record type ${type}`;
    if (version !== 0xfefd && version !== 0xfeff) return `not DTLS: version 0x${version.toString(16)}`;
    if (length === 0 || length > MOST_BODY) return 'not DTLS: a length that no record has';
    if (type === TLS_TYPES.data && epoch === 0) return 'not DTLS: data without keys';
    if (type === TLS_TYPES.data && length < LEAST_DATA) return 'not DTLS: data without a tag';
    at += DTLS_HEADER + length;
    if (at > payload.length) return 'not DTLS: a record cut short';
  }
  return undefined;
}
