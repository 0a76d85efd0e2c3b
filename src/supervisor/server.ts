/**
 * The supervisor's 0600 socket: one line in, events and one result out. Only this user can connect (folder 0700). Bounded
 * all the same: a client that misbehaves is a defect, and must not cost the gate its supervisor.
 */
import { rmSync } from 'node:fs';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { type CodedEvent, VmgateError } from '../core/coded.ts';
import { errors } from './codes.ts';
import { asFault } from './loop.ts';
import { MAX_REQUEST, type Request, request } from './protocol.ts';

/** What a handler may do beside answering. */
export interface Exchange {
  readonly event: (event: CodedEvent) => void;
  /** Sends the result, then hands over the connection as raw bytes. */
  readonly raw: (result: unknown) => Duplex;
  /** Resolves when the client is gone. */
  readonly gone: Promise<void>;
}

export type Handler = (request: Request, exchange: Exchange) => Promise<unknown>;

/** More ssh sessions than a person has; the kernel refuses the rest. */
const MAX_CLIENTS = 128;
/** Of a client that does not read its events. */
const MAX_UNREAD = 4 * 1_048_576;
const LAST_WORDS_MS = 500;
/** For answers under way; whoever only watches has none coming. */
const ANSWERS_MS = 1_000;

/** Listens on `socketPath`; the gate's lock is held, so a socket file there is a dead supervisor's. */
export async function serve(socketPath: string, handle: Handler): Promise<RequestServer> {
  const server = new RequestServer(socketPath, handle);
  await server.listen();
  return server;
}

export class RequestServer {
  readonly #server: net.Server;
  readonly #path: string;
  readonly #clients = new Map<net.Socket, Conversation>();

  constructor(socketPath: string, handle: Handler) {
    this.#path = socketPath;
    // A client of a byte stream may have said all it has to say and still listen.
    this.#server = net.createServer({ allowHalfOpen: true }, (socket) => {
      this.#clients.set(socket, new Conversation(socket, handle));
      socket.once('close', () => this.#clients.delete(socket));
    });
    this.#server.maxConnections = MAX_CLIENTS;
  }

  listen(): Promise<void> {
    rmSync(this.#path, { force: true });
    return new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#path, () => resolve());
    });
  }

  /** Answers under way still go out; then every connection ends, watchers and byte streams too. */
  async close(): Promise<void> {
    rmSync(this.#path, { force: true });
    this.#server.close();
    const [clients, talks] = [[...this.#clients.keys()], [...this.#clients.values()]];
    // Why there is no gate any more is an answer too, and on a busy machine takes more than a turn.
    const late = delay(ANSWERS_MS, undefined, { ref: false });
    await Promise.race([Promise.all(talks.map((talk) => talk.answered())), late]);
    for (const socket of clients) socket.end();
    setTimeout(() => {
      for (const socket of clients) socket.destroy();
    }, LAST_WORDS_MS).unref();
  }
}

/** One client. Its requests are served one after the other. */
class Conversation {
  readonly #socket: net.Socket;
  readonly #handle: Handler;
  readonly #gone: Promise<void>;
  #unread: Buffer = Buffer.alloc(0);
  #state: 'idle' | 'busy' | 'raw' = 'idle';
  #serving: Promise<unknown> = Promise.resolve();

  constructor(socket: net.Socket, handle: Handler) {
    this.#socket = socket;
    this.#handle = handle;
    this.#gone = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => socket.destroy());
    socket.on('end', () => {
      if (this.#state !== 'raw') socket.end();
    });
    socket.on('data', this.#onData);
  }

  /** Resolves when no answer is under way; at once for what is bytes by now. */
  async answered(): Promise<void> {
    await turn();
    if (this.#state === 'busy') await this.#serving;
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    if (this.#unread.length > MAX_REQUEST) this.#socket.destroy();
    else this.#next();
  };

  #next(): void {
    const end = this.#unread.indexOf(10);
    if (this.#state !== 'idle' || end < 0) return;
    const line = this.#unread.subarray(0, end).toString('utf8');
    this.#unread = this.#unread.subarray(end + 1);
    this.#state = 'busy';
    this.#serving = this.#serve(line).then(() => {
      if (this.#state !== 'busy') return;
      this.#state = 'idle';
      this.#next();
    });
  }

  /** Never rejects. */
  async #serve(line: string): Promise<void> {
    const asked = parse(line);
    if (VmgateError.is(asked)) return this.#send({ id: 0, error: asked.serialize() });
    const { id, verb } = asked;
    try {
      const result = await this.#handle(asked, {
        event: (event) => this.#send({ id, event }),
        raw: (early) => this.#handOver(id, early),
        gone: this.#gone,
      });
      if (this.#state === 'busy') this.#send({ id, result: result ?? null });
    } catch (cause) {
      if (this.#state === 'busy') this.#send({ id, error: asFault(cause, `request ${verb}`).serialize() });
      else this.#socket.destroy();
    }
  }

  #handOver(id: number, result: unknown): Duplex {
    this.#send({ id, result });
    this.#state = 'raw';
    this.#socket.off('data', this.#onData);
    this.#socket.pause();
    if (this.#unread.length > 0) this.#socket.unshift(this.#unread);
    return this.#socket;
  }

  #send(message: object): void {
    if (!this.#socket.writable) return;
    this.#socket.write(`${JSON.stringify(message)}\n`);
    if (this.#socket.writableLength > MAX_UNREAD) this.#socket.destroy();
  }
}

function parse(line: string): Request | VmgateError {
  try {
    return request.parse(JSON.parse(line));
  } catch (cause) {
    return VmgateError.of(errors.GATE_BAD_REQUEST, { detail: 'not a request of this version' }, { cause });
  }
}
