/** The last bytes of an endless output: whatever a guest prints, this much is kept. */
export class TextTail {
  readonly #maxBytes: number;
  #kept: Buffer = Buffer.alloc(0);

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Buffer): void {
    this.#kept = Buffer.concat([this.#kept, chunk]).subarray(-this.#maxBytes);
  }

  text(): string {
    return this.#kept.toString('utf8');
  }
}
