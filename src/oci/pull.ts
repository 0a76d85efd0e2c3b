/** Reading from a registry: manifests whole, blobs into the store. Whatever comes is measured and hashed before it counts. */
import { occur, VmgateError } from '../core/coded.ts';
import { sha256 } from '../host/index.ts';
import type { Draft } from './blob-draft.ts';
import type { RegistryClient } from './client.ts';
import { errors, events } from './codes.ts';
import { type Descriptor, INDEX_TYPE, MANIFEST_TYPE, MAX_MANIFEST_BYTES } from './manifest.ts';
import { formatReference, type Reference } from './reference.ts';
import type { Store } from './store.ts';
import { type Answer, BrokenLine, chunksOf, discard, readBody } from './wire.ts';

/** Without these a registry may say that there is no such manifest: docker-registry does. */
const ACCEPT = [MANIFEST_TYPE, INDEX_TYPE].join(', ');
/**
 * Times in a row that a blob may break off before so much more of it is here than ever before: a registry that sends it by
 * the byte, or has it begun anew each time, would be asked for ever.
 */
const STALLS = 3;
const PROGRESS_BYTES = 16_384;
const TOLD_EVERY_BYTES = 8_388_608;

export interface FetchedManifest {
  readonly bytes: Buffer;
  readonly digest: string;
  readonly mediaType: string;
}

/**
 * The manifest that a tag or digest names; undefined when there is none. Its digest is computed here: the header in which
 * a registry says it is nobody's word.
 *
 * @throws REGISTRY_TOO_LARGE, REGISTRY_DIGEST_MISMATCH, REGISTRY_ANSWER_UNEXPECTED, and what {@link RegistryClient.ask} throws
 */
export async function fetchManifest(
  client: RegistryClient,
  reference: Reference,
): Promise<FetchedManifest | undefined> {
  const { tag, digest } = reference;
  const what = `the manifest of ${formatReference(reference)}`;
  const answer = await client.ask({
    method: 'GET',
    to: `manifests/${digest ?? tag ?? ''}`,
    headers: { accept: ACCEPT },
    right: 'pull',
    again: true,
    doing: `reading ${what}`,
  });
  if (answer.status === 404) {
    discard(answer);
    return undefined;
  }
  if (answer.status !== 200) throw unexpected(client, answer, `reading ${what}`);
  const bytes = await readBody(answer, MAX_MANIFEST_BYTES, what).catch((cause: unknown) => {
    throw cause instanceof BrokenLine ? client.unreachable(cause) : cause;
  });
  const actual = sha256(bytes);
  if (digest !== undefined && actual !== digest) {
    throw VmgateError.of(errors.REGISTRY_DIGEST_MISMATCH, { what, expected: digest, actual });
  }
  const mediaType = (answer.headers['content-type'] ?? '').split(';')[0]?.trim() ?? '';
  return { bytes, digest: actual, mediaType };
}

/**
 * Brings a blob into the store, going on where an earlier time broke off. Its size is the descriptor's: what is said or
 * comes otherwise is refused, and a byte too many is not waited for.
 *
 * @throws REGISTRY_SIZE_MISMATCH, REGISTRY_DIGEST_MISMATCH, REGISTRY_TRUNCATED, REGISTRY_STORE_FAILED,
 * REGISTRY_NOT_FOUND, and what {@link RegistryClient.ask} throws
 */
export async function fetchBlob(client: RegistryClient, store: Store, blob: Descriptor): Promise<void> {
  const draft = await store.draft(blob.digest);
  try {
    if (draft.found > blob.size) await draft.restart();
    if (draft.bytes > 0) {
      client.tell(occur(events.REGISTRY_RESUMED, { digest: blob.digest, bytes: draft.bytes, total: blob.size }));
    }
    await complete(client, draft, blob);
    if (draft.found > 0 && draft.digest() !== blob.digest) {
      // What lay here may have been the wrong part: the registry is judged by what it sends itself.
      await draft.restart();
      await complete(client, draft, blob);
    }
  } catch (cause) {
    // What broke off is kept for the next time; what was wrong is not.
    await (isOnlyBroken(cause) ? draft.leave() : draft.discard());
    throw cause;
  }
  const actual = draft.digest();
  if (actual !== blob.digest) {
    await draft.discard();
    throw VmgateError.of(errors.REGISTRY_DIGEST_MISMATCH, { what: blob.digest, expected: blob.digest, actual });
  }
  await draft.adopt();
}

