/** Real sockets to a real proxy; what it opens is in memory. */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import type net from 'node:net';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { VmgateError } from '../../../src/core/coded.ts';
import { errors as gatewayErrors } from '../../../src/gateway/codes.ts';
import {
  type Credential,
  canTellOwners,
  type Listener,
  makeCredential,
  type Place,
  startProxy,
} from '../../../src/proxy/index.ts';
import { errors as gateErrors } from '../../../src/supervisor/codes.ts';
import { connectTo, farEnd, Hearing, socks } from './programs.ts';

const folder = mkdtempSync('/tmp/vgp-');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const socketPath = path.join(folder, 'p.sock');
const credential = makeCredential();

let listener: Listener;
let ends: ReturnType<typeof farEnd>[];
let opened: string[];
let refused: string[];
let trouble: VmgateError | undefined;

async function proxyOn(place: Place, by: Credential | undefined): Promise<Listener> {
  listener = await startProxy({
    place,
    credential: by,
    open: async ({ host, port }) => {
      opened.push(`${host}:${port}`);
      if (trouble !== undefined) throw trouble;
      const end = farEnd();
      ends.push(end);
      return end.near;
    },
    onRefused: (target, { code }) => refused.push(`${target} ${code}`),
    onStranger: () => refused.push('stranger'),
  });
  return listener;
}

beforeEach(() => {
  [ends, opened, refused, trouble] = [[], [], [], undefined];
});
afterEach(() => listener.close());

async function client(): Promise<{ readonly socket: net.Socket; readonly hearing: Hearing }> {
  const { place } = listener;
  const socket = await connectTo(
    place.kind === 'port' ? { host: '127.0.0.1', port: place.port, allowHalfOpen: true } : { path: place.path },
  );
  return { socket, hearing: new Hearing(socket) };
}

function faults(): readonly [VmgateError, number, number][] {
  const down = { gate: 'default', phase: 'closed', why: 'the tunnel is lost', remedy: 'vmgate up' } as const;
  return [
    [VmgateError.of(gateErrors.GATE_NOT_VERIFIED, down), 2, 503],
    [VmgateError.of(gateErrors.GATE_TARGET_REFUSED, { host: 'x', why: 'y' }), 2, 403],
    [VmgateError.of(gateErrors.GATE_NAME_UNKNOWN, { name: 'x', why: 'y' }), 4, 502],
    [VmgateError.of(gatewayErrors.GATEWAY_DIAL_FAILED, { address: 'x', port: 1, reason: 'y' }), 5, 502],
    [VmgateError.of(gateErrors.GATE_STREAMS_FULL, { most: 1 }), 2, 503],
    [VmgateError.of(gateErrors.GATE_CANCELLED, { what: 'x' }), 1, 502],
  ];
}

