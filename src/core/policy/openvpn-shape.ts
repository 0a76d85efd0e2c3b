/**
 * The shape of what an OpenVPN client sends in UDP datagrams: the operation code in the first byte's upper five bits, the
 * key's number in the lower three (OpenVPN 2.6, src/openvpn/ssl_pkt.h; https://build.openvpn.net/doxygen/
 * network_protocol.html). What follows is encrypted, or wrapped by tls-auth and tls-crypt in lengths of their own.
 */

interface Message {
  /** Bytes of the shortest one: without tls-auth or tls-crypt, which add to it. */
  readonly least: number;
  /** A session begins with key 0. */
  readonly beginsSession?: boolean;
}

/** Session 8, count of acknowledgements 1, packet number 4, behind the first byte. */
const CONTROL: Message = { least: 14 };

/** By operation code; what only a server sends (2, 8) and what OpenVPN 2.6 no longer speaks (1) is not there. */
const MESSAGES: readonly (Message | undefined)[] = [
  ...[undefined, undefined, undefined],
  CONTROL, // P_CONTROL_SOFT_RESET_V1
  CONTROL, // P_CONTROL_V1
  { least: 22 }, // P_ACK_V1: at least one number, and the other side's session
  { least: 21 }, // P_DATA_V1: packet number 4, tag 16
  { least: 14, beginsSession: true }, // P_CONTROL_HARD_RESET_CLIENT_V2
  undefined, // P_CONTROL_HARD_RESET_SERVER_V2
  { least: 24 }, // P_DATA_V2: peer 3 besides
  { least: 14, beginsSession: true }, // P_CONTROL_HARD_RESET_CLIENT_V3
  CONTROL, // P_CONTROL_WKC_V1
];

/** The rule a datagram with that first byte and length breaks, or undefined. */
export function breaksOpenVpn(first: number, length: number): string | undefined {
  const code = first >>> 3;
  const message = MESSAGES[code];
  if (length === 0 || message === undefined) return `not OpenVPN: operation ${code}`;
  if (message.beginsSession && (first & 7) !== 0) return 'not OpenVPN: a session that begins with another key';
  return length < message.least ? `not OpenVPN: operation ${code} too short` : undefined;
}
