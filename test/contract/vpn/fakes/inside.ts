/** What is behind a fake VPN server: one host that says again what datagrams it hears (RFC 862). */
import { ipv4Bytes } from '../../../../src/frame/address.ts';
import { transportChecksum } from '../../../../src/frame/checksum.ts';
import { buildIpv4, IP_PROTOCOLS, parseIpv4 } from '../../../../src/frame/ip.ts';

export const INSIDE = { host: '10.77.0.1', client: '10.77.0.50' } as const;

/** Remembers what datagrams came for it, and answers them. */
export class Inside {
  readonly sources = new Set<string>();
  packets = 0;
  /** Bytes of the largest packet. */
  largest = 0;

  /** The answer to an IPv4 packet of the client's; undefined for what nobody there answers. */
  answer(bytes: Buffer): Buffer | undefined {
    const packet = parseIpv4(bytes);
    if (packet === undefined) throw new Error(`no IPv4 packet: ${bytes.toString('hex').slice(0, 40)}`);
    const { protocol, source, destination, totalLength } = packet;
    if (destination !== INSIDE.host || protocol !== IP_PROTOCOLS.udp) return undefined;
    this.packets += 1;
    this.largest = Math.max(this.largest, totalLength);
    this.sources.add(source);
    const payload = Buffer.from(packet.payload);
    packet.payload.copy(payload, 0, 2, 4);
    packet.payload.copy(payload, 2, 0, 2);
    payload.writeUInt16BE(0, 6);
    payload.writeUInt16BE(transportChecksum(ipv4Bytes(destination), ipv4Bytes(source), protocol, payload), 6);
    return buildIpv4({ source: destination, destination: source, protocol, payload });
  }
}
