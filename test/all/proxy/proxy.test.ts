/**
 * Programs of the host through an open gate on a real lab, and a port of a real work VM: what comes out where, and what is
 * left of it when the tunnel dies.
 */
import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import type net from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import { LAB } from '../../../src/lab/index.ts';
import { newToken } from '../../../src/verify/token.ts';
import { missing, testUnless } from '../../obstacle.ts';
import { foreignFrames, NONE, statusOf, until } from '../../system/leaks/life-scene.ts';
import { type Program, stageForAll } from '../../system/leaks/stage.ts';
import { connectTo, Hearing, socks } from '../../unit/proxy/programs.ts';
import { Runner } from './runner.ts';

jest.setTimeout(90_000);
const BOOT_MS = 300_000;

interface Way {
  readonly port: number;
  readonly credential: { readonly user: string; readonly password: string };
  readonly socks: string;
  readonly http: string;
}

let program: Program;
let stage: Stage;
let proxy: Runner;
let way: Way;
const runners: Runner[] = [];
const sockets: net.Socket[] = [];

function run(...argv: readonly string[]): Runner {
  const runner = new Runner(program, stage, ...argv);
  runners.push(runner);
  return runner;
}

// Before the stage goes.
afterAll(() => {
  for (const socket of sockets) socket.destroy();
  for (const runner of runners) runner.kill();
});

stageForAll(
  () => ({ attachment: 'wire' }),
  (opened, compiled) => {
    stage = opened;
    program = compiled;
  },
);

beforeAll(async () => {
  const up = await stage.vmgate(['up']);
  if (up.code !== 0) throw new Error(up.stderr);
  const start = await stage.vmgate(['start', WORK_VM]);
  if (start.code !== 0) throw new Error(start.stderr);
  proxy = run('proxy', '--json');
  way = JSON.parse(await proxy.firstLine()) as Way;
}, BOOT_MS);

async function to(where: { readonly port: number } | { readonly path: string }): Promise<net.Socket> {
  const socket = await connectTo('port' in where ? { host: '127.0.0.1', ...where } : where);
  sockets.push(socket);
  return socket;
}

/** Reads 16 KiB at a time at most, slow enough to share a core. */
function sip(socket: net.Socket): void {
  socket.on('data', () => {
    socket.pause();
    setTimeout(() => socket.resume(), 50);
  });
}

/** Asks the proxy for a connection. `reply`: SOCKS5's word; 255 when the login was refused. */
async function connect(
  host: string,
  port: number,
  password = way.credential.password,
): Promise<{ readonly reply: number; readonly socket: net.Socket; readonly hearing: Hearing }> {
  const socket = await to({ port: way.port });
  const hearing = new Hearing(socket);
  const login = socks.login(way.credential.user, password);
  socket.write(Buffer.concat([socks.methods(2), login, socks.connect(host, port)]));
  let isOver = false;
  void hearing.ended.then(() => {
    isOver = true;
  });
  await until('an answer of the proxy', () => isOver || hearing.heard.length >= 14);
  return { reply: hearing.heard[5] ?? 255, socket, hearing };
}

/** What the lab's web server answers to a request by the proxy: the address it came from. */
async function pageBy(host: string, nonce: string): Promise<string> {
  const { reply, socket, hearing } = await connect(host, 80);
  if (reply !== 0) return `reply ${reply}`;
  socket.write(`GET /${nonce} HTTP/1.0\r\nHost: ${host}\r\n\r\n`);
  await hearing.ended;
  return hearing.heard.subarray(14).toString('latin1');
}

const requestsFor = async (nonce: string) =>
  (await stage.lab.httpLog()).filter((each) => each.path === `/${nonce}`).map(({ source }) => source);
const phase = async () => (await statusOf(stage)).phase;

async function curl(...argv: readonly string[]): Promise<{ readonly code: unknown; readonly stdout: string }> {
  return new Promise((resolve) => {
    execFile('curl', ['-sS', '--max-time', '20', ...argv], { env: {} }, (cause, stdout) =>
      resolve({ code: cause === null ? 0 : cause.code, stdout }),
    );
  });
}

