/** SOCKS5 and HTTP CONNECT on one listener, told apart by the first byte. Where connections lead is the caller's. */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { VmgateError } from '../core/coded.ts';
import { joinStreams } from '../host/index.ts';
import type { Asked } from './asked.ts';
import type { Credential } from './credential.ts';
import { HttpDoor } from './http-door.ts';
import { Listener, type Place } from './listener.ts';
import { canTellOwners } from './peer-owner.ts';
import { converseSocks } from './socks-conversation.ts';
import { VERSION } from './socks5.ts';

/** For a program to say what it wants. */
const REQUEST_MS = 10_000;
/** Half of them the gate carries at a time; the others may be asking. */
const MOST = 96;

export interface ProxyOptions {
  readonly place: Place;
  /** Undefined: whoever can open the socket is let in; on a port, whoever is this user, where the kernel tells. */
  readonly credential: Credential | undefined;
  /** Rejects with a VmgateError. */
  readonly open: (target: { readonly host: string; readonly port: number }) => Promise<Duplex>;
  /** Hears of each connection that was not made. */
  readonly onRefused: (target: string, fault: VmgateError) => void;
  readonly onStranger: () => void;
}

/** @throws what {@link Listener.open} throws */
export function startProxy(options: ProxyOptions): Promise<Listener> {
  if (options.place.kind === 'port' && options.credential === undefined && !canTellOwners) {
    throw new TypeError('a proxy on a port has a credential, where the kernel does not tell whose program it is');
  }
  const door = new HttpDoor(options.credential, (asked) => void serve(asked, options));
  return Listener.open({
    place: options.place,
    most: MOST,
    onStranger: options.onStranger,
    onConnection: (socket) => welcome(socket, door, options),
  });
}

/** Programs that have not said yet what they want, and how the patience with each ends. */
const asking = new WeakMap<Duplex, () => void>();

function welcome(socket: Socket, door: HttpDoor, options: ProxyOptions): void {
  const impatience = setTimeout(() => socket.destroy(), REQUEST_MS);
  asking.set(socket, () => clearTimeout(impatience));
  socket.once('close', () => clearTimeout(impatience));
  socket.once('data', (first: Buffer) => {
    socket.pause();
    socket.unshift(first);
    if (first[0] !== VERSION) return door.take(socket);
    void converseSocks(socket, options.credential).then((asked) => asked && serve(asked, options));
    return undefined;
  });
  socket.resume();
}

async function serve(asked: Asked, { open, onRefused }: ProxyOptions): Promise<void> {
  const { host, port, stream } = asked;
  asking.get(stream)?.();
  asking.delete(stream);
  try {
    const remote = await open({ host, port });
    if (stream.destroyed) {
      remote.destroy();
      return;
    }
    asked.accept();
    void joinStreams(stream, remote);
  } catch (cause) {
    if (!VmgateError.is(cause)) throw cause;
    onRefused(`${host}:${port}`, cause);
    asked.refuse(cause);
  }
}
