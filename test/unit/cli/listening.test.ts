/** `vmgate proxy` and `vmgate forward` on a supervisor that says what it is told to say. */
import { once } from 'node:events';
import { statSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { VmgateError } from '../../../src/core/coded.ts';
import { errors } from '../../../src/supervisor/codes.ts';
import type { Exchange } from '../../../src/supervisor/server.ts';
import { connectTo, Hearing, socks } from '../proxy/programs.ts';
import { CONFIG, Laptop, phaseEvent, report, scripted, type Typed } from './command-line.ts';

let laptop: Laptop;
beforeEach(() => {
  laptop = new Laptop();
  laptop.write('vmgate.yaml', CONFIG);
});
afterEach(() => laptop.clear());

/** A command that runs on: what it printed so far, and its end. */
class Running {
  readonly ended: Promise<Typed>;
  #printed = '';
  readonly #stdout = new PassThrough();

  constructor(...argv: readonly string[]) {
    this.#stdout.on('data', (chunk: Buffer) => {
      this.#printed += chunk;
    });
    this.ended = laptop.typeWith({ stdout: this.#stdout }, ...argv);
  }

  get lines(): readonly string[] {
    return this.#printed.trimEnd().split('\n');
  }

  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    const signal = AbortSignal.timeout(5_000);
    for (let found = pattern.exec(this.#printed); ; found = pattern.exec(this.#printed)) {
      if (found !== null) return found;
      await once(this.#stdout, 'data', { signal });
    }
  }
}

const untilGone = ({ gone }: Exchange) => gone;
const notOpen = () => {
  const payload = { gate: 'default', phase: 'closed', why: 'the tunnel is lost', remedy: 'vmgate up' } as const;
  throw VmgateError.of(errors.GATE_NOT_VERIFIED, payload);
};
const echo = ({ raw }: Exchange) => {
  const stream = raw(null);
  stream.pipe(stream);
};
const freePort = async () => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
};
const ctrlC = () => process.emit('SIGINT');

describe('proxy', () => {
  const URL_LINE =
    /^SOCKS5 {2}socks5h:\/\/vmgate:([\w-]{32})@127\.0\.0\.1:(\d+)\nHTTP {4}http:\/\/vmgate:\1@127\.0\.0\.1:\2$/m;

  test('through a gate that is not open: 4, and nothing listens', async () => {
    expect(await laptop.type('proxy')).toMatchObject({ exit: 4, stdout: '' });
    await laptop.supervise(scripted(report({ phase: 'closed', why: 'the tunnel is lost' })));
    const { exit, stdout, stderr } = await laptop.type('proxy');
    expect({ exit, stdout }).toEqual({ exit: 4, stdout: '' });
    expect(stderr).toContain('GATE_NOT_VERIFIED: refused: gate default is closed, the tunnel is lost');
  });

  test('carries what a program says with the printed password; Ctrl-C ends it with 130', async () => {
    const handle = scripted(report(), { proxy: untilGone, connect: echo });
    await laptop.supervise(handle);
    const running = new Running('proxy');
    const [, password = '', port] = await running.printed(URL_LINE);
    const socket = await connectTo({ host: '127.0.0.1', port: Number(port) });
    const hearing = new Hearing(socket);
    const request = socks.connect('www.example.org', 443);
    socket.write(Buffer.concat([socks.methods(2), socks.login('vmgate', password), request, Buffer.from('hello')]));
    expect((await hearing.bytes(19)).subarray(14).toString()).toBe('hello');
    expect(handle.asked).toContain('{"verb":"connect","host":"www.example.org","port":443}');
    ctrlC();
    expect(await running.ended).toMatchObject({ exit: 130, stderr: expect.stringContaining('Ctrl-C ends it') });
    await hearing.ended;
    await expect(connectTo({ host: '127.0.0.1', port: Number(port) })).rejects.toThrow('ECONNREFUSED');
  });

  test('a gate that has closed meanwhile: the program is told, and so is the user', async () => {
    await laptop.supervise(scripted(report(), { proxy: untilGone, connect: notOpen }));
    const running = new Running('proxy');
    const [, password, port] = await running.printed(URL_LINE);
    const socket = await connectTo({ host: '127.0.0.1', port: Number(port) });
    const hearing = new Hearing(socket);
    const login = Buffer.from(`vmgate:${password}`).toString('base64');
    socket.write(`CONNECT x.example:443 HTTP/1.1\r\nHost: x\r\nProxy-Authorization: Basic ${login}\r\n\r\n`);
    await hearing.ended;
    expect(hearing.heard.toString()).toMatch(/^HTTP\/1\.1 503 .*GATE_NOT_VERIFIED: refused: gate default is closed/s);
    ctrlC();
    const { stderr } = await running.ended;
    expect(stderr).toContain('x.example:443: GATE_NOT_VERIFIED: refused: gate default is closed, the tunnel is lost');
  });

  test('--json: where it listens, then the gate’s phases, an error last', async () => {
    let end = () => {};
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    const proxy = async ({ event }: Exchange) => {
      event(phaseEvent('open'));
      await over;
      return notOpen();
    };
    await laptop.supervise(scripted(report(), { proxy }));
    const running = new Running('proxy', '--json', '--port', '0');
    await running.printed(/GATE_PHASE/);
    end();
    expect((await running.ended).exit).toBe(4);
    expect(running.lines.map((line) => JSON.parse(line))).toEqual([
      {
        address: '127.0.0.1',
        port: expect.any(Number),
        credential: { user: 'vmgate', password: expect.stringMatching(/^[\w-]{32}$/) },
        socks: expect.stringMatching(/^socks5h:/),
        http: expect.stringMatching(/^http:/),
      },
      expect.objectContaining({ code: 'GATE_PHASE' }),
      { error: expect.objectContaining({ code: 'GATE_NOT_VERIFIED', exit: 4 }) },
    ]);
  });

  test('a gate that went down ends it with 4', async () => {
    await laptop.supervise(scripted(report(), { proxy: untilGone }));
    const running = new Running('proxy');
    await running.printed(URL_LINE);
    laptop.unsupervise();
    const { exit, stderr } = await running.ended;
    expect({ exit, stderr }).toEqual({ exit: 4, stderr: expect.stringContaining('refused: gate default is down') });
  });

  test('--socket: 0600, no password, gone afterwards', async () => {
    await laptop.supervise(scripted(report(), { proxy: untilGone, connect: echo }));
    const file = path.join(laptop.project, 'p.sock');
    const running = new Running('proxy', '--socket', 'p.sock', '--json');
    await running.printed(/\n/);
    expect(JSON.parse(running.lines[0] ?? '')).toEqual({
      socket: file,
      credential: null,
      socks: `socks5h://localhost${file}`,
      http: null,
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    ctrlC();
    await running.ended;
    expect(statSync(file, { throwIfNoEntry: false })).toBeUndefined();
  });

  test('a command gets it by its environment, without exceptions, and gives its status', async () => {
    await laptop.supervise(scripted(report(), { proxy: untilGone }));
    process.env['NO_PROXY'] = 'example.org';
    const script = `
      const { ALL_PROXY: all = '', https_proxy: https = '', http_proxy: http = '', NO_PROXY: none, no_proxy } = process.env;
      const isRight = /^socks5h:/.test(all) && http === all && /^http:/.test(https) && (none ?? no_proxy) === undefined;
      process.exit(isRight ? 42 : 1);`;
    expect(await laptop.type('proxy', '--', process.execPath, '-e', script)).toMatchObject({ exit: 42, stdout: '' });
    expect(await laptop.type('proxy', 'no-such-command')).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('CLI_COMMAND_NOT_STARTED: "no-such-command" was not started'),
    });
  });

  test.each(['http', '-1', '65536', '1e3'])('--port %s is a usage error', async (port) => {
    expect(await laptop.type('proxy', `--port=${port}`)).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining(`CLI_USAGE: --port "${port}" is no port`),
    });
  });
});

