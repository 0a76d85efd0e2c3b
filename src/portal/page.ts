/** One question to a web server that may be a portal, over a connection of the caller's choice. Its answer is hostile. */
import http from 'node:http';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import type { ProbeAnswer } from '../core/portal.ts';

/** A connection to the server of `url`: of this machine's own, or of a gateway's. */
export type Reach = (url: URL) => Promise<Duplex>;

/**
 * Asks with GET and reads to the first byte of the body. No redirect is followed, no proxy asked, nothing sent that names
 * anybody. https is verified against the usual authorities.
 *
 * @throws whatever `reach`, TLS or the answer's form bring about, and after `timeoutMs`
 */
export async function askPage(url: URL, reach: Reach, timeoutMs: number): Promise<ProbeAnswer> {
  const signal = AbortSignal.timeout(timeoutMs);
  const stream = await within(reach(url), signal);
  try {
    const spoken = url.protocol === 'https:' ? secured(stream, url.hostname) : stream;
    return await answered(url, spoken, signal);
  } finally {
    stream.destroy();
  }
}

export function portOf(url: URL): number {
  return url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
}

function secured(socket: Duplex, servername: string): Duplex {
  return tls.connect({ socket, servername, rejectUnauthorized: true });
}

function answered(url: URL, stream: Duplex, signal: AbortSignal): Promise<ProbeAnswer> {
  return new Promise((resolve, reject) => {
    stream.on('error', reject);
    const request = http.request({
      method: 'GET',
      path: `${url.pathname}${url.search}`,
      headers: { host: url.host, accept: '*/*', connection: 'close' },
      createConnection: () => stream,
      signal,
    });
    request.on('error', reject);
    request.on('response', (response) => {
      const { statusCode: status = 0, headers } = response;
      const settle = (hasBody: boolean) => resolve({ status, location: headers.location, hasBody });
      response.on('error', reject);
      response.once('data', () => settle(true));
      response.once('end', () => settle(false));
    });
    request.end();
  });
}

/** A connection that comes too late is closed. */
async function within(reaching: Promise<Duplex>, signal: AbortSignal): Promise<Duplex> {
  let cut: (() => void) | undefined;
  const late = new Promise<never>((_, reject) => {
    cut = () => reject(signal.reason);
    signal.addEventListener('abort', cut);
  });
  try {
    return await Promise.race([reaching, late]);
  } catch (cause) {
    void reaching.then(
      (stream) => stream.destroy(),
      () => undefined,
    );
    throw cause;
  } finally {
    if (cut !== undefined) signal.removeEventListener('abort', cut);
  }
}
