/**
 * One HTTP request over a stream the gateway dialled. TLS ends here on the host, so that the gateway carries only
 * ciphertext. No redirect is followed, no proxy is asked, and the only certificates trusted are those compiled into
 * Node: `NODE_EXTRA_CA_CERTS`, `SSL_CERT_FILE` and `NODE_TLS_REJECT_UNAUTHORIZED` change nothing.
 */
import http from 'node:http';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import type { ExitAnswer } from '../core/checks/exit.ts';
import { VmgateError } from '../core/coded.ts';
import { messageOf } from '../host/index.ts';
import { errors } from './codes.ts';

/** An address or a small JSON object; anything longer is the wrong page. */
export const MAX_BODY = 65_536;

export interface ExitRequest {
  readonly url: URL;
  /** What the host of `url` led to. */
  readonly address: string;
  readonly dial: (port: number) => Promise<Duplex>;
  /** PEM, beside the public certificates: the lab's. */
  readonly authority: string | undefined;
  readonly wallMs: () => number;
  readonly signal: AbortSignal;
}

/** @throws VERIFY_EXIT_UNREACHABLE, VERIFY_EXIT_TOO_LONG */
export async function requestExit(request: ExitRequest): Promise<ExitAnswer> {
  const { url, address, dial, signal } = request;
  const secure = url.protocol === 'https:';
  let stream: Duplex | undefined;
  try {
    stream = await dial(url.port === '' ? (secure ? 443 : 80) : Number(url.port));
    const transport = stream;
    // After the answer nobody cares how the stream ends, and an unheard error would end the process.
    transport.on('error', () => undefined);
    signal.addEventListener('abort', () => transport.destroy(), { once: true });
    signal.throwIfAborted();
    const session = secure ? await handshake(transport, request) : transport;
    return session instanceof Untrusted
      ? { kind: 'untrusted', reason: session.reason, address }
      : await exchange(session, secure, request);
  } catch (cause) {
    if (VmgateError.is(cause)) throw cause;
    const reason = messageOf(cause);
    throw VmgateError.of(errors.VERIFY_EXIT_UNREACHABLE, { url: url.href, address, reason }, { cause });
  } finally {
    stream?.destroy();
  }
}

/** Whoever speaks TLS at the other end has no certificate for the name that was asked for. */
class Untrusted {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

async function handshake(transport: Duplex, { url, authority }: ExitRequest): Promise<tls.TLSSocket | Untrusted> {
  // A URL writes an IPv6 address in brackets, a certificate does not.
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const socket = tls.connect({
    socket: transport,
    host,
    ...(net.isIP(host) === 0 ? { servername: host } : {}),
    rejectUnauthorized: true,
    ca: [...tls.rootCertificates, ...(authority === undefined ? [] : [authority])],
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
  });
  return new Promise((resolve, reject) => {
    socket.once('secureConnect', () => resolve(socket));
    transport.once('close', () => reject(new Error('the connection was closed during the TLS handshake')));
    socket.on('error', (cause) => {
      // Set exactly when the handshake was complete and the certificate was not accepted.
      const { authorizationError } = socket;
      if (authorizationError) resolve(new Untrusted(`${authorizationError}: ${cause.message}`));
      else reject(cause);
    });
  });
}

function exchange(session: Duplex, secure: boolean, { url, address, wallMs }: ExitRequest): Promise<ExitAnswer> {
  return new Promise((resolve, reject) => {
    const asked = http.get({
      createConnection: () => session,
      host: url.hostname,
      path: `${url.pathname}${url.search}`,
      headers: {
        host: url.host,
        accept: 'application/json, text/plain',
        'accept-encoding': 'identity',
        'user-agent': 'vmgate',
        connection: 'close',
      },
    });
    asked.on('error', reject);
    asked.on('response', (response) => {
      const receivedMs = wallMs();
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('error', reject);
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        chunks.push(chunk);
        if (length <= MAX_BODY) return;
        reject(VmgateError.of(errors.VERIFY_EXIT_TOO_LONG, { url: url.href, limit: MAX_BODY }));
        response.destroy();
      });
      response.on('end', () => {
        const headerMs = Date.parse(response.headers.date ?? '');
        resolve({
          kind: 'response',
          status: response.statusCode ?? 0,
          body: Buffer.concat(chunks).toString('utf8'),
          address,
          date: secure && Number.isFinite(headerMs) ? { headerMs, receivedMs } : undefined,
        });
      });
    });
  });
}
