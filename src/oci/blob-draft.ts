/** A blob on its way into the store: hashed as it comes, and under its name only once it is whole. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { VmgateError } from '../core/coded.ts';
import type { Lock } from '../home/index.ts';
import { digestText, messageOf } from '../host/index.ts';
import { errors } from './codes.ts';

const READ_CHUNK = 1_048_576;
/** Sockets give 64 KiB at most, and a call into the kernel for each costs more than the copy. */
const WRITE_BYTES = 1_048_576;

/** What there is of it, and the hash so far. */
export interface Draft {
  readonly file: string;
  /** Bytes that were there from an earlier time. */
  readonly found: number;
  readonly bytes: number;
  write(chunk: Uint8Array): Promise<void>;
  /** Back to nothing. */
  restart(): Promise<void>;
  /** Closes it and keeps what is there for the next time. */
  leave(): Promise<void>;
  /** `sha256:...` of what is there. */
  digest(): string;
  /** Under its own name from now on. */
  adopt(): Promise<void>;
  discard(): Promise<void>;
}

export class BlobDraft implements Draft {
  readonly file: string;
  readonly found: number;
  readonly #target: string;
  readonly #lock: Lock | undefined;
  readonly #handle: FileHandle;
  #hash: Hash;
  #bytes: number;
  /** Hashed, and not given to the kernel yet. */
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  /** The write that the kernel is at; it copies while this thread hashes what comes next. */
  #writing: Promise<void> = Promise.resolve();

  private constructor(
    file: string,
    target: string,
    lock: Lock | undefined,
    handle: FileHandle,
    found: number,
    hash: Hash,
  ) {
    this.file = file;
    this.found = found;
    this.#target = target;
    this.#lock = lock;
    this.#handle = handle;
    this.#bytes = found;
    this.#hash = hash;
  }

  static async open(file: string, target: string, lock: Lock | undefined): Promise<BlobDraft> {
    try {
      const handle = await open(file, 'a', 0o600);
      const hash = createHash('sha256');
      let found = 0;
      for await (const chunk of createReadStream(file, { highWaterMark: READ_CHUNK })) {
        hash.update(chunk as Buffer);
        found += (chunk as Buffer).length;
      }
      return new BlobDraft(file, target, lock, handle, found, hash);
    } catch (cause) {
      lock?.release();
      throw failed(file, cause);
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
    this.#gathered.push(chunk);
    this.#gatheredBytes += chunk.length;
    if (this.#gatheredBytes >= WRITE_BYTES) await this.#handOver();
  }

  /** Gives what was gathered to the kernel, once it has done what it was given before. */
  async #handOver(): Promise<void> {
    try {
      await this.#writing;
    } catch (cause) {
      // A full disk is not kept full.
      await this.discard();
      throw failed(this.file, cause);
    }
    this.#writing = writeAll(this.#handle, this.#gathered);
    this.#writing.catch(() => {}); // heard by whoever hands over next, or settles
    this.#gathered = [];
    this.#gatheredBytes = 0;
  }

  async #settle(): Promise<void> {
    await this.#handOver();
    await this.#handOver();
  }

  async restart(): Promise<void> {
    await this.#settle();
    await this.#handle.truncate(0);
    this.#hash = createHash('sha256');
    this.#bytes = 0;
  }

  digest(): string {
    return digestText(this.#hash.copy());
  }

  async adopt(): Promise<void> {
    await this.#settle();
    try {
      // Not synced: what a power cut leaves of it is hashed like anything else that is read here, and fetched again.
      await this.#handle.close();
      await rename(this.file, this.#target);
    } catch (cause) {
      throw failed(this.#target, cause);
    } finally {
      this.#lock?.release();
    }
  }

  async leave(): Promise<void> {
    await this.#settle();
    await this.#handle.close();
    // One of its own would not be found again.
    if (this.#lock === undefined) await rm(this.file, { force: true });
    this.#lock?.release();
  }

  async discard(): Promise<void> {
    await this.#writing.catch(() => {});
    await this.#handle.close().catch(() => {});
    await rm(this.file, { force: true });
    this.#lock?.release();
  }
}

async function writeAll(handle: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  if (chunks.length === 0) return;
  const { bytesWritten } = await handle.writev(chunks);
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  // A write that is cut short is rare, and the next one says why.
  if (bytesWritten < length) await handle.appendFile(Buffer.concat(chunks).subarray(bytesWritten));
}

/** The store's own trouble, with one of its files. */
export function failed(file: string, cause: unknown): VmgateError {
  return VmgateError.of(errors.REGISTRY_STORE_FAILED, { file, why: messageOf(cause) }, { cause });
}
