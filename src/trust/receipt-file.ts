/**
 * Receipts on disk: `receipt.json` (canonical JSON) and `receipt.json.sig` (SSHSIG). A receipt is believed only after
 * its signature was checked over the very bytes that are then parsed.
 */
import { constants } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import path from 'node:path';
import { type ErrorCode, VmgateError } from '../core/coded.ts';
import {
  type HostNow,
  judgeFreshness,
  RECEIPT_NAMESPACE,
  type ReceiptContent,
  receiptSchema,
  renderReceipt,
} from '../core/receipt.ts';
import { writeFileAtomic } from '../home/index.ts';
import { complaintOf, errnoOf, messageOf } from '../host/index.ts';
import { errors } from './codes.ts';
import type { InstallationKey } from './installation-key.ts';
import { type SignatureVerdict, verifyMessage } from './sshsig.ts';

const RECEIPT = 'receipt.json';
const MAX_RECEIPT = 262_144;

export interface CheckedReceipt {
  readonly receipt: ReceiptContent;
  /** Of the key that signed it. */
  readonly signedBy: string;
  readonly remainingMs: number;
}

export function receiptPath(folder: string): string {
  return path.join(folder, RECEIPT);
}

/**
 * Signs and stores, replacing an earlier receipt. The old signature goes first: between the two writes there is an
 * unsigned receipt, never a signed wrong one.
 */
export async function writeReceipt(folder: string, receipt: ReceiptContent, key: InstallationKey): Promise<string> {
  const file = receiptPath(folder);
  const bytes = renderReceipt(receipt);
  await rm(`${file}.sig`, { force: true });
  await writeFileAtomic(file, bytes);
  await writeFileAtomic(`${file}.sig`, key.sign(bytes, RECEIPT_NAMESPACE));
  return file;
}

/** A close revokes every receipt. Idempotent; the signature goes first. */
export async function revokeReceipt(folder: string): Promise<void> {
  const file = receiptPath(folder);
  await rm(`${file}.sig`, { force: true });
  await rm(file, { force: true });
}

/**
 * Loads a receipt and believes it: signed by this installation for this purpose, unchanged, well-formed, not expired.
 * `file` is the receipt; its signature is `file`.sig.
 *
 * @throws a `RECEIPT_*` code that says which of these fails
 */
export async function checkReceipt(
  file: string,
  signer: Pick<InstallationKey, 'publicBlob'>,
  now: HostNow,
): Promise<CheckedReceipt> {
  const { receipt, signedBy } = await loadReceipt(file, signer);
  const freshness = judgeFreshness(receipt, now);
  switch (freshness.state) {
    case 'fresh':
      return { receipt, signedBy, remainingMs: freshness.remainingMs };
    case 'expired':
      throw VmgateError.of(errors.RECEIPT_EXPIRED, { file, ageSeconds: Math.ceil(freshness.sinceMs / 1_000) });
    case 'other boot':
      throw VmgateError.of(errors.RECEIPT_OTHER_BOOT, { file });
    case 'from the future':
      throw VmgateError.of(errors.RECEIPT_FROM_THE_FUTURE, { file });
  }
}

/** {@link checkReceipt} without its age, for showing what an old receipt said. @throws the same codes */
export async function loadReceipt(
  file: string,
  signer: Pick<InstallationKey, 'publicBlob'>,
): Promise<{ readonly receipt: ReceiptContent; readonly signedBy: string }> {
  const bytes = await readBounded(file, file, errors.RECEIPT_MISSING, errors.RECEIPT_MALFORMED);
  const armored = await readBounded(`${file}.sig`, file, errors.RECEIPT_UNSIGNED, errors.RECEIPT_SIGNATURE_MALFORMED);
  const expected = { namespace: RECEIPT_NAMESPACE, signers: [signer.publicBlob] };
  const verdict = verifyMessage(bytes, armored.toString('latin1'), expected);
  if (!verdict.ok) throw VmgateError.of(SIGNATURE_CODES[verdict.why], { file, detail: verdict.detail });
  return { receipt: parseReceipt(file, bytes), signedBy: verdict.fingerprint };
}

const SIGNATURE_CODES: Readonly<
  Record<Extract<SignatureVerdict, { ok: false }>['why'], ErrorCode<{ file: string; detail: string }>>
> = {
  malformed: errors.RECEIPT_SIGNATURE_MALFORMED,
  namespace: errors.RECEIPT_WRONG_PURPOSE,
  signer: errors.RECEIPT_FOREIGN_SIGNER,
  signature: errors.RECEIPT_TAMPERED,
};

function parseReceipt(file: string, bytes: Buffer): ReceiptContent {
  try {
    const parsed = receiptSchema.safeParse(JSON.parse(bytes.toString('utf8')));
    if (parsed.success) return parsed.data;
    throw VmgateError.of(errors.RECEIPT_MALFORMED, { file, detail: complaintOf(parsed.error) });
  } catch (cause) {
    if (VmgateError.is(cause)) throw cause;
    throw VmgateError.of(errors.RECEIPT_MALFORMED, { file, detail: 'not JSON' }, { cause });
  }
}

/** `receipt` is the file it is reported about. A file that is there and cannot be read is not missing. */
async function readBounded(
  file: string,
  receipt: string,
  absent: ErrorCode<{ file: string }>,
  unreadable: ErrorCode<{ file: string; detail: string }>,
): Promise<Buffer> {
  try {
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_RECEIPT), 0, MAX_RECEIPT, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') throw VmgateError.of(absent, { file: receipt }, { cause });
    throw VmgateError.of(unreadable, { file: receipt, detail: messageOf(cause) }, { cause });
  }
}
