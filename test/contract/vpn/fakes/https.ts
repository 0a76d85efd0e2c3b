/**
 * As much of an HTTPS server as a VPN's login wants, with connections that a VPN takes over for its packets. What it does not
 * expect it answers with 400 and keeps: a test with any of it fails.
 */
import type { Duplex } from 'node:stream';
import { createServer, type Server, type TLSSocket } from 'node:tls';

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: ReadonlyMap<string, string>;
  /** Of a form, application/x-www-form-urlencoded. */
  readonly form: URLSearchParams;
  /** Whether the client showed a certificate. */
  readonly isCertified: boolean;
}

export interface Response {
  /** `200 OK` */
  readonly status: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Instead of a response: the connection is a tunnel from now on. */
export type Takeover = (stream: Duplex) => void;

export interface Identity {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  /** Of clients' certificates; without it none is asked for. */
  readonly clients?: string;
}

/** Longer requests are no client's. */
const MAX_REQUEST = 65_536;

export class FakeHttps {
  readonly #server: Server;
  readonly #sockets = new Set<TLSSocket>();
  /** `POST /path`, in order. */
  readonly asked: string[] = [];
  /** What nobody should have sent. */
  readonly unexpected: string[] = [];

  /** @param answer undefined for a request that the protocol does not know */
  constructor(identity: Identity, answer: (request: Request) => Response | Takeover | undefined) {
    const { certificate, key, clients } = identity;
    const asks = clients === undefined ? {} : { ca: clients, requestCert: true, rejectUnauthorized: true };
    this.#server = createServer({ cert: certificate, key, ...asks }, (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
      this.#serve(socket, answer);
    });
    // A client that does not like the certificate.
    this.#server.on('tlsClientError', () => {});
  }

  /** @param socketPath a UNIX socket's: what stands on the network hands connections on to it */
  listen(socketPath: string): Promise<void> {
    return new Promise((resolve) => void this.#server.listen(socketPath, resolve));
  }

  /** Nobody else is taken. */
  close(): void {
    this.#server.close();
  }

  /** Connections break. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(socket: TLSSocket, answer: (request: Request) => Response | Takeover | undefined): void {
    let pending: Buffer = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      for (;;) {
        const [request, rest] = readRequest(pending, socket.authorized) ?? [];
        if (request === undefined || rest === undefined) break;
        pending = rest;
        this.asked.push(`${request.method} ${request.path}`);
        const given = answer(request);
        if (typeof given === 'function') {
          socket.off('data', onData);
          socket.pause();
          if (pending.length > 0) socket.unshift(pending);
          given(socket);
          return;
        }
        if (given === undefined) this.unexpected.push(`${request.method} ${request.path} ${request.form}`);
        socket.write(render(given ?? { status: '400 Bad Request' }));
      }
      if (pending.length > MAX_REQUEST) socket.destroy();
    };
    socket.on('data', onData);
  }
}

function readRequest(bytes: Buffer, isCertified: boolean): readonly [Request, Buffer] | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const [method = '', target = ''] = first.split(' ');
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  const start = end + 4;
  const length = Number(headers.get('content-length') ?? 0);
  if (bytes.length < start + length) return undefined;
  const url = new URL(target, 'https://fake.invalid');
  const form = new URLSearchParams(bytes.toString('utf8', start, start + length));
  const request = { method, path: url.pathname, query: url.searchParams, headers, form, isCertified };
  return [request, bytes.subarray(start + length)];
}

function render({ status, headers = {}, body = '' }: Response): string {
  const all = { 'Content-Length': String(Buffer.byteLength(body)), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status}\r\n${lines.join('')}\r\n${body}`;
}
