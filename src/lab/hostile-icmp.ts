/** ICMP errors that nothing caused: a neighbour bends the way, or the packet size, of flows that he sees go by (8). */
import {
  type Flow,
  type Hop,
  IP_PROTOCOLS,
  internetChecksum,
  ipv4Bytes,
  ipv4Frame,
  parseEthernet,
  udpFrame,
} from '../frame/index.ts';

/** Who says it, to whom, about which of the receiver's own datagrams. */
export interface ForgedError {
  readonly hop: Hop;
  /** The address that claims to have dropped it. */
  readonly source: string;
  readonly about: Flow;
}

/** "For that destination `via` is the better router": RFC 792, type 5, code 1. */
export function icmpRedirect(error: ForgedError, via: string): Buffer {
  return errorFrame(error, 5, 1, ipv4Bytes(via));
}

/** "Larger than `mtu`, dropped": RFC 1191. */
export function fragmentationNeeded(error: ForgedError, mtu: number): Buffer {
  return errorFrame(error, 3, 4, Buffer.from([0, 0, mtu >> 8, mtu & 0xff]));
}

/** It quotes the IP header and eight bytes, by which the receiver finds the flow. */
function errorFrame({ hop, source, about }: ForgedError, type: number, code: number, rest: Uint8Array): Buffer {
  const quoted = parseEthernet(udpFrame(hop, about, Buffer.alloc(0)))?.payload ?? Buffer.alloc(0);
  const body = Buffer.concat([Buffer.from([type, code, 0, 0]), rest, quoted]);
  body.writeUInt16BE(internetChecksum(body), 2);
  return ipv4Frame(hop, { source, destination: about.source }, IP_PROTOCOLS.icmp, body);
}
