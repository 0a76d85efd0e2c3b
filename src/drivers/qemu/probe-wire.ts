/**
 * vmgate's own stand on the probe link. Two filters on the link's netdev, made for one run by QMP: the injector is deaf
 * after a reconnect, and a mirror that nobody reads stops QEMU's main loop, QMP included. So the mirror's reader is
 * connected before the mirror exists and goes after it.
 */
import { rm } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { VmgateError } from '../../core/coded.ts';
import { FrameReader, framed } from '../../frame/index.ts';
import { errors } from '../codes.ts';
import type { ProbeWire } from '../driver.ts';
import { requireFrameSize } from '../limits.ts';
import { SOCKETS } from './argv.ts';
import type { QmpClient } from './qmp.ts';

type Undo = () => Promise<unknown>;

/**
 * Puts vmgate on the wire of `netdev`. `onClosed` is called once everything is removed again.
 *
 * @throws DRIVER_PROBE_UNAVAILABLE or a QMP error; nothing is left on the machine then
 */
export async function openProbeWire(
  qmp: QmpClient,
  folder: string,
  netdev: string,
  onClosed: () => void,
): Promise<ProbeWire> {
  const undo: Undo[] = [];
  const undoAll = async () => {
    // A machine that is gone has no filters either: its refusals say nothing new.
    for (const step of undo.splice(0).reverse()) await step().catch(() => {});
    onClosed();
  };
  const attach = async (id: string, name: string): Promise<net.Socket> => {
    const socketPath = path.join(folder, name);
    const addr = { type: 'unix', data: { path: socketPath } };
    undo.push(() => rm(socketPath, { force: true }));
    await qmp.execute('chardev-add', { id, backend: { type: 'socket', data: { addr, server: true, wait: false } } });
    undo.push(() => qmp.execute('chardev-remove', { id }));
    const socket = await connect(socketPath);
    undo.push(() => ended(socket));
    return socket;
  };
  const filter = async (type: string, id: string, properties: object) => {
    await qmp.execute('object-add', { 'qom-type': type, id, netdev, ...properties });
    undo.push(() => qmp.execute('object-del', { id }));
  };
  try {
    const mirror = await attach('probe-out', SOCKETS.probeOut);
    const listeners = new Set<(frame: Buffer) => void>();
    const reader = new FrameReader((frame) => {
      for (const listener of listeners) listener(frame);
    });
    mirror.on('data', (chunk: Buffer) => reader.push(chunk));
    const injector = await attach('probe-in', SOCKETS.probeIn);
    injector.resume();
    await filter('filter-mirror', 'probe-mirror', { queue: 'rx', outdev: 'probe-out' });
    await filter('filter-redirector', 'probe-inject', { queue: 'tx', indev: 'probe-in' });
    let closing: Promise<void> | undefined;
    return {
      send(frame) {
        requireFrameSize(frame);
        if (closing === undefined) injector.write(framed(frame));
      },
      onFrame(listener) {
        listeners.add(listener);
      },
      close() {
        closing ??= undoAll();
        return closing;
      },
    };
  } catch (cause) {
    await undoAll();
    throw cause;
  }
}

function connect(socketPath: string): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(socketPath, () => resolve(socket));
    // After the connect an error is the end of the machine, told by its own `ended`.
    socket.on('error', (cause) =>
      reject(VmgateError.of(errors.DRIVER_PROBE_UNAVAILABLE, { why: cause.message }, { cause })),
    );
  });
}

function ended(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) return resolve();
    socket.once('close', () => resolve());
    socket.destroy();
  });
}
