import { once } from 'node:events';
import { rmSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { occur } from '../../../src/core/coded.ts';
import type { Phase } from '../../../src/core/gate/state.ts';
import { acquireLock, openGate, openHome } from '../../../src/home/index.ts';
import { SupervisorClient } from '../../../src/supervisor/client.ts';
import { events } from '../../../src/supervisor/codes.ts';
import { MAX_REQUEST } from '../../../src/supervisor/protocol.ts';
import { type Handler, type RequestServer, serve } from '../../../src/supervisor/server.ts';
import { temporaryFolders } from '../home/temp-folder.ts';

const temporary = temporaryFolders();
const STATUS = '{"id":7,"verb":"status"}\n';
const event = occur(events.GATE_PHASE, { gate: 'default', phase: 'open' as Phase, why: '' });

let layout: ReturnType<typeof openGate>;
let server: RequestServer;
let handle: Handler;

beforeEach(async () => {
  layout = openGate(openHome({ VMGATE_HOME: path.join(temporary(), 'home') }), 'default');
  handle = async ({ verb }) => ({ verb });
  server = await serve(layout.socket, (request, exchange) => handle(request, exchange));
});
afterEach(() => server.close());

/** Speaks the socket by hand; resolves with all that came until the other side closed or `lines` lines were there. */
async function raw(sent: string | Buffer, lines = Number.POSITIVE_INFINITY): Promise<readonly string[]> {
  const socket = net.connect(layout.socket);
  let heard = '';
  const enough = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
      if (heard.split('\n').length > lines) resolve();
    });
    socket.on('close', () => resolve());
    socket.on('error', () => resolve());
  });
  socket.write(sent);
  await enough;
  socket.destroy();
  return heard.split('\n').filter((line) => line !== '');
}

async function connected(): Promise<SupervisorClient> {
  const client = await SupervisorClient.connect('default', layout);
  if (client === undefined) throw new Error('nobody listens');
  return client;
}

test('a supervisor that has taken the lock and does not listen yet is waited for, not called stuck', async () => {
  await server.close();
  const lock = await acquireLock(layout.lock);
  const connecting = connected();
  await new Promise((resolve) => setTimeout(resolve, 200));
  server = await serve(layout.socket, (request, exchange) => handle(request, exchange));
  (await connecting).close();
  lock.release();
});

test('who stood still itself does not call the supervisor silent whose answer has come', async () => {
  const lock = await acquireLock(layout.lock);
  handle = async ({ verb }) => {
    setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3_200));
    return { verb };
  };
  (await connected()).close();
  lock.release();
});

describe('the server', () => {
  test.each(['nonsense', '{}', '[]', 'null', '{"id":1,"verb":"open sesame"}', '{"id":1,"verb":"down","force":true}'])(
    'answers %j with an error, and goes on listening on that connection',
    async (line) => {
      const [refusal, answer] = await raw(`${line}\n${STATUS}`, 2);
      expect(JSON.parse(refusal ?? '')).toMatchObject({ id: 0, error: { code: 'GATE_BAD_REQUEST' } });
      expect(JSON.parse(answer ?? '')).toEqual({ id: 7, result: { verb: 'status' } });
    },
  );

  test('ends a connection that sends more than a request can be', async () => {
    await expect(raw('x'.repeat(MAX_REQUEST + 1))).resolves.toEqual([]);
  });

  test('serves the requests of one connection one after the other', async () => {
    let atOnce = 0;
    let most = 0;
    handle = async ({ verb }) => {
      most = Math.max(most, ++atOnce);
      await new Promise((resolve) => setImmediate(resolve));
      atOnce -= 1;
      return verb;
    };
    const answers = await raw('{"id":1,"verb":"status"}\n{"id":2,"verb":"logs"}\n', 2);
    expect(answers.map((line) => JSON.parse(line))).toEqual([
      { id: 1, result: 'status' },
      { id: 2, result: 'logs' },
    ]);
    expect(most).toBe(1);
  });

  test('bytes that came right behind a dial belong to the stream, newlines and all', async () => {
    handle = async (_, exchange) => {
      const stream = exchange.raw(null);
      stream.pipe(stream);
      return undefined;
    };
    const answers = await raw('{"id":3,"verb":"dial","name":"a","port":22}\nSSH-2.0-x\n{"id":4,"verb":"down"}\n', 3);
    expect(answers).toEqual(['{"id":3,"result":null}', 'SSH-2.0-x', '{"id":4,"verb":"down"}']);
  });

  test('gives up a watcher that does not read', async () => {
    const told = new Promise<void>((resolve) => {
      handle = async (_, { event: tell, gone }) => {
        const big = { ...event, text: 'x'.repeat(100_000) };
        const flood = setInterval(() => tell(big), 0);
        await gone;
        clearInterval(flood);
        resolve();
        return undefined;
      };
    });
    const socket = net.connect(layout.socket);
    socket.on('error', () => undefined);
    socket.pause();
    socket.write('{"id":1,"verb":"watch"}\n');
    await told;
    socket.destroy();
  });

  test('close ends watchers and streams, after the answers under way', async () => {
    handle = async (_, { gone }) => gone;
    const socket = net.connect(layout.socket);
    socket.write('{"id":1,"verb":"watch"}\n');
    await once(socket, 'connect');
    const ended = once(socket, 'end');
    socket.resume();
    await server.close();
    await ended;
    await expect(SupervisorClient.connect('default', layout)).resolves.toBeUndefined();
  });
});