describe('SOCKS5 on a port', () => {
  beforeEach(() => proxyOn({ kind: 'port', port: 0 }, credential));

  test('with this run’s password, by name, bytes both ways', async () => {
    const { socket, hearing } = await client();
    socket.write(socks.methods(0, 2));
    expect([...(await hearing.bytes(2))]).toEqual([5, 2]);
    socket.write(socks.login(credential.user, credential.password));
    expect([...(await hearing.bytes(4))].slice(2)).toEqual([1, 0]);
    // A program need not wait for the answer before it goes on.
    socket.write(Buffer.concat([socks.connect('www.example.org', 443), Buffer.from('hello')]));
    expect([...(await hearing.bytes(14))].slice(4)).toEqual([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    expect(opened).toEqual(['www.example.org:443']);
    const far = new Hearing(ends[0]?.far ?? socket);
    expect((await far.bytes(5)).toString()).toBe('hello');
    ends[0]?.far.write('answer');
    expect((await hearing.bytes(20)).subarray(14).toString()).toBe('answer');
    socket.end();
    await far.ended;
  });

  test.each<[string, Buffer]>([
    ['another password', socks.login(credential.user, `${credential.password.slice(0, -1)}_`)],
    ['another user', socks.login('root', credential.password)],
    ['no password', socks.login(credential.user, '')],
    ['user and password as one', socks.login('', `${credential.user}${credential.password}`)],
  ])('%s: refused, nothing opened', async (_what, login) => {
    const { socket, hearing } = await client();
    socket.write(Buffer.concat([socks.methods(2), login, socks.connect('example.org', 443)]));
    expect([...(await hearing.bytes(4))]).toEqual([5, 2, 1, 1]);
    await hearing.ended;
    expect(hearing.heard.length).toBe(4);
    expect(opened).toEqual([]);
  });

  test('no method but the password’s', async () => {
    const { socket, hearing } = await client();
    socket.write(Buffer.concat([socks.methods(0, 1), socks.connect('example.org', 443)]));
    expect([...(await hearing.bytes(2))]).toEqual([5, 0xff]);
    await hearing.ended;
    expect(opened).toEqual([]);
  });

  test.each(faults().map(([fault, reply]) => [fault.code, fault, reply] as const))(
    '%s in SOCKS',
    async (code, fault, reply) => {
      trouble = fault;
      const { socket, hearing } = await client();
      const { user, password } = credential;
      socket.write(Buffer.concat([socks.methods(2), socks.login(user, password), socks.connect('example.org', 80)]));
      expect((await hearing.bytes(6))[5]).toBe(reply);
      await hearing.ended;
      expect(refused).toEqual([`example.org:80 ${code}`]);
    },
  );
});

describe('HTTP CONNECT on a port', () => {
  beforeEach(() => proxyOn({ kind: 'port', port: 0 }, credential));

  const basic = ({ user, password }: Credential) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const head = (line: string, authorization = basic(credential)) =>
    `${line} HTTP/1.1\r\nHost: example.org\r\nProxy-Authorization: ${authorization}\r\n\r\n`;

  async function said(request: string): Promise<string> {
    const { socket, hearing } = await client();
    socket.write(request);
    await hearing.ended;
    return hearing.heard.toString();
  }

  test('with this run’s password, bytes both ways, half-closed by the program', async () => {
    const { socket, hearing } = await client();
    socket.write(`${head('CONNECT www.example.org:443')}hello`);
    const answer = 'HTTP/1.1 200 Connection established\r\n\r\n';
    expect((await hearing.bytes(answer.length)).toString()).toBe(answer);
    expect(opened).toEqual(['www.example.org:443']);
    const far = new Hearing(ends[0]?.far ?? socket);
    expect((await far.bytes(5)).toString()).toBe('hello');
    socket.end();
    await far.ended;
    ends[0]?.far.end('all there is');
    await hearing.ended;
    expect(hearing.heard.subarray(answer.length).toString()).toBe('all there is');
  });

  test.each([
    ['another password', basic({ ...credential, password: 'x' })],
    ['another scheme', basic(credential).replace('Basic', 'Bearer')],
    ['no base64', 'Basic ~~~~'],
    ['nothing', ''],
  ])('%s: 407, nothing opened', async (_what, authorization) => {
    expect(await said(head('CONNECT example.org:443', authorization))).toMatch(
      /^HTTP\/1\.1 407 .*\r\nProxy-Authenticate: Basic realm="vmgate"\r\n/,
    );
    expect(opened).toEqual([]);
  });

  test.each([
    'example.org',
    'example.org:0',
    'example.org:65536',
    'example.org:443x',
    'a@example.org:443',
    ':443',
    '[::1]',
  ])('CONNECT %s is a bad request', async (target) => {
    expect(await said(head(`CONNECT ${target}`))).toMatch(/^HTTP\/1\.1 400 /);
    expect(opened).toEqual([]);
  });

  test.each(['GET http://example.org/', 'POST /', 'GET /'])('%s is not served', async (line) => {
    expect(await said(head(line))).toMatch(/^HTTP\/1\.1 405 /);
    expect(opened).toEqual([]);
  });

  test.each([
    'garbage\r\n\r\n',
    '\x16\x03\x01\x02\x00',
    'CONNECT a:1 HTTP/1.1\r\nA: b\x00\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  ])('%j is no HTTP', async (bytes) => {
    expect(await said(bytes)).toMatch(/^(HTTP\/1\.1 400 |$)/);
    expect(opened).toEqual([]);
  });

  test('headers without end are cut off', async () => {
    expect(await said(`CONNECT example.org:443 HTTP/1.1\r\nA: ${'x'.repeat(20_000)}`)).toMatch(/^(HTTP\/1\.1 400 |$)/);
    expect(opened).toEqual([]);
  });

  test.each(faults().map(([fault, , status]) => [fault.code, fault, status] as const))(
    '%s in HTTP',
    async (code, fault, status) => {
      trouble = fault;
      const answer = await said(head('CONNECT example.org:443'));
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(answer).toContain(`${code}: ${fault.what}\nnext: ${fault.remedy}`);
    },
  );
});

describe('on a socket', () => {
  beforeEach(() => proxyOn({ kind: 'socket', path: socketPath }, undefined));

  test('only its owner can open it, and it goes with the proxy', () => {
    expect(statSync(socketPath).mode & 0o777).toBe(0o600);
    listener.close();
    expect(existsSync(socketPath)).toBe(false);
  });

  test('no password is asked for', async () => {
    const { socket, hearing } = await client();
    socket.write(Buffer.concat([socks.methods(0, 2), socks.connect('example.org', 443)]));
    expect([...(await hearing.bytes(4))]).toEqual([5, 0, 5, 0]);
    const http = await client();
    http.socket.write('CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n');
    expect((await http.hearing.bytes(12)).toString()).toBe('HTTP/1.1 200');
  });
});

test('a proxy that ends cuts what it carried', async () => {
  await proxyOn({ kind: 'port', port: 0 }, credential);
  const { socket, hearing } = await client();
  const { user, password } = credential;
  socket.write(Buffer.concat([socks.methods(2), socks.login(user, password), socks.connect('example.org', 80)]));
  await hearing.bytes(14);
  const far = new Hearing(ends[0]?.far ?? socket);
  listener.close();
  await Promise.all([hearing.ended, far.ended]);
});

test('a far end that goes takes the program’s connection along', async () => {
  await proxyOn({ kind: 'port', port: 0 }, credential);
  const { socket, hearing } = await client();
  const { user, password } = credential;
  socket.write(Buffer.concat([socks.methods(2), socks.login(user, password), socks.connect('example.org', 80)]));
  await hearing.bytes(14);
  ends[0]?.far.destroy();
  await hearing.ended;
});

test('never on a port without a password where the kernel does not tell whose program it is', async () => {
  const opened = proxyOn({ kind: 'port', port: 0 }, undefined);
  if (canTellOwners) await opened;
  else await expect(opened).rejects.toThrow('credential');
});

test('passwords are of this run only', () => {
  expect(new Set(Array.from({ length: 50 }, () => makeCredential().password)).size).toBe(50);
  expect(credential.password).toMatch(/^[\w-]{32}$/);
});
