/**
 * Where TLS records begin in a client's TCP connections: from the SYN on every record's header is looked at, however
 * segments cut the stream. Bytes that were sent before are not looked at again, so that what an owned gateway repeats with
 * other content, to the VPN server alone, is not seen here.
 */
import type { TcpSegment } from '../../frame/index.ts';
import { breaksTlsRecord, TLS_HEADER, TLS_TYPES } from './tls-shape.ts';

interface Connection {
  /** Sequence number of the first byte that was not looked at. */
  next: number;
  /** Bytes of a record's body that are still to come. */
  body: number;
  /** What is there of the next record's header. */
  readonly header: number[];
  /** A client speaks first, and begins with a handshake. */
  begun: boolean;
}

/** A client has one, and another while it logs in anew. */
const MAX_CONNECTIONS = 8;

export class TlsStreams {
  /** By the client's port, the oldest first. */
  readonly #connections = new Map<number, Connection>();

  /** The rule that a segment breaks, or undefined. Segments are taken in the order in which they were sent. */
  breaks(tcp: TcpSegment): string | undefined {
    if (tcp.flags.syn) {
      this.#keep(tcp.sourcePort, { next: (tcp.sequence + 1) >>> 0, body: 0, header: [], begun: false });
      return undefined;
    }
    if (tcp.payload.length === 0) return undefined;
    const connection = this.#connections.get(tcp.sourcePort);
    // Signed: how much of the segment was sent before. None is left out by a client whose every segment passes here.
    const seen = connection === undefined ? -1 : (connection.next - tcp.sequence) | 0;
    if (connection !== undefined && seen >= 0) return follow(connection, tcp.payload.subarray(seen));
    // Older than this policy, or cut off from what came before: it goes on with a record or not at all.
    const fresh: Connection = { next: tcp.sequence, body: 0, header: [], begun: true };
    const broken = follow(fresh, tcp.payload);
    if (broken === undefined) this.#keep(tcp.sourcePort, fresh);
    return broken;
  }

  #keep(port: number, connection: Connection): void {
    this.#connections.delete(port);
    this.#connections.set(port, connection);
    const [oldest] = this.#connections.keys();
    if (this.#connections.size > MAX_CONNECTIONS && oldest !== undefined) this.#connections.delete(oldest);
  }
}

function follow(connection: Connection, bytes: Buffer): string | undefined {
  let at = 0;
  while (at < bytes.length) {
    const inside = Math.min(connection.body, bytes.length - at);
    connection.body -= inside;
    at += inside;
    while (at < bytes.length && connection.body === 0) {
      connection.header.push(bytes.readUInt8(at));
      at += 1;
      if (connection.header.length < TLS_HEADER) continue;
      const [type = 0, major = 0, minor = 0, high = 0, low = 0] = connection.header.splice(0);
      const broken = breaksTlsRecord(type, (major << 8) | minor, (high << 8) | low);
      if (broken !== undefined) return broken;
      if (!connection.begun && type !== TLS_TYPES.handshake) return 'not TLS: no handshake';
      connection.begun = true;
      connection.body = (high << 8) | low;
    }
  }
  connection.next = (connection.next + bytes.length) >>> 0;
  return undefined;
}