describe('the client', () => {
  test('hears events before the result, and may ask again on the same connection', async () => {
    handle = async ({ verb }, exchange) => {
      exchange.event(event);
      return verb;
    };
    const client = await connected();
    const heard: string[] = [];
    await expect(client.ask({ verb: 'logs' }, { onEvent: ({ code }) => heard.push(code) })).resolves.toBe('logs');
    await expect(client.ask({ verb: 'verify' })).resolves.toBe('verify');
    expect(heard).toEqual(['GATE_PHASE']);
    client.close();
  });

  test('gives up when told to', async () => {
    const client = await connected();
    handle = () => new Promise(() => {});
    const stop = new AbortController();
    const asked = client.ask({ verb: 'up', config: '/x', digest: 'd' }, { signal: stop.signal });
    stop.abort();
    await expect(asked).rejects.toMatchObject({ code: 'GATE_CANCELLED', exit: 130 });
    await expect(client.ask({ verb: 'down' }, { signal: stop.signal })).rejects.toMatchObject({ exit: 130 });
    client.close();
  });

  test('says so when the supervisor dies in the middle of a request', async () => {
    const client = await connected();
    handle = () => new Promise(() => {});
    const asked = client.ask({ verb: 'down' });
    asked.catch(() => undefined);
    await server.close();
    await expect(asked).rejects.toMatchObject({ code: 'GATE_SUPERVISOR_DIED' });
  });

  test('says so when the supervisor has ended since the request before', async () => {
    const client = await connected();
    await server.close();
    // Longer than a server that ends leaves its connections: the client's has closed, with nobody listening to that.
    await new Promise((resolve) => setTimeout(resolve, 800));
    await expect(client.ask({ verb: 'status' })).rejects.toMatchObject({ code: 'GATE_SUPERVISOR_DIED' });
  });

  test('a supervisor that speaks nonsense is a dead one', async () => {
    const client = await connected();
    await server.close();
    rmSync(layout.socket, { force: true });
    client.close();
    const mad = net.createServer((socket) => socket.resume().end('{"id":1,"event":{"code":7}}\n'));
    await new Promise<void>((resolve) => mad.listen(layout.socket, () => resolve()));
    await expect(SupervisorClient.connect('default', layout)).resolves.toBeUndefined();
    await new Promise((resolve) => mad.close(resolve));
  });

  test('dials: bytes that came with the result are the stream’s first', async () => {
    handle = async (request, exchange) => {
      if (request.verb !== 'dial') return null;
      const stream = exchange.raw(null);
      stream.write('SSH-2.0-dropbear\r\n');
      stream.pipe(stream);
      return undefined;
    };
    const client = await connected();
    const stream = await client.dial('a', 22);
    const heard: Buffer[] = [];
    const echoed = new Promise<void>((resolve) => {
      stream.on('data', (chunk: Buffer) => {
        heard.push(chunk);
        if (Buffer.concat(heard).toString().endsWith('pong')) resolve();
      });
    });
    stream.resume();
    stream.write(Buffer.from('ping-pong'));
    await echoed;
    expect(Buffer.concat(heard).toString()).toBe('SSH-2.0-dropbear\r\nping-pong');
    client.close();
  });
});
