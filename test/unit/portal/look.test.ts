import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { lookForPortal, offeredApis } from '../../../src/portal/look.ts';

const PROBE = new URL('http://probe.example/generate_204');
let answers: http.RequestListener = (_, response) => response.end();
const server = http.createServer((request, response) => answers(request, response)).listen(0, '127.0.0.1');
/** Wherever it was to go. */
const reach = async () => net.connect((server.address() as AddressInfo).port, '127.0.0.1');
const looked = (more = {}) => lookForPortal(PROBE, { reach, offered: async () => [], timeoutMs: 500, ...more });

beforeAll(async () => {
  if (!server.listening) await new Promise((resolve) => server.once('listening', resolve));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
afterEach(() => {
  answers = (_, response) => response.end();
});

describe('a probe', () => {
  test('asks for the very page, by the connection it was given', async () => {
    let asked = '';
    answers = ({ url, headers }, response) => {
      asked = `${headers.host}${url}`;
      response.writeHead(302, { location: 'http://login.hotel.example/' }).end();
    };
    expect(await looked()).toEqual({ url: 'http://login.hotel.example/' });
    expect(asked).toBe('probe.example/generate_204');
  });

  test('204 is no portal', async () => {
    answers = (_, response) => response.writeHead(204).end();
    expect(await looked()).toBeUndefined();
  });

  test.each<[string, http.RequestListener]>([
    ['never answers', () => undefined],
    ['hangs up', ({ socket }) => socket.destroy()],
    ['speaks no HTTP', ({ socket }) => socket.end('hello\r\n\r\n')],
    ['sends headers without end', ({ socket }) => socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}`)],
  ])('one that %s is none, soon', async (_name, listener) => {
    answers = listener;
    const began = performance.now();
    expect(await looked()).toBeUndefined();
    expect(performance.now() - began).toBeLessThan(3_000);
  });

  test('nobody there is none', async () => {
    expect(await looked({ reach: () => Promise.reject(new Error('unreachable')) })).toBeUndefined();
  });
});

describe('what DHCP offered (RFC 8910)', () => {
  test('is asked, and its portal is the one that is named', async () => {
    answers = (_, response) => response.writeHead(302, { location: 'http://other.example/' }).end();
    const api = new URL('https://api.hotel.example/');
    const offered = async () => [api];
    const told = { captive: true, 'user-portal-url': 'https://login.hotel.example/' };
    expect(await looked({ offered, askApi: async () => told })).toEqual({ url: 'https://login.hotel.example/' });
    expect(await looked({ offered, askApi: async () => 'garbage' })).toEqual({ url: 'http://other.example/' });
    expect(await looked({ offered: () => Promise.reject(new Error('x')) })).toEqual({ url: 'http://other.example/' });
  });

  test('is read where systemd-networkd wrote it, https alone', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'vmg-links-'));
    try {
      writeFileSync(
        path.join(folder, '2'),
        'ADMIN_STATE=configured\nCAPTIVE_PORTAL=https://api.hotel.example/x\nDNS=\n',
      );
      writeFileSync(path.join(folder, '3'), 'CAPTIVE_PORTAL=http://api.hotel.example/\n');
      writeFileSync(path.join(folder, '4'), 'CAPTIVE_PORTAL=urn:ietf:params:capport:unrestricted\n');
      expect((await offeredApis(folder)).map(({ href }) => href)).toEqual(['https://api.hotel.example/x']);
      expect(await offeredApis(path.join(folder, 'none'))).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
