/** Between a client and the real registry: lets blobs through until it is told to hold, and knows what was asked for. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export class HeldRegistry {
  /** Ranges of blobs that were asked for: undefined for a whole one. */
  readonly asked: (string | undefined)[] = [];
  readonly #server: http.Server;
  readonly #behind: string;
  /** Bytes of blobs that may still pass. */
  #left = Number.POSITIVE_INFINITY;
  #held: () => void = () => undefined;

  private constructor(behind: string) {
    this.#behind = behind;
    this.#server = http.createServer((request, response) => this.#pass(request, response));
  }

  /** @param port of the client's reference, so that what was pushed for it is at its place */
  static async start(behind: string, port = 0): Promise<HeldRegistry> {
    const held = new HeldRegistry(behind);
    await new Promise<void>((resolve) => held.#server.listen(port, '127.0.0.1', resolve));
    return held;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resolves once `bytes` of blobs passed: from then on nothing more does, and no line is closed. */
  holdAfter(bytes: number): Promise<void> {
    this.#left = bytes;
    return new Promise((resolve) => {
      this.#held = resolve;
    });
  }

  letThrough(): void {
    this.#left = Number.POSITIVE_INFINITY;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #pass(request: http.IncomingMessage, response: http.ServerResponse): void {
    const [host, port] = this.#behind.split(':');
    const { method, url = '', headers } = request;
    const isBlob = method === 'GET' && url.includes('/blobs/sha256:');
    if (isBlob) this.asked.push(headers.range);
    const onward = http.request(
      { host, port, method, path: url, headers: { ...headers, host: this.host } },
      (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        if (!isBlob) answer.pipe(response);
        else
          answer.on('data', (chunk: Buffer) => {
            const some = chunk.subarray(0, Math.max(0, this.#left));
            this.#left -= some.length;
            if (some.length > 0) response.write(some);
            if (this.#left <= 0) {
              answer.pause();
              this.#held();
            }
          });
        if (isBlob) answer.on('end', () => response.end());
      },
    );
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  }
}
