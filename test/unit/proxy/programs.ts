/** Programs that speak to a proxy, as bytes; and a far end to connect them to. */
import { once } from 'node:events';
import net from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';

export const GIVE_UP_MS = 3_000;

/** Everything a stream says, and when it has ended. */
export class Hearing {
  readonly ended: Promise<void>;
  #heard = Buffer.alloc(0);
  readonly #stream: Duplex;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on('error', () => undefined);
    stream.on('data', (chunk: Buffer) => {
      this.#heard = Buffer.concat([this.#heard, chunk]);
    });
    this.ended = new Promise((resolve) => {
      stream.once('end', resolve);
      stream.once('close', resolve);
    });
  }

  get heard(): Buffer {
    return this.#heard;
  }

  async bytes(count: number): Promise<Buffer> {
    const signal = AbortSignal.timeout(GIVE_UP_MS);
    while (this.#heard.length < count) await once(this.#stream, 'data', { signal });
    return this.#heard.subarray(0, count);
  }
}

export async function connectTo(where: net.NetConnectOpts): Promise<net.Socket> {
  const socket = net.connect(where);
  await once(socket, 'connect');
  return socket;
}

export function farEnd(): { readonly near: Duplex; readonly far: Duplex } {
  const [near, far] = duplexPair();
  near.once('close', () => far.destroy());
  far.once('close', () => near.destroy());
  far.on('error', () => undefined);
  return { near, far };
}

const text = (value: string) => [Buffer.from([Buffer.byteLength(value)]), Buffer.from(value)];

export const socks = {
  methods: (...methods: readonly number[]) => Buffer.from([5, methods.length, ...methods]),
  login: (user: string, password: string) => Buffer.concat([Buffer.from([1]), ...text(user), ...text(password)]),
  connect: (name: string, port: number) =>
    Buffer.concat([Buffer.from([5, 1, 0, 3]), ...text(name), Buffer.from([port >> 8, port & 255])]),
};
