/**
 * The shapes of what is let through to a portal: TCP to a web server, as free as a web page needs it, and questions to one
 * resolver, byte for byte what vmgate asks. A name is data that anybody on the way can read, so only those that were
 * allowed may be asked for.
 */
import { buildDnsQuery, parseTcp, type UdpDatagram } from '../../frame/index.ts';
import { PORTAL_PORTS } from './egress-policy.ts';

/** What a client's socket is bound to; a server's port would be a service that speaks. */
const LEAST_CLIENT_PORT = 1_024;
const [TCP_OFFSET, RESERVED_BITS] = [12, 0x0f] as const;

/** The first rule that a segment breaks. */
export function breaksPortalTcp(segment: Buffer): string | undefined {
  const tcp = parseTcp(segment);
  if (tcp === undefined) return 'garbled TCP';
  if (!PORTAL_PORTS.some((port) => port === tcp.destinationPort)) return 'TCP to another port than 80 and 443';
  if (tcp.sourcePort < LEAST_CLIENT_PORT) return "TCP from a server's port";
  if (((segment[TCP_OFFSET] ?? 0) & RESERVED_BITS) !== 0) return 'TCP with reserved bits set';
  return tcp.flags.urg ? 'urgent TCP' : undefined;
}

/** The first rule that a question to the resolver breaks. */
export function breaksQuestion({ sourcePort, payload }: UdpDatagram, names: readonly string[]): string | undefined {
  if (sourcePort < LEAST_CLIENT_PORT) return "DNS from a server's port";
  if (payload.length < 2) return 'garbled DNS';
  const id = payload.readUInt16BE(0);
  const isAllowed = names.some((name) => payload.equals(buildDnsQuery(id, name)));
  return isAllowed ? undefined : 'DNS for a name that is not allowed';
}
