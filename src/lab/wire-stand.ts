/**
 * Stands at the end of a wire in a machine's place and speaks Ethernet frame by frame: whatever an owned guest can put on
 * its card, this can. A QEMU without machine or guest joins the wire (unix datagrams, which Node does not have) to a
 * stream; it is there in a tenth of a second.
 */
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Installation, killHolder, Machine, option, PIDFILE, SOCKETS, server, wire } from '../drivers/index.ts';
import { FrameReader, framed } from '../frame/index.ts';
import { emptyFolder } from '../home/index.ts';
import { hostPlatform, monotonicMs } from '../host/index.ts';

const LISTEN_MS = 5_000;
const LOOK_AGAIN_MS = 10;

export interface WireStand {
  readonly pid: number;
  /** False when the wire does not take frames as fast as they come: somebody at its other end has stopped reading. */
  send(frame: Buffer): boolean;
  /** Hears every frame the other end puts on the wire. */
  onFrame(listener: (frame: Buffer) => void): void;
  close(): Promise<void>;
}

export interface StandPlace {
  /** Of this stand alone; made, and removed by `close`. */
  readonly folder: string;
  /** Where the absent machine would listen. Another path than its own: the machine may be there and hear the answers. */
  readonly localPath: string;
  /** The other end of the wire. */
  readonly remotePath: string;
}

export async function standOn(
  { folder, localPath, remotePath }: StandPlace,
  installation: Installation,
): Promise<WireStand> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await killHolder(folder);
  await emptyFolder(folder);
  const stream = path.join(folder, 'frames');
  const qemu = await installation.find(hostPlatform().arch);
  const machine = await Machine.launch({
    ...qemu,
    label: 'a stand on a wire',
    folder,
    argv: [
      ...['-nodefaults', '-no-user-config', '-machine', 'none', '-display', 'none'],
      ...['-pidfile', path.join(folder, PIDFILE)],
      ...server('qmp', path.join(folder, SOCKETS.qmp)),
      ...['-mon', 'chardev=qmp,mode=control'],
      ...wire('link', localPath, remotePath),
      ...['-netdev', option('stream', { id: 'frames', server: 'on', 'addr.type': 'unix', 'addr.path': stream })],
      ...['-netdev', 'hubport,id=hub-link,hubid=0,netdev=link'],
      ...['-netdev', 'hubport,id=hub-frames,hubid=0,netdev=frames'],
    ],
  });
  const close = async () => {
    await machine.kill();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    // Connected is not accepted: what arrived on the wire in between would be lost.
    const accepted = new Promise<void>((resolve) => {
      machine.qmp.onEvent(({ name }) => {
        if (name === 'NETDEV_STREAM_CONNECTED') resolve();
      });
    });
    const socket = await connectWhenThere(stream);
    await accepted;
    socket.on('error', () => {}); // Ends with the process.
    const listeners = new Set<(frame: Buffer) => void>();
    const reader = new FrameReader((frame) => {
      for (const listener of listeners) listener(frame);
    });
    socket.on('data', (chunk: Buffer) => reader.push(chunk));
    return {
      pid: machine.pid,
      send: (frame) => socket.write(framed(frame)),
      onFrame: (listener) => void listeners.add(listener),
      close,
    };
  } catch (cause) {
    await close();
    throw cause;
  }
}

/** QEMU's control socket answers before `-netdev stream` listens: it does that in a thread of its own (net/stream.c). */
async function connectWhenThere(path: string): Promise<net.Socket> {
  const deadline = monotonicMs() + LISTEN_MS;
  for (;;) {
    const socket = net.connect(path);
    try {
      await once(socket, 'connect');
      return socket;
    } catch (cause) {
      if (monotonicMs() > deadline) throw cause;
      await delay(LOOK_AGAIN_MS);
    }
  }
}
