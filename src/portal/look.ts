/**
 * Whether a portal is in the way, as seen from this machine: what the network itself says (RFC 8910, RFC 8908), then one
 * probe in clear. Asked once a tunnel has failed, and again while a portal is known; never while a gate is open (P10).
 */
import { readdir, readFile } from 'node:fs/promises';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { judgeApi, judgeProbe, type Portal, readPortalUrl } from '../core/portal.ts';
import { parseJson } from '../host/index.ts';
import { askPage, portOf, type Reach } from './page.ts';

/** What is looked with; tests and the lab put their own here. */
export interface LookMeans {
  /** Unless said, this machine's own network. */
  readonly reach?: Reach;
  /** URLs of the network's own API. */
  readonly offered?: () => Promise<readonly URL[]>;
  readonly askApi?: (url: URL) => Promise<unknown>;
  readonly timeoutMs?: number;
}

/** The next attempt waits for it. */
const LOOK_MS = 2_500;
const MAX_API_BYTES = 16_384;

/** Undefined where there is none, and where nothing can be told. Never rejects. */
export async function lookForPortal(
  probe: URL,
  { reach = direct, offered = offeredApis, askApi = askHttps, timeoutMs = LOOK_MS }: LookMeans = {},
): Promise<Portal | undefined> {
  const [told, probed] = await Promise.all([
    offered()
      .then((urls) => Promise.all(urls.map((url) => askApi(url).then(judgeApi, () => undefined))))
      .catch(() => []),
    askPage(probe, reach, timeoutMs).then(
      (answer) => judgeProbe(probe.href, answer),
      () => undefined,
    ),
  ]);
  // Only the probe goes the way that everything goes: an API that calls a network free which is not is a mistake.
  const named = told.find((portal) => portal?.url !== undefined);
  return named ?? probed ?? told.find((portal) => portal !== undefined);
}

/** By this machine's own resolver and routes. */
async function direct(url: URL): Promise<Duplex> {
  const socket = net.connect({ host: url.hostname, port: portOf(url), family: 4 });
  socket.on('error', () => undefined);
  return socket;
}

/** Where systemd-networkd writes what DHCP's option 114 said (src/network/networkd-state-file.c of systemd). */
const NETWORKD = '/run/systemd/netif/links';

/** What DHCP offered this machine, where that can be read: systemd-networkd only. `folder`: for its test. */
export async function offeredApis(folder: string = NETWORKD): Promise<readonly URL[]> {
  const names = await readdir(folder).catch(() => []);
  const texts = await Promise.all(names.map((name) => readFile(path.join(folder, name), 'utf8').catch(() => '')));
  const urls = texts.flatMap((text) => {
    const url = readPortalUrl(/^CAPTIVE_PORTAL=(.*)$/m.exec(text)?.[1] ?? '');
    // RFC 8910, section 3: the API is asked by https or not at all.
    return url?.protocol === 'https:' ? [url] : [];
  });
  return urls.slice(0, 4);
}

function askHttps(url: URL): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = https.get(url, {
      agent: false,
      headers: { accept: 'application/captive+json' },
      signal: AbortSignal.timeout(LOOK_MS),
      rejectUnauthorized: true,
    });
    request.on('error', reject);
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('error', reject);
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > MAX_API_BYTES) request.destroy(new Error('an answer without end'));
      });
      response.on('end', () => resolve(response.statusCode === 200 ? parseJson(text) : undefined));
    });
  });
}
