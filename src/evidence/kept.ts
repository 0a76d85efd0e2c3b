/** Reads what the guard wrote; a guard may be writing at this very moment, so a record cut short is no error. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { type CapturedFrame, parsePcap } from '../frame/index.ts';
import { errnoOf, messageOf } from '../host/index.ts';
import { errors } from './codes.ts';

/** `first.pcap` holds the beginning, `latest.pcap` what came after it was full (src/guard/evidence.ts). */
const FILES = ['first.pcap', 'latest.pcap'];

export interface KeptFrames {
  /** Oldest first. */
  readonly frames: readonly CapturedFrame[];
  /** Those that exist. */
  readonly files: readonly string[];
}

/** @throws EVIDENCE_UNREADABLE */
export function readKept(folder: string): KeptFrames {
  const kept = FILES.flatMap((name) => {
    const file = path.join(folder, name);
    const frames = framesOf(file);
    return frames === undefined ? [] : [{ file, frames }];
  });
  return {
    frames: kept.flatMap(({ frames }) => frames).sort((a, b) => a.atMs - b.atMs),
    files: kept.map(({ file }) => file),
  };
}

/** Undefined: never written. A file of less than a header was begun and never got further. */
function framesOf(file: string): readonly CapturedFrame[] | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    throw VmgateError.of(errors.EVIDENCE_UNREADABLE, { file, why: messageOf(cause) }, { cause });
  }
  if (bytes.length === 0) return [];
  const frames = parsePcap(bytes);
  if (frames === undefined) throw VmgateError.of(errors.EVIDENCE_UNREADABLE, { file, why: 'it is no pcap file' });
  return frames;
}
