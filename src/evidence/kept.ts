/** The frames that the guard kept, to be shown. */
import { type CapturedFrame, parsePcap } from '../frame/index.ts';
import type { Ring } from './ring.ts';

/** Oldest first. */
export function framesOf({ pcap }: Pick<Ring, 'pcap'>): readonly CapturedFrame[] {
  return (parsePcap(Buffer.concat(pcap)) ?? []).toSorted((a, b) => a.atMs - b.atMs);
}
