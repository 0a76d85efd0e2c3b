/**
 * HTTP CONNECT (RFC 9110, section 9.3.6), read by Node's own parser, which is strict about everything that a request could
 * be smuggled in. Other methods are not served: a program that asks for a page through a proxy in clear would have the
 * proxy read along.
 */
import http from 'node:http';
import type { Duplex } from 'node:stream';
import { type Asked, wordsFor } from './asked.ts';
import { type Credential, isCredential } from './credential.ts';
import { farewell } from './farewell.ts';

const MAX_HEADER = 8_192;

const TEXTS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  405: 'Method Not Allowed',
  407: 'Proxy Authentication Required',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
};

/** Takes streams whose first bytes are HTTP. */
export class HttpDoor {
  readonly #server: http.Server;

  constructor(credential: Credential | undefined, onAsked: (asked: Asked) => void) {
    // Deadlines are the listener's, for both protocols alike.
    this.#server = http.createServer({ maxHeaderSize: MAX_HEADER, insecureHTTPParser: false, requestTimeout: 0 });
    this.#server.headersTimeout = 0;
    this.#server.on('connect', (request: http.IncomingMessage, stream: Duplex, head: Buffer) => {
      stream.on('error', () => stream.destroy());
      if (!isLetIn(credential, request.headers['proxy-authorization'])) {
        const challenge = 'Proxy-Authenticate: Basic realm="vmgate"';
        return answer(stream, 407, 'what vmgate proxy printed is the way in, for this run only', challenge);
      }
      const target = readAuthority(request.url ?? '');
      if (target === undefined) return answer(stream, 400, 'CONNECT takes HOST:PORT');
      if (head.length > 0) stream.unshift(head);
      return onAsked({
        ...target,
        stream,
        accept: () => {
          stream.write('HTTP/1.1 200 Connection established\r\n\r\n');
        },
        refuse: (fault) => answer(stream, wordsFor(fault).http, `${fault.code}: ${fault.what}\nnext: ${fault.remedy}`),
      });
    });
    this.#server.on('request', ({ socket }: http.IncomingMessage) =>
      answer(socket, 405, 'only CONNECT is served; for http:// use the SOCKS5 address, or curl --proxytunnel'),
    );
    this.#server.on('clientError', (_cause, stream: Duplex) => answer(stream, 400, 'this is no HTTP request'));
  }

  take(stream: Duplex): void {
    this.#server.emit('connection', stream);
    stream.resume();
  }
}

function isLetIn(credential: Credential | undefined, header: string | undefined): boolean {
  if (credential === undefined) return true;
  const [, encoded] = /^Basic +([A-Za-z0-9+/=]{1,1024})$/i.exec(header ?? '') ?? [];
  if (encoded === undefined) return false;
  const [user = '', ...password] = Buffer.from(encoded, 'base64').toString('latin1').split(':');
  return isCredential(credential, user, password.join(':'));
}

/** `HOST:PORT`; an IPv6 address in brackets is read, for the gate to say why it goes nowhere. */
export function readAuthority(text: string): { readonly host: string; readonly port: number } | undefined {
  const [, bracketed, plain, digits = ''] =
    /^(?:\[([\d:a-f.]{2,45})\]|([^\s:@/[\]]{1,255})):(\d{1,5})$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}

function answer(stream: Duplex, status: number, text: string, ...headers: readonly string[]): void {
  if (!stream.writable) return;
  const body = `${text}\n`;
  const lines = [
    `HTTP/1.1 ${status} ${TEXTS[status] ?? 'Error'}`,
    ...headers,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  farewell(stream, `${lines.join('\r\n')}\r\n\r\n${body}`);
}
