/**
 * One HTTP request and its answer, bounded in time and headers. Nothing is followed, nothing is tried twice, no proxy is
 * asked, and the only authorities trusted are those compiled into Node and what the user has for that very host.
 */
import { createReadStream } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { pipeline } from 'node:stream/promises';
import tls from 'node:tls';
import { VmgateError } from '../core/coded.ts';
import { messageOf, whenOverdue } from '../host/index.ts';
import { errors } from './codes.ts';
import { certificateFault, ownAuthorities } from './own-authorities.ts';
import { isLoopback } from './reference.ts';

/** Milliseconds and bytes. */
export interface Pace {
  /** From the request's last byte to the answer's headers. */
  readonly answerMs: number;
  /** In each such time at least `windowBytes` must pass, in either direction; less is a peer that only holds the line. */
  readonly windowMs: number;
  readonly windowBytes: number;
}

const PACE: Pace = { answerMs: 30_000, windowMs: 20_000, windowBytes: 16_384 };
const MAX_HEADER_BYTES = 16_384;
const SHARED = { keepAlive: true, maxSockets: 4 } as const;

export interface WireOptions {
  readonly pace?: Pace;
  /** PEM, beside the public certificates, and where names lead: for tests, which have neither. */
  readonly authority?: string;
  readonly lookup?: LookupFunction;
  /** Folders with authorities for single hosts: see own-authorities.ts. */
  readonly authorityFolders?: readonly string[];
}

export interface Ask {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Content, or the file that holds it and its length. */
  readonly body?: Uint8Array | { readonly file: string; readonly bytes: number };
  /** Completes "hardly moved while ...". */
  readonly doing: string;
  readonly onSent?: (bytes: number) => void;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly url: URL;
  readonly body: http.IncomingMessage;
}

/** The line broke, or was never there: to be tried again. The message is the system's. */
export class BrokenLine extends Error {
  override readonly name = 'BrokenLine';
}

/** `localhost` is what RFC 6761 says it is, whatever a resolver says. */
const loopbackLookup: LookupFunction = (_, options, callback) => {
  if (options.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }]);
  else callback(null, '127.0.0.1', 4);
};

export class Wire {
  readonly pace: Pace;
  readonly #plain = new http.Agent(SHARED);
  /** By host, for each may have an authority of its own. */
  readonly #secure = new Map<string, https.Agent>();
  readonly #authority: string | undefined;
  readonly #authorityFolders: readonly string[];
  readonly #lookup: LookupFunction | undefined;
  readonly #signal: AbortSignal | undefined;

  constructor({ pace = PACE, authority, lookup, authorityFolders = [] }: WireOptions = {}, signal?: AbortSignal) {
    this.pace = pace;
    this.#lookup = lookup;
    this.#signal = signal;
    this.#authority = authority;
    this.#authorityFolders = authorityFolders;
  }

