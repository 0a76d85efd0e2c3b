/**
 * The guard's two files as one pcap: what an export holds, and what a receipt's digest is of. Only whole records count:
 * a guard may be writing at this very moment.
 */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { PCAP_HEADER, pcapHeader, wholePcapBytes } from '../frame/index.ts';
import { digestText, errnoOf, messageOf } from '../host/index.ts';
import { errors } from './codes.ts';

/** `held`: what tried to leave. `portal`: what was let out to a portal, in clear. */
export type Kept = keyof typeof FILES;

/** `first.pcap` holds the beginning, `latest.pcap` what came after it was full (src/guard/evidence.ts). */
const FILES = { held: ['first.pcap', 'latest.pcap'], portal: ['portal.pcap'] } as const;
/** As the guard writes it. */
const HEADER = pcapHeader(2_048);

export interface Ring {
  /** A pcap file, in pieces: a header, then the records of each file. */
  readonly pcap: readonly Buffer[];
  /** Those that exist. */
  readonly files: readonly string[];
}

/** @throws EVIDENCE_UNREADABLE */
export function readRing(folder: string, kept: Kept = 'held'): Ring {
  const found = FILES[kept].flatMap((name) => {
    const file = path.join(folder, name);
    const records = recordsOf(file);
    return records === undefined ? [] : [{ file, records }];
  });
  return {
    pcap: [HEADER, ...found.map(({ records }) => records)],
    files: found.map(({ file }) => file),
  };
}

/** `sha256:<hex>` of the whole pcap. */
export function digestOf({ pcap }: Pick<Ring, 'pcap'>): string {
  const hash = createHash('sha256');
  for (const piece of pcap) hash.update(piece);
  return digestText(hash);
}

/** The digest of a folder's frames, reckoned anew only when a file of it changed: it is asked for at every receipt. */
export class RingDigest {
  readonly #folder: string;
  #seen = '';
  #digest = '';

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws EVIDENCE_UNREADABLE */
  digest(): string {
    const seen = FILES.held.map((name) => stampOf(path.join(this.#folder, name))).join(' ');
    if (seen !== this.#seen) {
      this.#digest = digestOf(readRing(this.#folder));
      this.#seen = seen;
    }
    return this.#digest;
  }
}

/** Undefined: never written. A file of less than a header was begun and never got further. */
function recordsOf(file: string): Buffer | undefined {
  try {
    const bytes = readFileSync(file);
    if (bytes.length < PCAP_HEADER) return Buffer.alloc(0);
    if (!bytes.subarray(0, PCAP_HEADER).equals(HEADER)) throw new Error('it is no pcap file of the guard');
    const whole = wholePcapBytes(bytes.length, (position, length) => bytes.subarray(position, position + length));
    return bytes.subarray(PCAP_HEADER, whole);
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    throw VmgateError.of(errors.EVIDENCE_UNREADABLE, { file, why: messageOf(cause) }, { cause });
  }
}

function stampOf(file: string): string {
  const { size = 0, mtimeMs = 0, ino = 0 } = statSync(file, { throwIfNoEntry: false }) ?? {};
  return `${ino}:${size}:${mtimeMs}`;
}
