/** As much of RFB (RFC 6143) as a test needs to look at a screen and to type, in the protocol's own bytes. */
import { once } from 'node:events';
import net from 'node:net';
import { answerTo } from '../../../src/view/handshake.ts';
import { take } from '../../../src/view/take.ts';

export interface Screen {
  readonly width: number;
  readonly height: number;
  /** As the server calls it. */
  readonly name: string;
  /** Presses and releases keys, by X11 keysym. */
  type(keysyms: readonly number[]): void;
  close(): void;
}

export type Knock =
  | { readonly outcome: 'in'; readonly screen: Screen }
  | { readonly outcome: 'refused'; readonly why: string };

/** `securityTypes` is what the server offered. */
export async function knock(
  where: net.NetConnectOpts,
  password?: string,
): Promise<Knock & { readonly greeting: string; readonly securityTypes: readonly number[] }> {
  const socket = net.connect(where);
  await once(socket, 'connect');
  const greeting = (await take(socket, 12)).toString('latin1');
  socket.write('RFB 003.008\n');
  const [count = 0] = await take(socket, 1);
  const securityTypes = [...(await take(socket, count))];
  const way = password === undefined ? 1 : 2;
  socket.write(Buffer.from([way]));
  if (password !== undefined) socket.write(answerTo(await take(socket, 16), password));
  if ((await take(socket, 4)).readUInt32BE() !== 0) {
    const why = (await take(socket, (await take(socket, 4)).readUInt32BE())).toString('latin1');
    socket.destroy();
    return { outcome: 'refused', why, greeting, securityTypes };
  }
  socket.write(Buffer.from([1]));
  const init = await take(socket, 24);
  const name = (await take(socket, init.readUInt32BE(20))).toString('utf8');
  const screen: Screen = {
    width: init.readUInt16BE(0),
    height: init.readUInt16BE(2),
    name,
    type: (keysyms) => {
      for (const keysym of keysyms) {
        for (const down of [1, 0]) {
          const event = Buffer.from([4, down, 0, 0, 0, 0, 0, 0]);
          event.writeUInt32BE(keysym, 4);
          socket.write(event);
        }
      }
    },
    close: () => socket.destroy(),
  };
  return { outcome: 'in', screen, greeting, securityTypes };
}
