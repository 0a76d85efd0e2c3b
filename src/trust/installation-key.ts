/**
 * The key of this installation: `keys/installation` (0600, OpenSSH format), `installation.pub`, and `allowed_signers`
 * for people who check receipts with stock `ssh-keygen -Y verify`.
 */
import { type KeyObject, randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { inspect } from 'node:util';
import { VmgateError } from '../core/coded.ts';
import { RECEIPT_NAMESPACE } from '../core/receipt.ts';
import { readPrivateFile, writeFileAtomic } from '../home/index.ts';
import { errnoOf } from '../host/index.ts';
import {
  decodePrivateKey,
  ed25519Blob,
  ed25519Line,
  fingerprint,
  MalformedSsh,
  makeKeyPair,
  type OpenedKey,
  openSshPrivateKey,
} from '../ssh/index.ts';
import { errors } from './codes.ts';
import { signMessage } from './sshsig.ts';

/** Who signs, in allowed_signers and in `ssh-keygen -Y verify -I`. */
const SIGNER = 'vmgate';

const MAX_KEY_FILE = 4_096;

export interface InstallationKey {
  readonly publicBlob: Buffer;
  /** One line, as in a `.pub` file. */
  readonly publicLine: string;
  readonly fingerprint: string;
  /** Armored SSHSIG. */
  sign(message: Uint8Array | string, namespace: string): string;
}

/**
 * The installation's key, made at the first call. Of two processes that make one at once, one wins and both use it.
 *
 * @throws TRUST_KEY_DAMAGED, TRUST_KEY_EXPOSED
 */
export async function installationKey(keysFolder: string): Promise<InstallationKey> {
  const file = path.join(keysFolder, 'installation');
  const key = new SealedKey((await readKey(file)) ?? (await makeKey(keysFolder, file)));
  await publish(`${file}.pub`, `${key.publicLine}\n`);
  await publish(
    path.join(keysFolder, 'allowed_signers'),
    `${SIGNER} namespaces="${RECEIPT_NAMESPACE}" ${key.publicLine}\n`,
  );
  return key;
}

async function publish(file: string, content: string): Promise<void> {
  const present = await readFile(file, 'utf8').catch(() => undefined);
  if (present !== content) await writeFileAtomic(file, content);
}

async function makeKey(keysFolder: string, file: string): Promise<OpenedKey> {
  await mkdir(keysFolder, { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomBytes(8).toString('hex')}.draft`;
  await writeFileAtomic(draft, openSshPrivateKey(makeKeyPair(), SIGNER));
  try {
    // link(2), not rename(2): it refuses to replace a key another process made meanwhile.
    await link(draft, file);
  } catch (cause) {
    if (errnoOf(cause) !== 'EEXIST') throw cause;
  } finally {
    await rm(draft, { force: true });
  }
  const settled = await readKey(file);
  if (settled === undefined) throw VmgateError.of(errors.TRUST_KEY_DAMAGED, { file, reason: 'it vanished' });
  return settled;
}

/** Undefined when there is none. */
async function readKey(file: string): Promise<OpenedKey | undefined> {
  const read = await readPrivateFile(file, MAX_KEY_FILE);
  if (read.state === 'missing') return undefined;
  if (read.state === 'exposed') throw VmgateError.of(errors.TRUST_KEY_EXPOSED, { file, mode: read.mode });
  const damaged = (reason: string, cause: unknown) =>
    VmgateError.of(errors.TRUST_KEY_DAMAGED, { file, reason: `it ${reason}` }, { cause });
  if (read.state === 'unreadable') throw damaged('cannot be read', read.cause);
  try {
    return decodePrivateKey(read.content.toString('latin1'));
  } catch (cause) {
    if (cause instanceof MalformedSsh) throw damaged(cause.message, cause);
    throw cause;
  }
}

/** Keeps the private half out of whatever is printed or serialized. */
class SealedKey implements InstallationKey {
  readonly publicBlob: Buffer;
  readonly publicLine: string;
  readonly fingerprint: string;
  readonly #privateKey: KeyObject;

  constructor({ privateKey, publicRaw }: OpenedKey) {
    this.#privateKey = privateKey;
    this.publicBlob = ed25519Blob(publicRaw);
    this.publicLine = ed25519Line(publicRaw, SIGNER);
    this.fingerprint = fingerprint(this.publicBlob);
  }

  sign(message: Uint8Array | string, namespace: string): string {
    return signMessage(message, namespace, { privateKey: this.#privateKey, publicBlob: this.publicBlob });
  }

  toJSON(): string {
    return this.publicLine;
  }

  [inspect.custom](): string {
    return this.publicLine;
  }
}
