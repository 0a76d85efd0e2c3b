/**
 * Somebody between a gateway on slirp and the lab's server, on the host's loopback: the place from which leak case 62
 * (a stranger relays a valid server reply) must be tried there, because slirp takes datagrams from any source on the
 * port it opened for the gateway. The wire's twin is the fault `relayed`.
 */
import dgram from 'node:dgram';

const LOOPBACK = '127.0.0.1';

export class LabRelay {
  /** What the gateway dials instead of the published port. */
  readonly port: number;
  /** Where the stranger speaks from. */
  readonly strangerPort: number;
  readonly #sockets: readonly dgram.Socket[];
  #repliesFrom: 'server' | 'stranger' = 'server';
  #toStranger = 0;
  #client: dgram.RemoteInfo | undefined;
  readonly #stranger: dgram.Socket;

  private constructor(front: dgram.Socket, stranger: dgram.Socket, back: dgram.Socket) {
    this.port = front.address().port;
    this.strangerPort = stranger.address().port;
    this.#sockets = [front, stranger, back];
    front.on('message', (message, from) => {
      this.#client = from;
      back.send(message);
    });
    stranger.on('message', (message) => {
      this.#toStranger += 1;
      back.send(message);
    });
    back.on('message', (message) => {
      this.#toClient(this.#repliesFrom === 'server' ? front : stranger, message);
    });
    this.#stranger = stranger;
    // ECONNREFUSED while the server is away: the next datagram may find it back.
    for (const socket of this.#sockets) socket.on('error', () => {});
  }

  /** Relays to the lab's {@link Lab.publishedPort}. */
  static async start(serverPort: number): Promise<LabRelay> {
    const front = await bound();
    const stranger = await bound();
    const back = await bound();
    await new Promise<void>((resolve) => {
      back.connect(serverPort, LOOPBACK, resolve);
    });
    return new LabRelay(front, stranger, back);
  }

  /** Datagrams the client sent to the stranger: 0, unless it roams to whoever relays. */
  get toStranger(): number {
    return this.#toStranger;
  }

  repliesFrom(who: 'server' | 'stranger'): void {
    this.#repliesFrom = who;
  }

  /** A datagram of the stranger's own to the port through which the client's VPN speaks (41). */
  speak(message: Buffer): void {
    this.#toClient(this.#stranger, message);
  }

  stop(): void {
    for (const socket of this.#sockets) socket.close();
  }

  /** Nowhere before the client's first datagram: its port is not known. */
  #toClient(socket: dgram.Socket, message: Buffer): void {
    if (this.#client !== undefined) socket.send(message, this.#client.port, this.#client.address);
  }
}

function bound(): Promise<dgram.Socket> {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket('udp4');
    socket.once('error', reject);
    socket.bind(0, LOOPBACK, () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}