describe('through an open gate', () => {
  test('a request comes out at the VPN’s exit, its name asked inside the tunnel alone', async () => {
    const nonce = newToken().digits;
    expect(await pageBy(LAB.siteName, nonce)).toContain(LAB.exit);
    expect(await requestsFor(nonce)).toEqual([LAB.exit]);
    const asked = async (resolver: 'vpn' | 'wifi' | 'internet') =>
      (await stage.lab.dnsLog(resolver)).filter(({ name }) => name === LAB.siteName).length;
    expect(await asked('vpn')).toBeGreaterThan(0);
    expect([await asked('wifi'), await asked('internet')]).toEqual([0, 0]);
  });

  testUnless(missing('curl'), 'curl by the proxy')('curl by SOCKS5 and by HTTP CONNECT', async () => {
    const [first, second] = [newToken().digits, newToken().digits];
    expect(await curl('-x', way.socks, `http://${LAB.siteName}/${first}`)).toMatchObject({ code: 0 });
    expect(await curl('-p', '-x', way.http, `http://${LAB.site}/${second}`)).toMatchObject({ code: 0 });
    expect([await requestsFor(first), await requestsFor(second)]).toEqual([[LAB.exit], [LAB.exit]]);
  });

  testUnless(missing('curl'), 'vmgate proxy -- curl')('a command that is told by its environment', async () => {
    const nonce = newToken().digits;
    const command = run('proxy', '--', 'curl', '-sS', '--max-time', '20', `http://${LAB.siteName}/${nonce}`);
    expect(await command.end()).toBe(0);
    expect(await requestsFor(nonce)).toEqual([LAB.exit]);
  });

  test('a wrong password gets nothing, the right one does', async () => {
    const { password } = way.credential;
    const wrong = await connect(LAB.siteName, 80, `${password.slice(0, -1)}${password.endsWith('A') ? 'B' : 'A'}`);
    expect(wrong.reply).toBe(255);
    expect([...wrong.hearing.heard]).toEqual([5, 2, 1, 1]);
    expect((await connect(LAB.siteName, 80)).reply).toBe(0);
  });

  test.each([
    ['the gateway’s own SSH server', '127.0.0.1', 22],
    ['the VPN server’s inside', LAB.inside, 53],
    ['the gateway’s end of the tunnel', LAB.client, 22],
    ['the untrusted network’s router', LAB.router, 80],
    ['the host', '10.0.2.2', 22],
  ])('%s is out of reach', async (_what, address, port) => {
    expect((await connect(address, port)).reply).toBe(2);
  });

  test('a socket needs no password, and is its owner’s alone', async () => {
    const file = path.join(stage.home.root, 'proxy.sock');
    const runner = run('proxy', '--socket', file, '--json');
    await runner.firstLine();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const socket = await to({ path: file });
    const hearing = new Hearing(socket);
    socket.write(Buffer.concat([socks.methods(0), socks.connect(LAB.site, 80)]));
    await until('an answer', () => hearing.heard.length >= 12);
    expect(hearing.heard[3]).toBe(0);
    expect(await runner.interrupt()).toBe(130);
    await hearing.ended;
  });

  test('a complete verification while it is used leaves the gate open', async () => {
    const { socket, hearing } = await connect(LAB.site, 80);
    socket.write('GET /endless HTTP/1.0\r\n\r\n');
    sip(socket);
    const verified = await stage.vmgate(['verify']);
    expect(verified).toMatchObject({ code: 0, stdout: expect.stringMatching(/^canary +verified/m) });
    const before = hearing.heard.length;
    await until('more of the download', () => hearing.heard.length > before);
    socket.destroy();
  });
});

test('a port of the work VM answers on one of this machine', async () => {
  const forward = run('forward', WORK_VM, '0:22', '--json');
  const { port } = JSON.parse(await forward.firstLine()) as { port: number };
  const hearing = new Hearing(await to({ port }));
  expect((await hearing.bytes(8)).toString()).toBe('SSH-2.0-');
  expect(await forward.interrupt()).toBe(130);
  await hearing.ended;
});

describe('when the tunnel dies', () => {
  test('every connection is cut, none is made, nothing is seen in clear, and none comes back', async () => {
    const forward = run('forward', WORK_VM, '0:22', '--json');
    const { port } = JSON.parse(await forward.firstLine()) as { port: number };
    const forwarded = new Hearing(await to({ port }));
    await forwarded.bytes(8);
    // Anti-test: a shell's stream is not cut, so a connection can outlive the close.
    const shell = run('ssh', '--stdio', WORK_VM);
    expect(await shell.firstLine()).toMatch(/^SSH-2\.0-/);
    const { socket, hearing } = await connect(LAB.site, 80);
    socket.write('GET /endless HTTP/1.0\r\n\r\n');
    sip(socket);
    await until('the download began', () => hearing.heard.length > 10_000);
    await stage.lab.clearLogs();

    await stage.lab.fault('tunnel-silent', true);
    // It goes on asking until it is cut: this is what must not come out afterwards.
    const late = newToken().digits;
    const asking = setInterval(() => socket.writable && socket.write(`GET /${late} HTTP/1.0\r\n\r\n`), 100);
    await hearing.ended;
    clearInterval(asking);
    await forwarded.ended;
    await until('the gate closed', async () => (await phase()) !== 'open');
    expect(shell.hasEnded).toBe(false);
    expect((await connect(LAB.site, 80)).reply).toBe(2);
    expect((await connect(LAB.siteName, 80)).reply).toBe(2);
    const again = new Hearing(await to({ port }));
    await again.ended;
    expect(again.heard.length).toBe(0);
    expect([proxy.hasEnded, forward.hasEnded]).toEqual([false, false]);

    await stage.lab.fault('tunnel-silent', false);
    await until('the gate opened again', async () => (await phase()) === 'open');
    const nonce = newToken().digits;
    expect(await pageBy(LAB.siteName, nonce)).toContain(LAB.exit);
    expect(await requestsFor(nonce)).toEqual([LAB.exit]);
    expect(await requestsFor(late)).toEqual([]);
    expect(await foreignFrames(stage)).toEqual(NONE);
  });

  test('the end of the work VM ends its forward, the end of the gate the proxy, both with 4', async () => {
    const forward = run('forward', WORK_VM, '0:22', '--json');
    await forward.firstLine();
    await stage.vmgate(['stop', WORK_VM, '--force']);
    expect(await forward.end()).toBe(4);
    await stage.vmgate(['down']);
    expect(await proxy.end()).toBe(4);
    expect(await run('proxy').end()).toBe(4);
  });
});
