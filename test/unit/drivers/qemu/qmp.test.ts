import { afterEach, describe, expect, test } from '@jest/globals';
import { QmpClient, type QmpEvent } from '../../../../src/drivers/qemu/qmp.ts';
import { type Answer, type FakeQmp, fakeQmp, ok } from './fake-qmp.ts';

let server: FakeQmp | undefined;
let client: QmpClient | undefined;

afterEach(async () => {
  client?.close();
  await server?.close();
  [client, server] = [undefined, undefined];
});

async function connected(answers: Readonly<Record<string, Answer>>): Promise<QmpClient> {
  server = await fakeQmp(answers);
  client = await QmpClient.connect('work VM web', server.socketPath);
  return client;
}

describe('connecting', () => {
  test('negotiates and learns the version', async () => {
    const qmp = await connected({});
    expect(qmp.version).toBe('7.2.22');
    expect(server?.received).toEqual(['qmp_capabilities']);
  });

  test('to a socket nobody listens on', async () => {
    const connecting = QmpClient.connect('work VM web', '/nonexistent/qmp.sock');
    await expect(connecting).rejects.toMatchObject({
      code: 'DRIVER_QMP_UNREACHABLE',
      what: expect.stringContaining('ENOENT'),
    });
  });

  test('while another client is served says who is in the way', async () => {
    server = await fakeQmp({}, null);
    const connecting = QmpClient.connect('work VM web', server.socketPath, 50);
    await expect(connecting).rejects.toMatchObject({
      code: 'DRIVER_QMP_BUSY',
      what: 'another vmgate is talking to work VM web',
    });
  });

  test.each(['{"QMP": 7}', 'SSH-2.0-OpenSSH_9.2', 'x'.repeat(2_000_000)])(
    'to what greets with %.30s',
    async (greeting) => {
      server = await fakeQmp({}, greeting);
      await expect(QmpClient.connect('work VM web', server.socketPath)).rejects.toMatchObject({
        code: 'DRIVER_QMP_GARBLED',
      });
    },
  );
});

describe('commands', () => {
  test('are matched by id, whatever the order of answers', async () => {
    const held: (() => void)[] = [];
    const qmp = await connected({
      slow: ({ id }, socket) => {
        held.push(() => socket.write(`${JSON.stringify({ return: 'slow', id })}\r\n`));
        return undefined;
      },
      quick: (command, socket) => {
        setImmediate(() => held[0]?.());
        return ok('quick')(command, socket);
      },
    });
    await expect(Promise.all([qmp.execute('slow'), qmp.execute('quick')])).resolves.toEqual(['slow', 'quick']);
  });

  test('that QEMU refuses carry its class and text', async () => {
    const qmp = await connected({
      set_link: ({ id }) => JSON.stringify({ error: { class: 'DeviceNotFound', desc: "Device 'x' not found" }, id }),
    });
    await expect(qmp.execute('set_link', { name: 'x', up: false })).rejects.toMatchObject({
      code: 'DRIVER_QMP_REFUSED',
      payload: { command: 'set_link', class: 'DeviceNotFound', reason: "Device 'x' not found" },
    });
  });

  test('without an answer fail alone: a late answer is dropped and the next command works', async () => {
    const qmp = await connected({
      slow: ({ id }, socket) => {
        setTimeout(() => socket.write(`${JSON.stringify({ return: 'late', id })}\r\n`), 40);
        return undefined;
      },
      quick: (command, socket) => {
        setTimeout(() => socket.write(`${ok('quick')(command, socket)}\r\n`), 60);
        return undefined;
      },
    });
    await expect(qmp.execute('slow', undefined, 20)).rejects.toMatchObject({
      code: 'DRIVER_QMP_SILENT',
      payload: { ms: 20 },
    });
    await expect(qmp.execute('quick')).resolves.toBe('quick');
  });

  test('pending at the end of the connection are rejected, later ones too', async () => {
    const qmp = await connected({
      quit: (_, socket) => {
        socket.destroy();
        return undefined;
      },
    });
    await expect(Promise.allSettled([qmp.execute('never'), qmp.execute('quit')])).resolves.toMatchObject([
      { reason: { code: 'DRIVER_GONE' } },
      { reason: { code: 'DRIVER_GONE' } },
    ]);
    await expect(qmp.closed).resolves.toContain('work VM web is not running any more');
    await expect(qmp.execute('query-status')).rejects.toMatchObject({ code: 'DRIVER_GONE' });
  });

  test.each([
    ['text', () => 'Segmentation fault'],
    ['a line without end', () => 'x'.repeat(1_100_000)],
    ['an error that answers nothing', () => '{"error": {"class": "GenericError", "desc": "?"}}'],
    ['neither return nor error', ({ id }: { id: number }) => JSON.stringify({ id, foo: 1 })],
  ])('answered with %s end the connection', async (_, answer) => {
    const qmp = await connected({ odd: answer });
    await expect(qmp.execute('odd')).rejects.toMatchObject({ code: 'DRIVER_QMP_GARBLED' });
    await expect(qmp.closed).resolves.toContain('QMP does not allow');
  });
});

test('events reach every listener, also between commands', async () => {
  const qmp = await connected({
    cont: (command, socket) => {
      socket.write('{"timestamp": {"seconds": 1}, "event": "RESUME"}\r\n');
      return ok()(command, socket);
    },
  });
  const seen: QmpEvent[] = [];
  qmp.onEvent((event) => seen.push(event));
  qmp.onEvent((event) => seen.push(event));
  await qmp.execute('cont');
  expect(seen).toEqual([
    { name: 'RESUME', data: {} },
    { name: 'RESUME', data: {} },
  ]);
});
