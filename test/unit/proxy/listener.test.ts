import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type net from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Listener, type ListenerOptions } from '../../../src/proxy/listener.ts';
import { canTellOwners } from '../../../src/proxy/peer-owner.ts';
import { connectTo, Hearing } from './programs.ts';

let folder: string;
const open: Listener[] = [];

beforeEach(() => {
  folder = mkdtempSync('/tmp/vgl-');
});
afterEach(() => {
  for (const listener of open.splice(0)) listener.close();
  rmSync(folder, { recursive: true, force: true });
});

async function listen(place: ListenerOptions['place'], more: Partial<ListenerOptions> = {}): Promise<Listener> {
  const listener = await Listener.open({
    place,
    most: 8,
    onConnection: (socket) => socket.end('come in'),
    onStranger: () => undefined,
    ...more,
  });
  open.push(listener);
  return listener;
}

const portOf = ({ place }: Listener) => (place.kind === 'port' ? place.port : 0);

async function heardAt(where: net.NetConnectOpts): Promise<string> {
  const hearing = new Hearing(await connectTo(where));
  await hearing.ended;
  return hearing.heard.toString();
}

describe('a port', () => {
  test('is one of 127.0.0.1 and of no other address', async () => {
    const port = portOf(await listen({ kind: 'port', port: 0 }));
    expect(await heardAt({ host: '127.0.0.1', port })).toBe('come in');
    await expect(connectTo({ host: '127.0.0.2', port })).rejects.toThrow('ECONNREFUSED');
  });

  test('that is taken is said so', async () => {
    const port = portOf(await listen({ kind: 'port', port: 0 }));
    await expect(listen({ kind: 'port', port })).rejects.toMatchObject({ code: 'PROXY_PORT_TAKEN', exit: 2 });
  });

  test('another user’s program is turned away, and so is one that nobody knows', async () => {
    const seen: string[] = [];
    for (const owner of [4_711, 0xffff_fffe, undefined]) {
      const listener = await listen(
        { kind: 'port', port: 0 },
        { whose: async () => owner, onStranger: () => seen.push('stranger'), onConnection: () => seen.push('let in') },
      );
      expect(await heardAt({ host: '127.0.0.1', port: portOf(listener) })).toBe('');
    }
    expect(seen).toEqual(['stranger', 'stranger', 'stranger']);
  });

  test('connections beyond the most are closed', async () => {
    const port = portOf(await listen({ kind: 'port', port: 0 }, { most: 1, onConnection: () => undefined }));
    await connectTo({ host: '127.0.0.1', port });
    expect(await heardAt({ host: '127.0.0.1', port })).toBe('');
  });

  const asNobody = canTellOwners && process.getuid?.() === 0 ? test : test.skip;

  /** What a process of user nobody hears on the port. */
  async function heardByNobody(port: number): Promise<string> {
    const script =
      "require('node:net').connect(Number(process.argv[1]), '127.0.0.1').on('error', () => 0).pipe(process.stdout)";
    const child = spawn(process.execPath, ['-e', script, String(port)], { uid: 65_534, cwd: '/', env: {} });
    let heard = '';
    child.stdout.on('data', (chunk: Buffer) => {
      heard += chunk;
    });
    const [code] = await once(child, 'close');
    expect(code).toBe(0);
    return heard;
  }

  asNobody('a real process of another user is turned away', async () => {
    expect(await heardByNobody(portOf(await listen({ kind: 'port', port: 0 })))).toBe('');
  });

  asNobody('anti-test: not asked whose it is, it gets in', async () => {
    const me = process.getuid?.();
    const listener = await listen({ kind: 'port', port: 0 }, { whose: async () => me });
    expect(await heardByNobody(portOf(listener))).toBe('come in');
  });

  asNobody('a socket’s file keeps it out', async () => {
    const file = path.join(folder, 's.sock');
    chmodSync(folder, 0o755);
    await listen({ kind: 'socket', path: file });
    const script = "require('node:net').connect(process.argv[1]).on('error', ({ code }) => process.stdout.write(code))";
    const child = spawn(process.execPath, ['-e', script, file], { uid: 65_534, cwd: '/', env: {} });
    const [chunk] = await once(child.stdout, 'data');
    expect(String(chunk)).toBe('EACCES');
  });
});

describe('a socket', () => {
  const at = (name: string) => ({ kind: 'socket', path: path.join(folder, name) }) as const;

  test('left behind by a run that was killed is replaced', async () => {
    const place = at('old.sock');
    const script =
      "require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))";
    await once(spawn(process.execPath, ['-e', script, place.path]), 'exit');
    await listen(place);
    expect(await heardAt({ path: place.path })).toBe('come in');
  });

  test('in use is left alone, and so is any other file', async () => {
    const place = at('used.sock');
    await listen(place);
    await expect(listen(place)).rejects.toMatchObject({ code: 'PROXY_SOCKET_TAKEN', exit: 2 });
    expect(await heardAt({ path: place.path })).toBe('come in');
    writeFileSync(path.join(folder, 'letter'), 'dear');
    await expect(listen(at('letter'))).rejects.toMatchObject({ code: 'PROXY_SOCKET_TAKEN' });
  });

  test.each<[string, () => string, RegExp]>([
    ['others can write the folder', () => shared(), /can be written by other users/],
    ['there is no such folder', () => path.join(folder, 'none', 'x.sock'), /there is no folder/],
    ['the path is too long', () => path.join(folder, 'x'.repeat(120)), /bytes are more than/],
  ])('%s: refused', async (_what, file, why) => {
    const listening = listen({ kind: 'socket', path: file() });
    await expect(listening).rejects.toMatchObject({ code: 'PROXY_SOCKET_UNSAFE', what: expect.stringMatching(why) });
  });

  function shared(): string {
    const there = path.join(folder, 'shared');
    mkdirSync(there);
    chmodSync(there, 0o777);
    return path.join(there, 'x.sock');
  }

  test('the process’s own umask is as it was', async () => {
    const before = process.umask();
    await listen(at('mask.sock'));
    expect(process.umask()).toBe(before);
  });
});
