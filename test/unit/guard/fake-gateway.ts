/** The gateway's side of the guard, as QEMU plays it: two listening sockets with 4-byte length framing. */
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

export class FakeGateway {
  readonly folder: string;
  readonly outgoing: string;
  readonly released: string;
  /** Frames the guard let out, in order. */
  readonly out: Buffer[] = [];
  readonly #servers: net.Server[] = [];
  readonly #sockets: { outgoing?: net.Socket; released?: net.Socket } = {};
  #waiters: { count: number; resolve: () => void }[] = [];

  private constructor(folder: string) {
    this.folder = folder;
    this.outgoing = path.join(folder, 'fo.sock');
    this.released = path.join(folder, 'fi.sock');
  }

  static async start(): Promise<FakeGateway> {
    const gateway = new FakeGateway(mkdtempSync(path.join(tmpdir(), 'vmgate-guard-')));
    await gateway.#listen(gateway.outgoing, (socket) => {
      gateway.#sockets.outgoing = socket;
    });
    await gateway.#listen(gateway.released, (socket) => {
      gateway.#sockets.released = socket;
      gateway.#collect(socket);
    });
    return gateway;
  }

  /** Puts frames on the uplink as the guest would, in one write. Resolves when the socket took them. */
  send(...frames: readonly Buffer[]): Promise<void> {
    return this.sendRaw(Buffer.concat(frames.flatMap((frame) => [lengthOf(frame), frame])));
  }

  sendRaw(bytes: Buffer): Promise<void> {
    return new Promise((resolve) => this.#sockets.outgoing?.write(bytes, () => resolve()));
  }

  /** Resolves once at least `count` frames came out. */
  received(count: number): Promise<void> {
    if (this.out.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ count, resolve }));
  }

  /** Stops or goes on reading what the guard lets out. */
  readReleased(reading: boolean): void {
    if (reading) this.#sockets.released?.resume();
    else this.#sockets.released?.pause();
  }

  /** The gateway's process is gone. */
  crash(): void {
    this.#sockets.outgoing?.destroy();
    this.#sockets.released?.destroy();
  }

  async close(): Promise<void> {
    this.crash();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
    rmSync(this.folder, { recursive: true, force: true });
  }

  #listen(at: string, accept: (socket: net.Socket) => void): Promise<void> {
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      accept(socket);
    });
    this.#servers.push(server);
    return new Promise((resolve) => server.listen(at, resolve));
  }

  #collect(socket: net.Socket): void {
    let rest: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
        const end = 4 + rest.readUInt32BE(0);
        this.out.push(rest.subarray(4, end));
        rest = rest.subarray(end);
      }
      for (const waiter of this.#waiters) if (this.out.length >= waiter.count) waiter.resolve();
      this.#waiters = this.#waiters.filter(({ count }) => this.out.length < count);
    });
  }
}

function lengthOf(frame: Buffer): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(frame.length);
  return prefix;
}
