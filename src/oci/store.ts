/**
 * What was pulled, by digest: `blobs/sha256/HEX` as in an OCI image layout, so that `oras` and `skopeo` can read the
 * folder too. A blob appears under its name whole and hashed, or not at all; it is hashed again each time it is read,
 * because what lies on a disk may have changed.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { acquireLock, writeFileAtomic } from '../home/index.ts';
import { errnoOf, isAlive, sha256 } from '../host/index.ts';
import { BlobDraft, type Draft, failed } from './blob-draft.ts';

export const LAYOUT = '{"imageLayoutVersion":"1.0.0"}';
/** `HEX.4711.9f8e7d6c`: of the process that had no lock. */
const OWN_DRAFT = /^[0-9a-f]{64}\.(\d{1,10})\.[0-9a-f]{8}$/;

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

async function sizeOf(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).size;
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    throw failed(file, cause);
  }
}
