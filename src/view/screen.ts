/** The screen of a running work VM: QEMU's VNC server, on a socket in the VM's folder. */
import net from 'node:net';
import { VmgateError } from '../core/coded.ts';
import { errnoOf, messageOf } from '../host/index.ts';
import { errors } from './codes.ts';
import { enter } from './handshake.ts';

const PATIENCE_MS = 10_000;

/** Undefined where nobody listens. @throws VIEW_SCREEN_UNREACHABLE */
export function connectScreen(name: string, socket: string): Promise<net.Socket | undefined> {
  return new Promise((resolve, reject) => {
    const connection = net.connect(socket);
    connection.once('connect', () => resolve(connection));
    connection.once('error', (cause) => {
      if (['ENOENT', 'ECONNREFUSED'].includes(errnoOf(cause) ?? '')) resolve(undefined);
      else reject(VmgateError.of(errors.VIEW_SCREEN_UNREACHABLE, { name, why: messageOf(cause) }, { cause }));
    });
  });
}

/** Let in, and ready for a viewer's ClientInit; undefined where nobody listens. @throws VIEW_SCREEN_UNREACHABLE */
export async function enterScreen(name: string, socket: string): Promise<net.Socket | undefined> {
  const connection = await connectScreen(name, socket);
  if (connection === undefined) return undefined;
  const late = setTimeout(() => connection.destroy(new Error('no answer')), PATIENCE_MS);
  connection.on('error', () => connection.destroy());
  try {
    await enter(connection);
    return connection;
  } catch (cause) {
    connection.destroy();
    throw VmgateError.of(errors.VIEW_SCREEN_UNREACHABLE, { name, why: messageOf(cause) }, { cause });
  } finally {
    clearTimeout(late);
  }
}

/** Whether there is a screen to look at, and it answers. @throws VIEW_SCREEN_UNREACHABLE */
export async function reachScreen(name: string, socket: string): Promise<boolean> {
  const connection = await enterScreen(name, socket);
  connection?.destroy();
  return connection !== undefined;
}
