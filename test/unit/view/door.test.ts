/** The door to a screen, with a server behind it that speaks as QEMU does. */
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type Door, openDoor } from '../../../src/view/door.ts';
import { knock } from '../../all/view/rfb.ts';

let folder: string;
let server: net.Server;
let door: Door | undefined;
const notices: string[] = [];

beforeEach(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'vmg-'));
  notices.length = 0;
  server = net.createServer((socket) => {
    socket.on('error', () => socket.destroy());
    let asked = 0;
    socket.write('RFB 003.008\n');
    socket.on('data', () => {
      asked += 1;
      if (asked === 1) socket.write(Buffer.from([1, 1]));
      if (asked === 2) socket.write(Buffer.alloc(4));
      if (asked === 3) socket.write(init('QEMU (web)'));
    });
  });
  await new Promise<void>((resolve) => server.listen(path.join(folder, 's'), resolve));
});
afterEach(() => {
  door?.close();
  server.close();
  rmSync(folder, { recursive: true });
});

function init(name: string): Buffer {
  const bytes = Buffer.alloc(24 + name.length);
  bytes.writeUInt16BE(640, 0);
  bytes.writeUInt16BE(480, 2);
  bytes.writeUInt32BE(name.length, 20);
  bytes.write(name, 24, 'latin1');
  return bytes;
}

const open = async () => {
  door = await openDoor({ name: 'web', socket: path.join(folder, 's'), onNotice: (line) => notices.push(line) });
  return { door, where: { host: '127.0.0.1', port: door.port } };
};

test('with the password it leads to the screen, and tells when the viewer has gone', async () => {
  const { door: opened, where } = await open();
  const seen = await knock(where, opened.password);
  expect(seen).toMatchObject({ outcome: 'in', screen: { width: 640, height: 480, name: 'QEMU (web)' } });
  if (seen.outcome === 'in') seen.screen.close();
  await opened.left;
});

test('without it leads nowhere, and nothing of the screen is told', async () => {
  const { where } = await open();
  await expect(knock(where, 'aaaaaaaa')).resolves.toMatchObject({ outcome: 'refused', why: 'wrong password' });
  await expect(knock(where)).rejects.toThrow();
  expect(notices).toContain('a viewer was turned away: wrong password');
});

test('who guesses shuts it for everybody', async () => {
  const { door: opened, where } = await open();
  for (let tries = 0; tries < 20; tries += 1) await knock(where, 'aaaaaaaa').catch(() => undefined);
  await opened.left;
  await expect(knock(where, opened.password)).rejects.toThrow('ECONNREFUSED');
});

test('each door has a password of its own, of eight characters that can be typed', async () => {
  const first = (await open()).door;
  const { password } = first;
  first.close();
  const second = (await open()).door;
  expect(password).toMatch(/^[a-z2-9]{8}$/);
  expect(second.password).not.toBe(password);
});
