/** Cuts a byte stream into lines without ever holding more than one bounded line. */
const MAX_LINE_BYTES = 8_192;
/** The room a new line gets; it doubles as the line grows. */
const FIRST_ROOM = 1_024;

export class LineSplitter {
  readonly #onLine: (line: string) => void;
  readonly #maxBytes: number;
  /**
   * The line so far: one copy, because a chunk is a window on a pool that would live as long as a half line does, and
   * a list of chunks weighs a hundred times its bytes when they come one by one.
   */
  #line: Buffer = Buffer.alloc(0);
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
    const wanted = Math.min(this.#length + part.length, this.#maxBytes);
    if (wanted > this.#line.length) {
      const larger = Buffer.alloc(Math.min(this.#maxBytes, Math.max(FIRST_ROOM, 2 * this.#line.length, wanted)));
      this.#line.copy(larger, 0, 0, this.#length);
      this.#line = larger;
    }
    this.#length += part.copy(this.#line, this.#length, 0, wanted - this.#length);
  }

  #emit(): void {
    const line = this.#line.toString('utf8', 0, this.#length);
    // A long line's room is not kept for the short ones after it.
    if (this.#line.length > MAX_LINE_BYTES) this.#line = Buffer.alloc(0);
    this.#length = 0;
    this.#onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
  }
}
