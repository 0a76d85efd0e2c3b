/**
 * Project folders whose configuration the user confirmed, as direnv does: a `vmgate.yaml` that came with somebody's
 * repository is not used before its digest was confirmed once, and again after each change (P7).
 */
import { createHash } from 'node:crypto';
import { readFile, realpath } from 'node:fs/promises';
import * as z from 'zod';
import { canonicalJson } from '../core/canonical-json.ts';
import { VmgateError } from '../core/coded.ts';
import { acquireLock, writeFileAtomic } from '../home/index.ts';
import { errnoOf, sha256 } from '../host/index.ts';
import { errors } from './codes.ts';

/** A file as it was read: what is judged must be the very bytes that are then used. */
export interface ProjectFile {
  /** Base name, e.g. `vmgate.yaml`. */
  readonly name: string;
  readonly content: Uint8Array | string;
}

const record = z.strictObject({
  version: z.literal(1),
  /** Real path of a project folder -> what was confirmed there. */
  folders: z.record(z.string().max(4_096), z.strictObject({ digest: z.string().max(80), at: z.iso.datetime() })),
});
type TrustRecord = z.infer<typeof record>;

/** `sha256:<hex>` over the files' names and contents, whatever their order. */
export function projectDigest(files: readonly ProjectFile[]): string {
  const digests = files.map(({ name, content }) => [name, hexDigest(content)] as const);
  return sha256(canonicalJson(Object.fromEntries(digests)));
}

/** @throws TRUST_RECORD_DAMAGED */
export async function isTrusted(recordFile: string, folder: string, files: readonly ProjectFile[]): Promise<boolean> {
  const { folders } = await readRecord(recordFile);
  return ownEntry(folders, await realpath(folder))?.digest === projectDigest(files);
}

/** @throws TRUST_PROJECT_UNCONFIRMED, TRUST_RECORD_DAMAGED */
export async function requireTrusted(recordFile: string, folder: string, files: readonly ProjectFile[]): Promise<void> {
  const { folders } = await readRecord(recordFile);
  const confirmed = ownEntry(folders, await realpath(folder));
  if (confirmed?.digest === projectDigest(files)) return;
  throw VmgateError.of(errors.TRUST_PROJECT_UNCONFIRMED, {
    folder,
    files: files.map(({ name }) => name),
    changed: confirmed !== undefined,
  });
}

/** Real paths of the folders that hold something confirmed. @throws TRUST_RECORD_DAMAGED */
export async function confirmedFolders(recordFile: string): Promise<readonly string[]> {
  return Object.keys((await readRecord(recordFile)).folders);
}

/** Confirms these contents in this folder, in place of what was confirmed there. @throws TRUST_RECORD_DAMAGED, HOME_LOCKED */
export async function trustProject(recordFile: string, folder: string, files: readonly ProjectFile[]): Promise<void> {
  const place = await realpath(folder);
  const confirmed = { digest: projectDigest(files), at: new Date().toISOString() };
  await updateRecord(recordFile, (folders) => ({ ...folders, [place]: confirmed }));
}

/** Takes the confirmation back. Idempotent. @throws TRUST_RECORD_DAMAGED, HOME_LOCKED */
export async function distrustProject(recordFile: string, folder: string): Promise<void> {
  const place = await realpath(folder).catch(() => folder);
  await updateRecord(recordFile, (folders) =>
    Object.fromEntries(Object.entries(folders).filter(([other]) => other !== place)),
  );
}

async function updateRecord(
  recordFile: string,
  change: (folders: TrustRecord['folders']) => TrustRecord['folders'],
): Promise<void> {
  const lock = await acquireLock(`${recordFile}.lock`);
  try {
    const { folders } = await readRecord(recordFile);
    const next: TrustRecord = { version: 1, folders: change(folders) };
    await writeFileAtomic(recordFile, `${JSON.stringify(next, undefined, 2)}\n`);
  } finally {
    lock.release();
  }
}

async function readRecord(recordFile: string): Promise<TrustRecord> {
  try {
    return record.parse(JSON.parse(await readFile(recordFile, 'utf8')));
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return { version: 1, folders: {} };
    throw VmgateError.of(errors.TRUST_RECORD_DAMAGED, { file: recordFile }, { cause });
  }
}

function ownEntry(folders: TrustRecord['folders'], place: string) {
  return Object.hasOwn(folders, place) ? folders[place] : undefined;
}

function hexDigest(content: Uint8Array | string): string {
  return createHash('sha256').update(content).digest('hex');
}
