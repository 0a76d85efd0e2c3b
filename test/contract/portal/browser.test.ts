/**
 * The browser of `vmgate portal`, a real Chromium without a window: everything by the proxy, this machine's own addresses
 * too, and names looked up behind it.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { duplexPair } from 'node:stream';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { findBrowser, openBrowser } from '../../../src/portal/index.ts';
import { canTellOwners, startProxy } from '../../../src/proxy/index.ts';
import { describeUnless, missing } from '../../obstacle.ts';

jest.setTimeout(60_000);

const obstacle = canTellOwners ? missing('chromium') : 'needs a kernel that tells whose program connects';

describeUnless(obstacle, 'the browser of a sign-in')('the browser of a sign-in', () => {
  let folder: string;
  let program: string;
  const direct: string[] = [];
  const here = http.createServer(({ url = '' }, response) => {
    direct.push(url);
    response.end();
  });

  beforeAll(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'vmg-browser-'));
    program = path.join(folder, 'chromium');
    const flags = '--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage';
    writeFileSync(program, `#!/bin/sh\nexec ${findBrowser()} ${flags} "$@"\n`);
    chmodSync(program, 0o755);
    await new Promise<void>((resolve) => {
      here.listen(0, '127.0.0.1', resolve);
    });
  });

  afterAll(() => {
    here.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('asks for everything by the proxy: the page, what it needs, this machine; and sends nothing another way', async () => {
    const { port } = here.address() as AddressInfo;
    const page = `<!doctype html><script src="http://assets.hotel.example/a.js"></script>
      <img src="http://127.0.0.1:${port}/loopback"><img src="http://localhost:${port}/localhost">`;
    const asked: string[] = [];
    const listener = await startProxy({
      place: { kind: 'port', port: 0 },
      credential: undefined,
      open: async ({ host, port: to }) => {
        asked.push(`${host}:${to}`);
        const [near, far] = duplexPair();
        far.once('data', () => {
          const head = `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: ${Buffer.byteLength(page)}\r\n`;
          far.end(
            host === 'login.hotel.example' ? `${head}Connection: close\r\n\r\n${page}` : 'HTTP/1.1 204 x\r\n\r\n',
          );
        });
        return near;
      },
      onRefused: () => undefined,
      onStranger: () => undefined,
    });
    const proxyPort = listener.place.kind === 'port' ? listener.place.port : 0;
    const browser = openBrowser({ program, proxyPort, url: new URL('http://login.hotel.example/'), display: {} });
    try {
      const wanted = ['login.hotel.example:80', 'assets.hotel.example:80', `127.0.0.1:${port}`, `localhost:${port}`];
      const deadline = performance.now() + 30_000;
      while (performance.now() < deadline && !wanted.every((each) => asked.includes(each))) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(asked).toEqual(expect.arrayContaining(wanted));
      expect(direct).toEqual([]);
    } finally {
      await browser.close();
      listener.close();
    }
  });
});
