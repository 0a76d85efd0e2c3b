/**
 * What a browser says around a proxy, it says by UDP: WebRTC's questions (STUN) and QUIC. The browser of `vmgate portal`
 * says neither, with a page that asks for both and somebody who listens; the same Chromium as it comes says both.
 *
 * @leakCase 53 none: a portal's page makes the browser of a sign-in send neither STUN nor QUIC around its proxy
 */
import { spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { findBrowser, openBrowser } from '../../../src/portal/index.ts';
import { canTellOwners, startProxy } from '../../../src/proxy/index.ts';
import { describeUnless, missing } from '../../obstacle.ts';

jest.setTimeout(90_000);
const PATIENCE_MS = 40_000;
/** STUN that is not answered is asked again after 0.25, 0.5, 1 s ... (RFC 8489): what has not come by now does not. */
const AFTER_MS = 3_000;
const HEADLESS = '--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run';

/** WebRTC does not ask by loopback: a listener on a card of this machine. */
const card = Object.values(os.networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
const obstacle =
  missing('chromium') ??
  (canTellOwners ? undefined : 'needs a kernel that tells whose program connects') ??
  (card === undefined ? 'this machine has no network card' : undefined);

describeUnless(obstacle, 'UDP of the browser of a sign-in')('UDP of the browser of a sign-in', () => {
  let folder: string;
  let program: string;
  let stun: Witness;
  let quic: Witness;
  let pages: http.Server;
  let told: string[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'vmg-browser-'));
    [stun, quic] = await Promise.all([listen(), listen()]);
    program = path.join(folder, 'chromium');
    const flags = `${HEADLESS} --origin-to-force-quic-on=${card}:${quic.port}`;
    writeFileSync(program, `#!/bin/sh\nexec ${findBrowser()} ${flags} "$@"\n`);
    chmodSync(program, 0o755);
    pages = http.createServer(({ url = '' }, response) => {
      told.push(url);
      response.setHeader('content-type', 'text/html').end(pageThatAsks(stun.port, quic.port));
    });
    await new Promise<void>((resolve) => {
      pages.listen(0, '127.0.0.1', resolve);
    });
  });

  afterAll(() => {
    pages.close();
    stun.close();
    quic.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const here = () => (pages.address() as AddressInfo).port;
  /** The page's own word that it asked for both and waited; it asks by its connection alone. */
  const untilTried = async () => {
    const deadline = performance.now() + PATIENCE_MS;
    while (performance.now() < deadline && !told.some((url) => url.startsWith('/tried'))) await pause(100);
    expect(told).toEqual(expect.arrayContaining([expect.stringMatching(/^\/tried\?stun=(complete|timeout)/)]));
  };

  test('case 53: neither STUN nor QUIC leaves but by the proxy, and no address of this machine is told', async () => {
    told = [];
    const listener = await startProxy({
      place: { kind: 'port', port: 0 },
      credential: undefined,
      open: () =>
        new Promise((resolve, reject) => {
          const socket = net.connect(here(), '127.0.0.1', () => resolve(socket)).once('error', reject);
        }),
      onRefused: () => undefined,
      onStranger: () => undefined,
    });
    const proxyPort = listener.place.kind === 'port' ? listener.place.port : 0;
    const url = new URL('http://login.hotel.example/');
    const browser = openBrowser({ program, proxyPort, url, display: {} });
    try {
      await untilTried();
      await pause(AFTER_MS);
      expect({ stun: stun.count(), quic: quic.count() }).toEqual({ stun: 0, quic: 0 });
      expect(told.join('\n')).not.toContain(card);
    } finally {
      await browser.close();
      listener.close();
    }
  });

  test('case 53: anti-test: a Chromium as it comes sends both to who listens', async () => {
    told = [];
    const argv = [`--user-data-dir=${path.join(folder, 'profile')}`, '--disable-background-networking'];
    const child = spawn(program, [...argv, `http://127.0.0.1:${here()}/`], { stdio: 'ignore', detached: true });
    try {
      const deadline = performance.now() + PATIENCE_MS;
      while (performance.now() < deadline && (stun.count() === 0 || quic.count() === 0)) await pause(100);
      expect(stun.count()).toBeGreaterThan(0);
      expect(quic.count()).toBeGreaterThan(0);
    } finally {
      process.kill(-(child.pid ?? 0), 'SIGKILL');
      await new Promise((resolve) => {
        if (child.exitCode === null && child.signalCode === null) child.once('exit', resolve);
        else resolve(undefined);
      });
    }
  });
});

/** Asks a STUN server on the card, and by QUIC an https origin there; then tells what it learnt. */
function pageThatAsks(stunPort: number, quicPort: number): string {
  return `<!doctype html><script>
    const rtc = new RTCPeerConnection({ iceServers: [{ urls: 'stun:${card}:${stunPort}' }] });
    rtc.createDataChannel('x');
    const found = [];
    const gathered = new Promise((resolve) => {
      rtc.onicecandidate = ({ candidate }) => candidate ? found.push(candidate.candidate) : resolve('complete');
      setTimeout(() => resolve('timeout'), 5000);
    });
    rtc.createOffer().then((offer) => rtc.setLocalDescription(offer));
    const asked = fetch('https://${card}:${quicPort}/').catch(() => 0);
    gathered.then((end) => fetch('/tried?stun=' + end + '&found=' + encodeURIComponent(found.join())));
  </script>`;
}

interface Witness {
  readonly port: number;
  readonly count: () => number;
  readonly close: () => void;
}

/** Counts datagrams that come to a port of the card. */
function listen(): Promise<Witness> {
  const socket: Socket = createSocket('udp4');
  let count = 0;
  socket.on('message', () => {
    count += 1;
  });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, card, () => {
      resolve({ port: socket.address().port, count: () => count, close: () => socket.close() });
    });
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
