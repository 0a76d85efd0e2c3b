/** An append-only file of bounded size: what a guest or a chatty tool can make grow goes through here (P9). */
import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';

export class RotatingFile {
  readonly #file: string;
  readonly #maxBytes: number;
  /** Undefined after a rotation whose new file could not be made. */
  #fd: number | undefined;
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

  /**
   * One write(2) with O_APPEND: lines of two processes never mix. Longer than `maxBytes` is cut.
   *
   * @throws what the system says when it does not take all of it; none of it is left then
   */
  append(content: string | Uint8Array): void {
    const bytes = Buffer.from(content).subarray(0, this.#maxBytes);
    if (this.#size > 0 && this.#size + bytes.length > this.#maxBytes) this.#rotate();
    this.#fd ??= openSync(this.#file, 'a', 0o600);
    const written = writeSync(this.#fd, bytes);
    if (written === bytes.length) {
      this.#size += written;
      return;
    }
    // A disk that is just full takes the beginning: the next line must not become part of it.
    ftruncateSync(this.#fd, this.#size);
    throw new Error('ENOSPC: no space left on device, write');
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** A descriptor that was closed is another file's soon: it is forgotten before anything can fail. */
  #rotate(): void {
    this.close();
    renameSync(this.#file, `${this.#file}.1`);
    this.#size = 0;
  }
}

/** All lines there are, the predecessor's first; empty ones, and a file that cannot be read, are passed over. */
export function rotatedLines(file: string): readonly string[] {
  return [`${file}.1`, file].flatMap((part) => textOf(part).split('\n')).filter((line) => line !== '');
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
