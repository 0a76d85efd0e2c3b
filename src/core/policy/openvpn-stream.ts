/**
 * Where OpenVPN's messages begin in a client's TCP connection: each has its length in front, two bytes, and an operation
 * behind that (OpenVPN 2.6, src/openvpn/socket.c, `stream_buf`). From the SYN on, all of them are looked at, however segments
 * cut the stream; what is sent again must have the same lengths and operations at the same places. The rest is encrypted.
 */
import type { TcpSegment } from '../../frame/index.ts';
import { breaksOpenVpn } from './openvpn-shape.ts';

/** Two bytes of length, one of operation. */
const HEAD = 3;
/** With room for what TLS and tls-crypt-v2 add: no client of a tunnel of 1,500 bytes has longer ones. */
const MOST_MESSAGE = 2_048;
/** Operations 7 and 10, with key 0. */
const BEGINNINGS: readonly number[] = [7 << 3, 10 << 3];
/** More of the shortest ones than Linux keeps for a peer that acknowledges nothing (tcp_wmem, 4 MB). */
const REMEMBERED = 65_536;

/** One connection at a time: a client that connects anew has another socket, and its policy another port. */
export class OpenVpnStream {
  #sent: Sent | undefined;

  /** The rule that a segment breaks, or undefined. Segments are taken in the order in which they were sent. */
  breaks({ flags, sequence, payload }: TcpSegment): string | undefined {
    if (flags.syn) {
      const first = (sequence + 1) >>> 0;
      if (this.#sent?.first !== first) this.#sent = new Sent(first);
      return undefined;
    }
    if (payload.length === 0) return undefined;
    return this.#sent === undefined ? 'not OpenVPN: a stream without a beginning' : this.#sent.take(sequence, payload);
  }
}

/** What was sent of a stream: all messages' heads, of the newest at least. */
class Sent {
  readonly first: number;
  #next: number;
  /** Bytes of the newest message that are still to come. */
  #body = 0;
  /** Bytes of its head that are there. */
  #known = HEAD;
  #messages = 0;
  readonly #starts = new Uint32Array(REMEMBERED);
  readonly #heads = new Uint8Array(REMEMBERED * HEAD);

  constructor(first: number) {
    this.first = first;
    this.#next = first;
  }

  take(sequence: number, bytes: Buffer): string | undefined {
    // Signed: sequence numbers go round.
    const seen = (this.#next - sequence) | 0;
    if (seen < 0) return 'not OpenVPN: a piece of the stream is left out';
    return this.#breaksAgain(sequence, bytes.subarray(0, seen)) ?? this.#follow(bytes.subarray(seen));
  }

  #follow(bytes: Buffer): string | undefined {
    for (let at = 0; at < bytes.length; ) {
      if (this.#body > 0) {
        const inside = Math.min(this.#body, bytes.length - at);
        this.#body -= inside;
        at += inside;
        continue;
      }
      if (this.#known === HEAD) {
        this.#starts[this.#messages % REMEMBERED] = this.#next + at;
        this.#messages += 1;
        this.#known = 0;
      }
      const slot = ((this.#messages - 1) % REMEMBERED) * HEAD;
      this.#heads[slot + this.#known] = bytes.readUInt8(at);
      this.#known += 1;
      at += 1;
      if (this.#known < HEAD) continue;
      const [high = 0, low = 0, operation = 0] = this.#heads.subarray(slot, slot + HEAD);
      const broken = this.#breaksHead((high << 8) | low, operation);
      if (broken !== undefined) return broken;
    }
    this.#next = (this.#next + bytes.length) >>> 0;
    return undefined;
  }

  #breaksHead(length: number, operation: number): string | undefined {
    if (length > MOST_MESSAGE) return 'not OpenVPN: a length that no message has';
    if (this.#messages === 1 && !BEGINNINGS.includes(operation)) return 'not OpenVPN: a stream that begins otherwise';
    this.#body = length - 1;
    return breaksOpenVpn(operation, length);
  }

  /** From the newest message back to the one that the repeated bytes begin in. */
  #breaksAgain(sequence: number, bytes: Buffer): string | undefined {
    if (bytes.length === 0) return undefined;
    if (((sequence - this.first) | 0) < 0) return 'not OpenVPN: bytes from before the stream began';
    const oldest = Math.max(0, this.#messages - REMEMBERED);
    for (let index = this.#messages - 1; index >= oldest; index -= 1) {
      const slot = index % REMEMBERED;
      const start = ((this.#starts[slot] ?? 0) - sequence) | 0;
      const known = index === this.#messages - 1 ? this.#known : HEAD;
      for (let place = 0; place < known; place += 1) {
        const byte = start + place >= 0 ? bytes[start + place] : undefined;
        if (byte !== undefined && byte !== this.#heads[slot * HEAD + place]) return 'not OpenVPN: sent again otherwise';
      }
      if (start <= 0) return undefined;
    }
    return 'not OpenVPN: sent again after too long';
  }
}
