/** Cuts a byte stream into lines without ever holding more than one bounded line. */
const MAX_LINE_BYTES = 8_192;

export class LineSplitter {
  readonly #onLine: (line: string) => void;
  readonly #maxBytes: number;
  #pending: Buffer[] = [];
  #length = 0;

  /** `maxBytes`: a longer line is cut there and its rest thrown away. */
  constructor(onLine: (line: string) => void, maxBytes: number = MAX_LINE_BYTES) {
    this.#onLine = onLine;
    this.#maxBytes = maxBytes;
  }

  push(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(0x0a); at >= 0; at = chunk.indexOf(0x0a, from)) {
      this.#keep(chunk.subarray(from, at));
      this.#emit();
      from = at + 1;
    }
    this.#keep(chunk.subarray(from));
  }

  /** Emits a last line that has no newline. */
  end(): void {
    if (this.#length > 0) this.#emit();
  }

  #keep(part: Buffer): void {
    const room = this.#maxBytes - this.#length;
    if (room <= 0 || part.length === 0) return;
    // Copied: a socket's chunk is a window on a pool that would live as long as a half line does.
    this.#pending.push(Buffer.from(part.subarray(0, room)));
    this.#length += Math.min(part.length, room);
  }

  #emit(): void {
    const line = Buffer.concat(this.#pending).toString('utf8');
    this.#pending = [];
    this.#length = 0;
    this.#onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
  }
}