  close(): void {
    for (const agent of [this.#plain, ...this.#secure.values()]) agent.destroy();
  }

  /** @throws REGISTRY_AUTHORITY_REFUSED */
  async #secureAgent({ host }: URL): Promise<https.Agent> {
    const known = this.#secure.get(host);
    if (known !== undefined) return known;
    const own = await ownAuthorities(this.#authorityFolders, host);
    const more = this.#authority === undefined ? own : [...own, this.#authority];
    const ca = [...tls.rootCertificates, ...more];
    const agent = new https.Agent({ ...SHARED, rejectUnauthorized: true, minVersion: 'TLSv1.2', ca });
    this.#secure.set(host, agent);
    return agent;
  }

  /**
   * Resolves with the answer's headers; its body must be read to the end or destroyed.
   *
   * @throws BrokenLine, REGISTRY_TOO_SLOW, REGISTRY_CERTIFICATE_REFUSED, REGISTRY_AUTHORITY_REFUSED
   */
  async send(ask: Ask): Promise<Answer> {
    const { url, method, body, doing } = ask;
    const secure = url.protocol === 'https:';
    // The caller judges every hop; this is the wall behind it: nothing leaves in clear, to nobody but this machine.
    if (!secure && !(url.protocol === 'http:' && isLoopback(url.hostname))) throw new Error(`${url.protocol} refused`);
    const agent = secure ? await this.#secureAgent(url) : this.#plain;
    const length = body === undefined ? undefined : body instanceof Uint8Array ? body.length : body.bytes;
    const request = (secure ? https : http).request(url, {
      method,
      agent,
      maxHeaderSize: MAX_HEADER_BYTES,
      ...(this.#signal === undefined ? {} : { signal: this.#signal }),
      ...this.#lookupFor(url),
      headers: {
        'user-agent': 'vmgate',
        // A body that is unpacked on the way is not the one whose digest is known, and a bomb at worst.
        'accept-encoding': 'identity',
        ...(length === undefined && method !== 'GET' && method !== 'HEAD' ? { 'content-length': '0' } : {}),
        ...(length === undefined ? {} : { 'content-length': String(length) }),
        ...ask.headers,
      },
    });
    const slow = () => VmgateError.of(errors.REGISTRY_TOO_SLOW, { registry: url.host, doing, seconds: this.#seconds });
    return new Promise<Answer>((resolve, reject) => {
      let response: http.IncomingMessage | undefined;
      // Destroying the request of an answer that has begun would only say "aborted".
      const stopWatch = this.#watch(request, () => (response ?? request).destroy(slow()));
      let endPatience = () => {};
      request.once('finish', () => {
        endPatience = whenOverdue(this.pace.answerMs, () => request.destroy(slow()));
      });
      const done = () => {
        stopWatch();
        endPatience();
      };
      request.once('error', (cause) => {
        done();
        reject(
          VmgateError.is(cause) || this.#signal?.aborted === true
            ? cause
            : (certificateFault(cause, url.host) ?? brokenBy(cause)),
        );
      });
      request.once('response', (begun) => {
        endPatience();
        response = begun;
        begun.once('close', done);
        // Whoever reads it hears of an error too; unheard it would end the process.
        begun.on('error', () => {});
        resolve({ status: begun.statusCode ?? 0, headers: begun.headers, url, body: begun });
      });
      feed(request, ask, () => response !== undefined).catch((cause: unknown) => request.destroy(cause as Error));
    });
  }

  get #seconds(): number {
    return Math.round(this.pace.windowMs / 1_000);
  }

  #lookupFor({ hostname }: URL): { lookup?: LookupFunction } {
    if (hostname === 'localhost') return { lookup: loopbackLookup };
    return this.#lookup === undefined ? {} : { lookup: this.#lookup };
  }

  /** Counted on the socket: headers and bodies of both directions alike. */
  #watch(request: http.ClientRequest, late: () => void): () => void {
    const passed = () => (request.socket?.bytesRead ?? 0) + (request.socket?.bytesWritten ?? 0);
    let stop = () => {};
    const wait = (before: number) => {
      stop = whenOverdue(this.pace.windowMs, () => {
        const now = passed();
        if (now - before < this.pace.windowBytes) late();
        else wait(now);
      });
    };
    wait(0);
    return () => stop();
  }
}

async function feed(request: http.ClientRequest, { body, onSent }: Ask, isAnswered: () => boolean): Promise<void> {
  if (body === undefined || body instanceof Uint8Array) {
    request.end(body);
    return;
  }
  const source = createReadStream(body.file, { highWaterMark: 1_048_576 });
  let sent = 0;
  source.on('data', (chunk) => {
    sent += chunk.length;
    onSent?.(sent);
  });
  await pipeline(source, request).catch((cause: unknown) => {
    // An early answer (401, 413) closes the line under the body; the answer is what counts.
    if (!isAnswered()) throw cause;
  });
}

function brokenBy(cause: unknown): BrokenLine {
  return new BrokenLine(messageOf(cause), { cause });
}

/** The whole body. @throws REGISTRY_TOO_LARGE before more than `most` bytes are kept, BrokenLine, REGISTRY_TOO_SLOW */
export async function readBody({ body, headers }: Answer, most: number, what: string): Promise<Buffer> {
  const tooLarge = (bytes: number) => VmgateError.of(errors.REGISTRY_TOO_LARGE, { what, bytes, most });
  const said = Number(headers['content-length'] ?? 0);
  if (said > most) {
    body.destroy();
    throw tooLarge(said);
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunksOf(body)) {
    length += chunk.length;
    if (length > most) {
      body.destroy();
      throw tooLarge(length);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** @throws BrokenLine where the body ends before its end, REGISTRY_TOO_SLOW */
export async function* chunksOf(body: http.IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of body) yield chunk as Buffer;
  } catch (cause) {
    throw VmgateError.is(cause) ? cause : brokenBy(cause);
  }
}

/** What an answer still has to say is of no interest; a short rest is read so that the line can be used again. */
export function discard({ body }: Answer): void {
  body.resume();
  if (Number(body.headers['content-length'] ?? 0) > MAX_HEADER_BYTES || body.headers['content-length'] === undefined) {
    body.destroy();
  }
}
