/** A port or socket of this machine that leads to one place. */
import type { Duplex } from 'node:stream';
import { joinStreams } from '../host/index.ts';
import { Listener, type Place } from './listener.ts';

const MOST = 48;

export interface ForwardOptions {
  readonly place: Place;
  readonly open: () => Promise<Duplex>;
  readonly onRefused: (cause: unknown) => void;
  readonly onStranger: () => void;
}

/** @throws what {@link Listener.open} throws */
export function startForward({ place, open, onRefused, onStranger }: ForwardOptions): Promise<Listener> {
  return Listener.open({
    place,
    most: MOST,
    onStranger,
    onConnection: (socket) => {
      open().then(
        (remote) => {
          if (socket.destroyed) remote.destroy();
          else void joinStreams(socket, remote);
        },
        (cause: unknown) => {
          onRefused(cause);
          socket.resetAndDestroy();
        },
      );
    },
  });
}