async function complete(client: RegistryClient, draft: Draft, blob: Descriptor): Promise<void> {
  let reached = draft.bytes;
  for (let stalls = 0; draft.bytes < blob.size || blob.size === 0; ) {
    const broken = await readOn(client, draft, blob);
    if (broken === undefined) return;
    const isFurther = draft.bytes >= reached + PROGRESS_BYTES;
    stalls = isFurther ? 0 : stalls + 1;
    if (isFurther) reached = draft.bytes;
    if (stalls >= STALLS) throw truncated(blob, draft.bytes);
    await client.pause(broken, stalls);
  }
}

/** Undefined: complete. Else why it broke off. */
async function readOn(client: RegistryClient, draft: Draft, blob: Descriptor): Promise<string | undefined> {
  const from = draft.bytes;
  const answer = await client.ask({
    method: 'GET',
    to: `blobs/${blob.digest}`,
    headers: from === 0 ? {} : { range: `bytes=${from}-` },
    right: 'pull',
    again: true,
    doing: `reading ${blob.digest}`,
  });
  if (answer.status === 404) {
    discard(answer);
    throw VmgateError.of(errors.REGISTRY_NOT_FOUND, {
      reference: `${client.origin.host}/${client.repository}@${blob.digest}`,
    });
  }
  if (answer.status === 416 && from > 0) {
    discard(answer);
    await draft.restart();
    return 'it has no such part';
  }
  if (answer.status === 200 && from > 0) await draft.restart();
  else if (answer.status === 206) requireStart(client, answer, from, blob);
  else if (answer.status !== 200) throw unexpected(client, answer, `reading ${blob.digest}`);
  requireLength(answer, draft, blob);
  return await takeAll(client, answer, draft, blob);
}

async function takeAll(
  client: RegistryClient,
  answer: Answer,
  draft: Draft,
  blob: Descriptor,
): Promise<string | undefined> {
  let told = draft.bytes;
  try {
    for await (const chunk of chunksOf(answer.body)) {
      if (draft.bytes + chunk.length > blob.size) throw wrongSize(blob, draft.bytes + chunk.length);
      await draft.write(chunk);
      if (draft.bytes - told < TOLD_EVERY_BYTES && draft.bytes < blob.size) continue;
      told = draft.bytes;
      client.tell(
        occur(events.REGISTRY_TRANSFER, { direction: 'pull', digest: blob.digest, bytes: told, total: blob.size }),
      );
    }
  } catch (cause) {
    if (cause instanceof BrokenLine) return cause.message;
    answer.body.destroy();
    throw cause;
  }
  return draft.bytes === blob.size ? undefined : 'it ended before its end';
}

/** What is said to come is known before a byte is kept. */
function requireLength({ headers, body }: Answer, draft: Draft, blob: Descriptor): void {
  const said = headers['content-length'];
  if (said === undefined || Number(said) === blob.size - draft.bytes) return;
  body.destroy();
  throw wrongSize(blob, draft.bytes + Number(said));
}

/** Part of another place, sewn in here, would only be noticed by the digest, after all of it. */
function requireStart(client: RegistryClient, answer: Answer, from: number, blob: Descriptor): void {
  const range = answer.headers['content-range'] ?? '';
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(range) ?? [];
  if (from > 0 && Number(start) === from && (total === '*' || Number(total) === blob.size)) return;
  answer.body.destroy();
  throw client.unexpected(`reading ${blob.digest}`, `it sent the part ${JSON.stringify(range.slice(0, 80))}`);
}

function unexpected(client: RegistryClient, answer: Answer, doing: string): VmgateError {
  answer.body.destroy();
  return client.unexpected(doing, `status ${answer.status}`);
}

function wrongSize(blob: Descriptor, actual: number): VmgateError {
  return VmgateError.of(errors.REGISTRY_SIZE_MISMATCH, { what: blob.digest, expected: blob.size, actual });
}

function truncated(blob: Descriptor, actual: number): VmgateError {
  return VmgateError.of(errors.REGISTRY_TRUNCATED, { what: blob.digest, expected: blob.size, actual });
}

const BROKEN = ['REGISTRY_TRUNCATED', 'REGISTRY_UNREACHABLE', 'REGISTRY_BUSY', 'REGISTRY_TOO_SLOW'];

/** Ctrl-C is no fault of the bytes either. */
function isOnlyBroken(cause: unknown): boolean {
  return !VmgateError.is(cause) || BROKEN.includes(cause.code);
}
