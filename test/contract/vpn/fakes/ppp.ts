/**
 * The server's end of PPP (RFC 1661, 1332, 1877) in a FortiGate's framing: total length, 0x5050, length, each two bytes. Takes
 * what openconnect asks for, gives an address and a resolver, and carries IPv4.
 */
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { ipv4Bytes } from '../../../../src/frame/index.ts';
import { INSIDE, type Inside } from './inside.ts';

const FRAME_HEADER = 6;
const MAGIC = 0x5050;
const ADDRESS_CONTROL = 0xff03;
const PPP_HEADER = 4;
const PROTOCOL = { ipv4: 0x0021, lcp: 0xc021, ipcp: 0x8021 } as const;
const CODE = {
  request: 1,
  ack: 2,
  nak: 3,
  reject: 4,
  terminate: 5,
  terminated: 6,
  protocolReject: 8,
  echo: 9,
  echoed: 10,
  discard: 11,
} as const;
const LCP = { mru: 1, magic: 5 } as const;
const IPCP = { address: 3, dns: 129 } as const;
/** Less than what is asked for. */
const MRU = 1_354;

interface Option {
  readonly type: number;
  readonly value: Buffer;
}

export class PppServer {
  readonly #stream: Duplex;
  readonly #inside: Inside;
  readonly #address: string;
  readonly #magic = randomBytes(4);
  #id = 0;
  echoes = 0;

  /** @param address what it gives to the client */
  constructor(stream: Duplex, inside: Inside, address: string = INSIDE.client) {
    this.#stream = stream;
    this.#inside = inside;
    this.#address = address;
    let pending = Buffer.alloc(0);
    stream.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= FRAME_HEADER) {
        const length = pending.readUInt16BE(4);
        if (pending.readUInt16BE(2) !== MAGIC || pending.readUInt16BE(0) !== length + FRAME_HEADER) {
          throw new Error(`no frame: ${pending.toString('hex', 0, FRAME_HEADER)}`);
        }
        if (pending.length < FRAME_HEADER + length) return;
        this.#packet(pending.subarray(FRAME_HEADER, FRAME_HEADER + length));
        pending = pending.subarray(FRAME_HEADER + length);
      }
    });
    stream.resume();
    const mru = Buffer.alloc(2);
    mru.writeUInt16BE(MRU);
    this.#ask(PROTOCOL.lcp, [
      { type: LCP.mru, value: mru },
      { type: LCP.magic, value: this.#magic },
    ]);
  }

  #packet(packet: Buffer): void {
    // Of a server that rejects both compressions of the header it must be whole.
    if (packet.readUInt16BE(0) !== ADDRESS_CONTROL) throw new Error(`no PPP: ${packet.toString('hex', 0, PPP_HEADER)}`);
    const protocol = packet.readUInt16BE(2);
    const payload = packet.subarray(PPP_HEADER);
    if (protocol === PROTOCOL.ipv4) {
      const answer = this.#inside.answer(payload);
      if (answer !== undefined) this.#send(protocol, answer);
    } else if (protocol === PROTOCOL.lcp || protocol === PROTOCOL.ipcp) {
      this.#control(protocol, payload);
    } else {
      const rejected = Buffer.concat([packet.subarray(2, PPP_HEADER), payload]);
      this.#say(PROTOCOL.lcp, CODE.protocolReject, this.#nextId(), rejected);
    }
  }

  #control(protocol: number, payload: Buffer): void {
    const [code, id] = [payload.readUInt8(0), payload.readUInt8(1)];
    const data = payload.subarray(4, payload.readUInt16BE(2));
    switch (code) {
      case CODE.request:
        this.#request(protocol, id, optionsIn(data));
        break;
      // Of this server's own MRU, which is then as the client says.
      case CODE.nak:
        this.#ask(protocol, optionsIn(data));
        break;
      case CODE.echo:
        this.echoes += 1;
        this.#say(protocol, CODE.echoed, id, this.#magic);
        break;
      case CODE.terminate:
        this.#say(protocol, CODE.terminated, id, Buffer.alloc(0));
        break;
      case CODE.ack:
      case CODE.discard:
        break;
      default:
        throw new Error(`code ${code} of ${protocol.toString(16)}`);
    }
  }

  #request(protocol: number, id: number, options: readonly Option[]): void {
    const known: readonly number[] = protocol === PROTOCOL.lcp ? [LCP.mru, LCP.magic] : [IPCP.address, IPCP.dns];
    const rejected = options.filter(({ type }) => !known.includes(type));
    const wrong = protocol === PROTOCOL.ipcp ? this.#corrected(options) : [];
    if (rejected.length > 0) this.#say(protocol, CODE.reject, id, bytesOf(rejected));
    else if (wrong.length > 0) this.#say(protocol, CODE.nak, id, bytesOf(wrong));
    else {
      this.#say(protocol, CODE.ack, id, bytesOf(options));
      if (protocol === PROTOCOL.ipcp) this.#ask(protocol, [{ type: IPCP.address, value: ipv4Bytes(INSIDE.host) }]);
    }
  }

  /** Addresses that are not as this server gives them, as they should be. */
  #corrected(options: readonly Option[]): readonly Option[] {
    return options.flatMap(({ type, value }) => {
      const meant = ipv4Bytes(type === IPCP.dns ? INSIDE.host : this.#address);
      return meant.equals(value) ? [] : [{ type, value: meant }];
    });
  }

  #ask(protocol: number, options: readonly Option[]): void {
    this.#say(protocol, CODE.request, this.#nextId(), bytesOf(options));
  }

  #nextId(): number {
    this.#id += 1;
    return this.#id;
  }

  #say(protocol: number, code: number, id: number, data: Buffer): void {
    const header = Buffer.from([code, id & 0xff, 0, 0]);
    header.writeUInt16BE(header.length + data.length, 2);
    this.#send(protocol, Buffer.concat([header, data]));
  }

  #send(protocol: number, payload: Buffer): void {
    const header = Buffer.alloc(FRAME_HEADER + PPP_HEADER);
    header.writeUInt16BE(FRAME_HEADER + PPP_HEADER + payload.length, 0);
    header.writeUInt16BE(MAGIC, 2);
    header.writeUInt16BE(PPP_HEADER + payload.length, 4);
    header.writeUInt16BE(ADDRESS_CONTROL, 6);
    header.writeUInt16BE(protocol, 8);
    this.#stream.write(Buffer.concat([header, payload]));
  }
}

function optionsIn(data: Buffer): readonly Option[] {
  const options: Option[] = [];
  for (let at = 0; at < data.length; ) {
    const length = data.readUInt8(at + 1);
    if (length < 2) throw new Error(`an option of ${length} bytes`);
    options.push({ type: data.readUInt8(at), value: data.subarray(at + 2, at + length) });
    at += length;
  }
  return options;
}

function bytesOf(options: readonly Option[]): Buffer {
  return Buffer.concat(options.map(({ type, value }) => Buffer.concat([Buffer.from([type, value.length + 2]), value])));
}
