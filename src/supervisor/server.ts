/** The supervisor's 0600 socket: one line in, events and one result out. Only this user can connect (folder 0700). */
import { rmSync } from 'node:fs';
import net from 'node:net';
import type { Duplex } from 'node:stream';
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

/** Listens on `socketPath`; the gate's lock is held, so a socket file there is a dead supervisor's. */
export async function serve(socketPath: string, handle: Handler): Promise<net.Server> {
  rmSync(socketPath, { force: true });
  const server = net.createServer((socket) => converse(socket, handle));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, () => resolve());
  });
  return server;
}

function converse(socket: net.Socket, handle: Handler): void {
  let buffered = Buffer.alloc(0);
  const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const send = (message: object) => {
    if (!socket.destroyed) socket.write(`${JSON.stringify(message)}\n`);
  };
  const onData = (chunk: Buffer) => {
    buffered = Buffer.concat([buffered, chunk]);
    if (buffered.length > MAX_REQUEST) {
      socket.destroy();
      return;
    }
    for (let end = buffered.indexOf(10); end >= 0; end = buffered.indexOf(10)) {
      const line = buffered.subarray(0, end).toString('utf8');
      buffered = buffered.subarray(end + 1);
      void serveLine(line);
    }
  };
  const serveLine = async (line: string) => {
    const asked = parse(line);
    if (VmgateError.is(asked)) {
      send({ id: 0, error: asked.serialize() });
      return;
    }
    const { id } = asked;
    let isRaw = false;
    const raw = (result: unknown): Duplex => {
      isRaw = true;
      send({ id, result });
      socket.off('data', onData);
      socket.pause();
      if (buffered.length > 0) socket.unshift(buffered);
      return socket;
    };
    try {
      const result = await handle(asked, { event: (event) => send({ id, event }), raw, gone });
      if (!isRaw) send({ id, result: result ?? null });
    } catch (cause) {
      if (!isRaw) send({ id, error: asFault(cause, `request ${asked.verb}`).serialize() });
    }
  };
  socket.on('error', () => socket.destroy());
  socket.on('data', onData);
}

function parse(line: string): Request | VmgateError {
  try {
    return request.parse(JSON.parse(line));
  } catch (cause) {
    return VmgateError.of(errors.GATE_BAD_REQUEST, { detail: 'not a request of this version' }, { cause });
  }
}
