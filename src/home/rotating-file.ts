/** An append-only file of bounded size: what a guest or a chatty tool can make grow goes through here (P9). */
import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

export class RotatingFile {
  readonly #file: string;
  readonly #maxBytes: number;
  #fd: number;
  #size: number;

  /** At most `maxBytes` here and as much again in `FILE.1`, the one predecessor kept. */
  constructor(file: string, maxBytes: number) {
    this.#file = file;
    this.#maxBytes = maxBytes;
    this.#fd = openSync(file, 'a', 0o600);
    this.#size = fstatSync(this.#fd).size;
  }

  get size(): number {
    return this.#size;
  }

  /** One write(2) with O_APPEND: lines of two processes never mix. Longer than `maxBytes` is cut. */
  append(content: string | Uint8Array): void {
    const bytes = Buffer.from(content).subarray(0, this.#maxBytes);
    if (this.#size > 0 && this.#size + bytes.length > this.#maxBytes) this.#rotate();
    this.#size += writeSync(this.#fd, bytes);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #rotate(): void {
    closeSync(this.#fd);
    renameSync(this.#file, `${this.#file}.1`);
    this.#fd = openSync(this.#file, 'a', 0o600);
    this.#size = 0;
  }
}
