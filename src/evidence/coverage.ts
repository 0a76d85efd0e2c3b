/**
 * Which of the kept frames a receipt speaks of: its digest is of the pcap as it was when the receipt was signed, and
 * that file has only grown since, until its second half starts over.
 */
import { createHash } from 'node:crypto';
import { PCAP_HEADER, PCAP_RECORD_HEADER } from '../frame/index.ts';
import { digestText } from '../host/index.ts';
import type { Ring } from './ring.ts';

/** How many frames, from the first; undefined when no beginning of this pcap has that digest. */
export function framesCovered({ pcap }: Pick<Ring, 'pcap'>, digest: string): number | undefined {
  const file = Buffer.concat(pcap);
  const hash = createHash('sha256').update(file.subarray(0, PCAP_HEADER));
  let frames = 0;
  let at = PCAP_HEADER;
  while (digestText(hash.copy()) !== digest) {
    const end = endOfRecord(file, at);
    if (end === at) return undefined;
    hash.update(file.subarray(at, end));
    frames += 1;
    at = end;
  }
  return frames;
}

function endOfRecord(file: Buffer, at: number): number {
  return at >= file.length ? at : at + PCAP_RECORD_HEADER + file.readUInt32LE(at + 8);
}
