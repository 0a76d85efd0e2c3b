/**
 * A port of 127.0.0.1 that leads to a work VM's screen, for viewers that know no unix sockets. It is there while `vmgate
 * view` runs and no longer, asks for a password of this run, and on Linux turns other users' programs away before that:
 * QEMU itself listens on no port.
 */
import { randomInt } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { joinStreams, messageOf } from '../host/index.ts';
import { Listener } from '../proxy/index.ts';
import { letIn } from './handshake.ts';
import { enterScreen } from './screen.ts';

/** RFB takes no longer one. Without look-alikes, for it may have to be typed. */
const PASSWORD_CHARACTERS = 8;
const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789';
/** Whoever guesses gets this many tries, and the door is shut for everybody. */
const MOST_WRONG = 20;
const MOST_VIEWERS = 4;
const GREETING_MS = 120_000;

export interface DoorOptions {
  readonly name: string;
  /** Of the screen. */
  readonly socket: string;
  /** 0: any free one. */
  readonly port?: number;
  readonly onNotice: (line: string) => void;
}

export interface Door {
  readonly port: number;
  readonly password: string;
  /** The first viewer that was let in has gone again, or the door was shut. */
  readonly left: Promise<void>;
  close(): void;
}

/** @throws what {@link Listener.open} throws */
export async function openDoor({ name, socket, port = 0, onNotice }: DoorOptions): Promise<Door> {
  const password = makePassword();
  let leave: () => void = () => {};
  const left = new Promise<void>((resolve) => {
    leave = resolve;
  });
  let wrong = 0;
  const close = () => {
    listener.close();
    leave();
  };
  const serve = async (viewer: Duplex): Promise<void> => {
    const late = setTimeout(() => viewer.destroy(), GREETING_MS);
    try {
      if (!(await letIn(viewer, password))) {
        wrong += 1;
        onNotice('a viewer was turned away: wrong password');
        viewer.end();
        if (wrong >= MOST_WRONG) close();
        return;
      }
    } finally {
      clearTimeout(late);
    }
    const screen = await enterScreen(name, socket);
    if (screen === undefined) return close();
    await joinStreams(viewer, screen);
    leave();
  };
  const listener = await Listener.open({
    place: { kind: 'port', port },
    most: MOST_VIEWERS,
    onStranger: () => onNotice('a program of another user was turned away'),
    onConnection: (viewer) => {
      serve(viewer).catch((cause: unknown) => {
        onNotice(`a viewer was turned away: ${messageOf(cause)}`);
        viewer.destroy();
      });
    },
  });
  return { port: listener.place.kind === 'port' ? listener.place.port : 0, password, left, close };
}

function makePassword(): string {
  return Array.from({ length: PASSWORD_CHARACTERS }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}
