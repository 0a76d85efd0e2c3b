/**
 * Stands at the end of a wire in a machine's place and speaks Ethernet frame by frame: whatever an owned guest can put on
 * its card, this can. A QEMU without machine or guest joins the wire (unix datagrams, which Node does not have) to a
 * stream; it is there in a tenth of a second.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Installation, option, wire } from '../../../src/drivers/index.ts';
import { FrameReader, framed } from '../../../src/drivers/qemu/framing.ts';
import { hostPlatform } from '../../../src/host/index.ts';

const START_MS = 10_000;

export interface LinkStand {
  send(frame: Buffer): void;
  /** Hears every frame the other end puts on the wire. */
  onFrame(listener: (frame: Buffer) => void): void;
  close(): Promise<void>;
}

/** `localPath` is where the absent machine would listen, `remotePath` the other end of the wire. */
export async function standOn(localPath: string, remotePath: string): Promise<LinkStand> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'vmg-st-'));
  const stream = path.join(folder, 'frames');
  const { binary } = await new Installation().find(hostPlatform().arch);
  const child = spawn(
    binary,
    [
      ...['-nodefaults', '-no-user-config', '-machine', 'none', '-display', 'none'],
      ...wire('link', localPath, remotePath),
      ...['-netdev', option('stream', { id: 'frames', server: 'on', 'addr.type': 'unix', 'addr.path': stream })],
      ...['-netdev', 'hubport,id=hub-link,hubid=0,netdev=link'],
      ...['-netdev', 'hubport,id=hub-frames,hubid=0,netdev=frames'],
    ],
    { stdio: 'ignore' },
  );
  const ended = once(child, 'exit');
  const close = async () => {
    child.kill('SIGKILL');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const socket = await connect(stream);
    const listeners = new Set<(frame: Buffer) => void>();
    const reader = new FrameReader((frame) => {
      for (const listener of listeners) listener(frame);
    });
    socket.on('data', (chunk: Buffer) => reader.push(chunk));
    socket.on('error', () => {}); // Ends with the process.
    return {
      send: (frame) => void socket.write(framed(frame)),
      onFrame: (listener) => void listeners.add(listener),
      close,
    };
  } catch (cause) {
    await close();
    throw cause;
  }
}

/** A server socket of another process has no event: asked until it answers. */
async function connect(socketPath: string): Promise<net.Socket> {
  const deadline = Date.now() + START_MS;
  for (;;) {
    const socket = net.connect(socketPath);
    try {
      await once(socket, 'connect');
      return socket;
    } catch (cause) {
      if (Date.now() > deadline) throw cause;
      await delay(20);
    }
  }
}
