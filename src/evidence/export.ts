/** One pcap file of all that was kept, for Wireshark, tcpdump, or whoever is asked for help. */
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { VmgateError } from '../core/coded.ts';
import { errnoOf, messageOf } from '../host/index.ts';
import { errors } from './codes.ts';

/**
 * Writes `pieces` to a file that was not there, 0600; nothing is left of one that could not be written whole.
 *
 * @throws EVIDENCE_EXISTS, EVIDENCE_NOT_WRITTEN
 */
export function exportFile(pieces: readonly (Buffer | string)[], file: string): void {
  const descriptor = create(file);
  try {
    for (const piece of pieces) writeWhole(descriptor, Buffer.from(piece));
  } catch (cause) {
    rmSync(file, { force: true });
    throw VmgateError.of(errors.EVIDENCE_NOT_WRITTEN, { file, why: messageOf(cause) }, { cause });
  } finally {
    closeSync(descriptor);
  }
}

function create(file: string): number {
  try {
    return openSync(file, 'wx', 0o600);
  } catch (cause) {
    if (errnoOf(cause) === 'EEXIST') throw VmgateError.of(errors.EVIDENCE_EXISTS, { file }, { cause });
    throw VmgateError.of(errors.EVIDENCE_NOT_WRITTEN, { file, why: messageOf(cause) }, { cause });
  }
}

function writeWhole(descriptor: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
}
