/**
 * The shape of WireGuard's messages: https://www.wireguard.com/protocol/ and the whitepaper, section 5.4. The first
 * byte is the type, three reserved bytes are zero, and every type but data has one length.
 */

/** Lengths by type: 1 handshake initiation, 2 handshake response, 3 cookie reply. */
export const HANDSHAKE_LENGTHS: readonly (number | undefined)[] = [undefined, 148, 92, 64];

export const DATA_TYPE = 4;
/** Header 16 and authentication tag 16: a keepalive. */
export const DATA_OVERHEAD = 32;
/** Data is padded to this, but never beyond the tunnel's MTU (Linux, drivers/net/wireguard/send.c). */
export const PADDING = 16;

/** The rule a UDP payload breaks, or undefined. Without `mtu` the padding of data cannot be judged. */
export function breaksWireGuard(payload: Uint8Array, mtu: number | undefined): string | undefined {
  const [type = 0, ...reserved] = payload.subarray(0, 4);
  if (payload.length < 4 || reserved.some((byte) => byte !== 0)) return 'not WireGuard: reserved bytes';
  const length = HANDSHAKE_LENGTHS[type];
  if (length !== undefined) return payload.length === length ? undefined : `not WireGuard: length of type ${type}`;
  if (type !== DATA_TYPE) return `not WireGuard: type ${type}`;
  if (payload.length < DATA_OVERHEAD) return 'not WireGuard: data too short';
  if (mtu === undefined || payload.length % PADDING === 0) return undefined;
  return payload.length === mtu + DATA_OVERHEAD ? undefined : 'not WireGuard: padding';
}
