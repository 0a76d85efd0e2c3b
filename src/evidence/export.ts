/** One pcap file of all that was kept, for Wireshark, tcpdump, or whoever is asked for help. */
import { writeFileSync } from 'node:fs';
import { VmgateError } from '../core/coded.ts';
import { type CapturedFrame, pcapHeader, pcapRecord } from '../frame/index.ts';
import { errnoOf, messageOf } from '../host/index.ts';
import { errors } from './codes.ts';

const SNAP_LENGTH = 65_535;

/** Never over a file that is there. @throws EVIDENCE_EXISTS, EVIDENCE_NOT_WRITTEN */
export function exportFrames(frames: readonly CapturedFrame[], file: string): void {
  const records = frames.map(({ atMs, frame, originalLength }) => pcapRecord(atMs, frame, SNAP_LENGTH, originalLength));
  try {
    writeFileSync(file, Buffer.concat([pcapHeader(SNAP_LENGTH), ...records]), { flag: 'wx', mode: 0o600 });
  } catch (cause) {
    if (errnoOf(cause) === 'EEXIST') throw VmgateError.of(errors.EVIDENCE_EXISTS, { file }, { cause });
    throw VmgateError.of(errors.EVIDENCE_NOT_WRITTEN, { file, why: messageOf(cause) }, { cause });
  }
}
