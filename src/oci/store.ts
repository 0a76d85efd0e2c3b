/**
 * What was pulled, by digest: `blobs/sha256/HEX` as in an OCI image layout, so that `oras` and `skopeo` can read the
 * folder too. A blob appears under its name whole and hashed, or not at all; it is hashed again each time it is read,
 * because what lies on a disk may have changed.
 */
import { createHash, type Hash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { acquireLock, type Lock, writeFileAtomic } from '../home/index.ts';
import { digestText, errnoOf, isAlive, messageOf, sha256 } from '../host/index.ts';
import { errors } from './codes.ts';

export const LAYOUT = '{"imageLayoutVersion":"1.0.0"}';
/** `HEX.4711.9f8e7d6c`: of the process that had no lock. */
const OWN_DRAFT = /^[0-9a-f]{64}\.(\d{1,10})\.[0-9a-f]{8}$/;
const READ_CHUNK = 1_048_576;
/** Sockets give 64 KiB at most, and a call into the kernel for each costs more than the copy. */
const WRITE_BYTES = 1_048_576;

/** A blob on its way in: what there is of it, and the hash so far. */
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

export class Store {
  readonly #folder: string;

  /** `folder`: `templates/` of the home folder. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  fileOf(digest: string): string {
    return path.join(this.#folder, 'blobs', 'sha256', digest.slice('sha256:'.length));
  }

  /** Undefined when it is not there, or is not what its name says: then it is as good as not there. */
  async read(digest: string, most: number): Promise<Buffer | undefined> {
    const file = this.fileOf(digest);
    const size = await sizeOf(file);
    if (size === undefined || size > most) return undefined;
    const content = await readFile(file).catch(() => undefined);
    return content !== undefined && sha256(content) === digest ? content : undefined;
  }

  /** @throws REGISTRY_STORE_FAILED */
  async keep(content: Uint8Array): Promise<string> {
    const digest = sha256(content);
    await this.#prepared();
    const file = this.fileOf(digest);
    await writeFileAtomic(file, content).catch((cause: unknown) => {
      throw failed(file, cause);
    });
    return digest;
  }

  /**
   * Opens what there is of a blob, to go on with it. A second process that wants the same blob gets a draft of its own:
   * both end with the same bytes under the same name.
   *
   * @throws REGISTRY_STORE_FAILED
   */
  async draft(digest: string): Promise<Draft> {
    await this.#prepared();
    const shared = path.join(this.#folder, 'partial', digest.slice('sha256:'.length));
    const lock = await acquireLock(path.join(this.#folder, 'partial', 'lock')).catch((cause: unknown) => {
      if (VmgateError.is(cause) && cause.code === 'HOME_LOCKED') return undefined;
      throw failed(shared, cause);
    });
    if (lock !== undefined) await this.#sweep();
    const file = lock === undefined ? `${shared}.${process.pid}.${randomBytes(4).toString('hex')}` : shared;
    return await BlobDraft.open(file, this.fileOf(digest), lock);
  }

  /** Drafts of their own that processes which were killed left behind: nobody finds them again. */
  async #sweep(): Promise<void> {
    const partial = path.join(this.#folder, 'partial');
    for (const name of await readdir(partial).catch(() => [])) {
      const [, pid] = OWN_DRAFT.exec(name) ?? [];
      if (pid !== undefined && !isAlive(Number(pid))) await rm(path.join(partial, name), { force: true });
    }
  }

  /** `signatures/HEX`: armored signatures of one artifact, each under its own digest. */
  signatures(digest: string): string {
    return path.join(this.#folder, 'signatures', digest.slice('sha256:'.length));
  }

  async #prepared(): Promise<void> {
    try {
      for (const folder of ['blobs/sha256', 'partial', 'signatures']) {
        await mkdir(path.join(this.#folder, folder), { recursive: true, mode: 0o700 });
      }
      const layout = path.join(this.#folder, 'oci-layout');
      if ((await sizeOf(layout)) === undefined) await writeFileAtomic(layout, LAYOUT);
    } catch (cause) {
      throw failed(this.#folder, cause);
    }
  }
}

class BlobDraft implements Draft {
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

async function sizeOf(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).size;
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    throw failed(file, cause);
  }
}

function failed(file: string, cause: unknown): VmgateError {
  return VmgateError.of(errors.REGISTRY_STORE_FAILED, { file, why: messageOf(cause) }, { cause });
}
