/** Reads what others add to a file, as it grows: a journal that is rotated, a capture that a new writer starts over. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { errnoOf } from '../host/index.ts';

const CHUNK = 1_048_576;

export class FileFollower {
  readonly #file: string;
  #inode = 0;
  #offset = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** What is new since the last call; `restarted` when it is the beginning of a new file. Nothing while there is none. */
  read(): { readonly data: Buffer; readonly restarted: boolean } {
    const fd = openOrNot(this.#file);
    if (fd === undefined) return { data: Buffer.alloc(0), restarted: false };
    try {
      const { ino, size } = fstatSync(fd);
      const restarted = ino !== this.#inode || size < this.#offset;
      const rest = ino !== this.#inode && this.#inode !== 0 ? this.#restOfPredecessor() : Buffer.alloc(0);
      if (restarted) this.#offset = 0;
      this.#inode = ino;
      const data = readFrom(fd, this.#offset);
      this.#offset += data.length;
      return { data: Buffer.concat([rest, data]), restarted };
    } finally {
      closeSync(fd);
    }
  }

  /** A rotated file goes on under this name (src/home/rotating-file.ts). */
  #restOfPredecessor(): Buffer {
    const fd = openOrNot(`${this.#file}.1`);
    if (fd === undefined) return Buffer.alloc(0);
    try {
      return fstatSync(fd).ino === this.#inode ? readFrom(fd, this.#offset) : Buffer.alloc(0);
    } finally {
      closeSync(fd);
    }
  }
}

function openOrNot(file: string): number | undefined {
  try {
    return openSync(file, 'r');
  } catch (cause) {
    // One that is there and cannot be opened is not one without anything new: a witness must not go blind by it.
    if (errnoOf(cause) !== 'ENOENT') throw cause;
    return undefined;
  }
}

function readFrom(fd: number, offset: number): Buffer {
  const chunks: Buffer[] = [];
  for (let at = offset; ; ) {
    const chunk = Buffer.alloc(CHUNK);
    const bytes = readSync(fd, chunk, 0, CHUNK, at);
    chunks.push(chunk.subarray(0, bytes));
    at += bytes;
    if (bytes < CHUNK) return Buffer.concat(chunks);
  }
}
