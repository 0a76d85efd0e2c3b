/**
 * Where programs of this machine connect: a port of 127.0.0.1, or a socket that only its owner can open. Never another
 * address. The loopback serves every user of the machine, so there the kernel is asked whose program it is.
 */
import { chmodSync, lstatSync, rmSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { MAX_SOCKET_PATH, objectionToFolder } from '../home/index.ts';
import { errnoOf, messageOf } from '../host/index.ts';
import { errors } from './codes.ts';
import { canTellOwners, ownerOf } from './peer-owner.ts';

const LOOPBACK = '127.0.0.1';

/** `port` 0: any free one. */
export type Place =
  | { readonly kind: 'port'; readonly port: number }
  | { readonly kind: 'socket'; readonly path: string };

export interface ListenerOptions {
  readonly place: Place;
  /** Connections at a time; more are closed as they come. */
  readonly most: number;
  readonly onConnection: (socket: net.Socket) => void;
  /** A program of another user was turned away. */
  readonly onStranger: () => void;
  /** For its test: whose program is at the other end. */
  readonly whose?: typeof ownerOf;
}

export class Listener {
  /** With the port that was given where 0 was asked for. */
  readonly place: Place;
  readonly #server: net.Server;
  readonly #sockets: Set<net.Socket>;

  private constructor(place: Place, server: net.Server, sockets: Set<net.Socket>) {
    this.place = place;
    this.#server = server;
    this.#sockets = sockets;
  }

  /** @throws PROXY_PORT_TAKEN, PROXY_PORT_FORBIDDEN, PROXY_SOCKET_TAKEN, PROXY_SOCKET_UNSAFE, PROXY_LISTEN_FAILED */
  static async open({ place, most, onConnection, onStranger, whose }: ListenerOptions): Promise<Listener> {
    const sockets = new Set<net.Socket>();
    const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      void isOurs(socket, whose).then((ours) => {
        if (ours && !socket.destroyed) return onConnection(socket);
        if (!ours) onStranger();
        socket.destroy();
      });
    });
    server.maxConnections = most;
    if (place.kind === 'port') {
      await bound(server, { host: LOOPBACK, port: place.port }, place);
      return new Listener({ kind: 'port', port: portOf(server) }, server, sockets);
    }
    await makeRoom(place.path);
    // Before any program can find it: the mode of a socket is taken from here, chmod alone would leave a moment.
    const before = process.umask(0o177);
    try {
      await bound(server, { path: place.path }, place);
      chmodSync(place.path, 0o600);
    } finally {
      process.umask(before);
    }
    return new Listener(place, server, sockets);
  }

  /** Every connection is cut; a socket's file goes. */
  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** A socket's file lets only its owner in. On a port each program is looked up where the system says whose it is. */
async function isOurs(socket: net.Socket, whose: ListenerOptions['whose']): Promise<boolean> {
  const { remotePort: client, localPort: server } = socket;
  const ask = whose ?? (canTellOwners ? ownerOf : undefined);
  if (client === undefined || server === undefined || ask === undefined) return true;
  return (await ask({ client, server })) === process.getuid?.();
}

function bound(server: net.Server, where: net.ListenOptions, place: Place): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(inWords(cause, place)));
    server.listen(where, resolve);
  });
}

function inWords(cause: unknown, place: Place): VmgateError {
  const code = errnoOf(cause);
  if (place.kind === 'port' && code === 'EADDRINUSE') {
    return VmgateError.of(errors.PROXY_PORT_TAKEN, { port: place.port }, { cause });
  }
  if (place.kind === 'port' && code === 'EACCES') {
    return VmgateError.of(errors.PROXY_PORT_FORBIDDEN, { port: place.port }, { cause });
  }
  if (place.kind === 'socket' && code === 'EADDRINUSE') {
    return VmgateError.of(errors.PROXY_SOCKET_TAKEN, { path: place.path }, { cause });
  }
  const where = place.kind === 'port' ? `${LOOPBACK} port ${place.port}` : place.path;
  return VmgateError.of(errors.PROXY_LISTEN_FAILED, { where, why: messageOf(cause) }, { cause });
}

/** Nobody else can put something in the socket's place; one that an earlier run left behind goes. */
async function makeRoom(file: string): Promise<void> {
  const unsafe = (why: string, fix: string) => VmgateError.of(errors.PROXY_SOCKET_UNSAFE, { path: file, why, fix });
  const bytes = Buffer.byteLength(file);
  if (bytes > MAX_SOCKET_PATH) {
    throw unsafe(`${bytes} bytes are more than the ${MAX_SOCKET_PATH} of a socket's path`, 'name a shorter path');
  }
  const folder = path.dirname(file);
  const me = process.getuid?.() ?? 0;
  const objection = objectionToFolder(folder, me);
  if (objection !== undefined) throw unsafe(`${objection.folder} ${objection.why}`, objection.fix);
  if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) {
    throw unsafe(`there is no folder ${folder}`, `mkdir -m 700 ${folder}`);
  }
  const there = lstatSync(file, { throwIfNoEntry: false });
  if (there === undefined) return;
  const isLeftOver = there.isSocket() && there.uid === me && (await isDeaf(file));
  if (!isLeftOver) throw VmgateError.of(errors.PROXY_SOCKET_TAKEN, { path: file });
  rmSync(file);
}

/** Nobody listens there any more. */
function isDeaf(file: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(file);
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (cause) => resolve(errnoOf(cause) === 'ECONNREFUSED'));
  });
}

function portOf(server: net.Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
