import { mkdirSync } from 'node:fs';
import net, { type Server, type Socket } from 'node:net';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { CONFIG, Laptop } from './command-line.ts';

let laptop: Laptop;
let server: Server;
let machine: Promise<Socket>;
beforeEach(async () => {
  laptop = new Laptop();
  laptop.write('vmgate.yaml', CONFIG);
  const folder = laptop.layout.gate('default').work('web');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  server = net.createServer();
  machine = new Promise((resolve) => server.once('connection', resolve));
  await new Promise<void>((resolve) => server.listen(path.join(folder, 'console.sock'), resolve));
});
afterEach(() => {
  server.close();
  laptop.clear();
});

class Keyboard extends PassThrough {
  readonly isTTY = true;
  readonly raw: boolean[] = [];

  setRawMode(raw: boolean): void {
    this.raw.push(raw);
  }
}

describe('console', () => {
  test('carries keys and output until Ctrl-], in raw mode, and leaves the terminal as it was', async () => {
    const keyboard = new Keyboard();
    const typed = laptop.typeWith({ stdin: keyboard }, 'console', 'web');
    const serial = await machine;
    const keys = new Promise<string>((resolve) => {
      let seen = '';
      serial.on('data', (chunk: Buffer) => {
        seen += chunk.toString('latin1');
      });
      serial.on('end', () => resolve(seen));
    });
    serial.write('\u001b[31mlogin: ');
    await new Promise((resolve) => setImmediate(resolve));
    keyboard.write('root\r');
    keyboard.write('\u0003more\u001dnot sent');
    const { exit, stdout, stderr } = await typed;
    expect(await keys).toBe('root\r\u0003more');
    expect({ exit, stdout }).toEqual({ exit: 0, stdout: '\u001b[31mlogin: ' });
    expect(stderr).toMatch(/^console of web; Ctrl-\] leaves it/);
    expect(keyboard.raw).toEqual([true, false]);
    serial.destroy();
  });

  test('--plain makes every escape visible and sends nothing', async () => {
    const typed = laptop.type('console', 'web', '--plain');
    const serial = await machine;
    serial.end('a line\r\n\u001b]0;title\u0007 \u202eevil');
    const { exit, stdout } = await typed;
    expect({ exit, stdout }).toEqual({ exit: 0, stdout: 'a line\n\\x1b]0;title\\x07 \\u{202e}evil' });
  });
});
