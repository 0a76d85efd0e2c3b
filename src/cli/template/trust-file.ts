/**
 * `vmgate.trust` of the project folder. Like vmgate.yaml it may have come with somebody's repository, so it counts only
 * once its user confirmed these very bytes; a line that vmgate wrote at its user's word is confirmed by that.
 */
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { VmgateError } from '../../core/coded.ts';
import { type HomeLayout, writeFileAtomic } from '../../home/index.ts';
import {
  type AllowedSigner,
  isTrusted,
  maySignFor,
  parseSigners,
  type Signer,
  signerLine,
  trustErrors,
  trustProject,
} from '../../trust/index.ts';
import { readIfThere } from './small-file.ts';

export const TRUST_FILE = 'vmgate.trust';

const MAX_FILE = 65_536;

export interface TrustFile {
  readonly file: string;
  readonly text: string;
  readonly signers: readonly AllowedSigner[];
}

/** Empty where there is none. @throws TRUST_SIGNERS_INVALID, TRUST_PROJECT_UNCONFIRMED, TRUST_RECORD_DAMAGED */
export async function confirmedSigners(home: HomeLayout, folder: string): Promise<TrustFile> {
  const read = await readTrustFile(folder);
  if (read.text !== '' && !(await isTrusted(home.trusted, read.file, contentOf(read.text)))) {
    const payload = { folder, files: [TRUST_FILE], changed: false };
    throw VmgateError.of(trustErrors.TRUST_PROJECT_UNCONFIRMED, payload);
  }
  return read;
}

/** Confirms the file as it is; undefined where there is none. @throws TRUST_SIGNERS_INVALID */
export async function confirmTrustFile(home: HomeLayout, folder: string): Promise<TrustFile | undefined> {
  const read = await readTrustFile(folder);
  if (read.text === '') return undefined;
  await trustProject(home.trusted, read.file, contentOf(read.text));
  return read;
}

/** Adds the line for `signer`, unless one of the file says it already. */
export async function rememberSigner(
  home: HomeLayout,
  { file, text, signers }: TrustFile,
  repository: string,
  signer: Signer,
): Promise<boolean> {
  const isThere = (each: AllowedSigner) => each.fingerprint === signer.fingerprint && maySignFor(each, repository);
  if (signers.some(isThere)) return false;
  const before = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  const next = `${before}${signerLine(repository, signer.publicLine)}\n`;
  await writeFileAtomic(file, next, 0o644);
  await trustProject(home.trusted, file, contentOf(next));
  return true;
}

async function readTrustFile(folder: string): Promise<TrustFile> {
  const file = path.join(await realpath(folder), TRUST_FILE);
  const text = (await readIfThere(file, MAX_FILE)) ?? '';
  return { file, text, signers: parseSigners(text, TRUST_FILE) };
}

function contentOf(text: string): readonly [{ readonly name: string; readonly content: string }] {
  return [{ name: TRUST_FILE, content: text }];
}