describe('forward', () => {
  test.each(['80', '80:', ':80', 'a:b', '1:2:3', '0:0', '70000:80'])('%s is a usage error', async (ports) => {
    expect(await laptop.type('forward', 'web', ports)).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('error CLI_USAGE'),
    });
  });

  test('in this order: name (2), gate (4)', async () => {
    expect(await laptop.type('forward', 'wbe', '0:80')).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('GATE_UNKNOWN_VM'),
    });
    expect(await laptop.type('forward', 'web', '0:80')).toMatchObject({
      exit: 4,
      stderr: expect.stringContaining('GATE_NOT_VERIFIED'),
    });
    await laptop.supervise(scripted(report()));
    expect(await laptop.type('forward', 'bank', '0:80')).toMatchObject({
      exit: 4,
      stderr: expect.stringContaining('GATE_WORK_NOT_RUNNING'),
    });
  });

  test('without ports: those that vmgate.yaml names, all of them; none named is a usage error', async () => {
    const handle = scripted(report(), { forward: untilGone, reach: echo });
    const [one, other] = [await freePort(), await freePort()];
    const both = `ports: ["${one}:80", "${other}:5432"]`;
    laptop.write(
      'vmgate.yaml',
      `version: 1\nvpn: acme\nwork: {web: {template: tiny, ${both}}, bank: {template: tiny}}\n`,
    );
    await laptop.supervise(handle);
    const running = new Running('forward', 'web');
    await running.printed(new RegExp(`^127.0.0.1:${other} leads to port 5432 of web$`, 'm'));
    for (const [port, guest] of [[one, 80] as const, [other, 5_432] as const]) {
      const socket = await connectTo({ host: '127.0.0.1', port });
      const hearing = new Hearing(socket);
      socket.write('hello');
      expect((await hearing.bytes(5)).toString()).toBe('hello');
      expect(handle.asked).toContain(`{"verb":"reach","name":"web","port":${guest}}`);
    }
    ctrlC();
    expect((await running.ended).exit).toBe(130);
    for (const argv of [['bank'], ['web', '--socket', './s']]) {
      expect(await laptop.type('forward', ...argv)).toMatchObject({
        exit: 2,
        stderr: expect.stringContaining('HOST:GUEST, for example 8080:80'),
      });
    }
  });

  test('leads to the VM’s port; Ctrl-C ends it with 130', async () => {
    const handle = scripted(report(), { forward: untilGone, reach: echo });
    await laptop.supervise(handle);
    const running = new Running('forward', 'web', '0:8080');
    const [, port] = await running.printed(/^127\.0\.0\.1:(\d+) leads to port 8080 of web$/m);
    const socket = await connectTo({ host: '127.0.0.1', port: Number(port) });
    const hearing = new Hearing(socket);
    socket.write('hello');
    expect((await hearing.bytes(5)).toString()).toBe('hello');
    expect(handle.asked).toContain('{"verb":"reach","name":"web","port":8080}');
    ctrlC();
    expect((await running.ended).exit).toBe(130);
    await hearing.ended;
  });

  test('--socket takes the VM’s port alone; --json says where', async () => {
    await laptop.supervise(scripted(report(), { forward: untilGone, reach: echo }));
    const running = new Running('forward', 'web', '5432', '--socket', 'db.sock', '--json');
    await running.printed(/\n/);
    const file = path.join(laptop.project, 'db.sock');
    expect(JSON.parse(running.lines[0] ?? '')).toEqual({ socket: file, name: 'web', guest: 5_432 });
    const hearing = new Hearing(await connectTo({ path: file }));
    ctrlC();
    await running.ended;
    await hearing.ended;
  });

  test('a VM that stops ends it with 4; a connection that cannot be made is reset', async () => {
    let end = () => {};
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    const gone = () => {
      throw VmgateError.of(errors.GATE_WORK_NOT_RUNNING, { name: 'web' });
    };
    await laptop.supervise(scripted(report(), { forward: () => over.then(gone), reach: gone }));
    const running = new Running('forward', 'web', '0:80');
    const [, port] = await running.printed(/^127\.0\.0\.1:(\d+)/m);
    const socket = net.connect(Number(port), '127.0.0.1');
    const [cause] = (await once(socket, 'error')) as [Error];
    expect(cause.message).toContain('ECONNRESET');
    end();
    const { exit, stderr } = await running.ended;
    expect(exit).toBe(4);
    expect(stderr).toContain('GATE_WORK_NOT_RUNNING: work VM web is not running\n');
    expect(stderr).toContain('error GATE_WORK_NOT_RUNNING');
  });

  test('a port that is taken', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    await laptop.supervise(scripted(report()));
    const { exit, stdout, stderr } = await laptop.type('forward', 'web', `${port}:80`);
    server.close();
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
    expect(stderr).toContain(`PROXY_PORT_TAKEN: port ${port} of this machine is taken`);
  });
});
