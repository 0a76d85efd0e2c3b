/**
 * Evidence of frames that tried to leave: two pcap files of half the given size each. `first.pcap` keeps the beginning
 * and is never overwritten, because what came first is the cause; `latest.pcap` starts over when full. A gateway that
 * sends foreign frames as fast as it can fills no disk and wears none out.
 */
import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { PCAP_HEADER, pcapHeader, pcapRecord } from '../frame/index.ts';

const SNAP_LENGTH = 2_048;
/** Frames a second that are written down; the others are only counted. */
const FRAMES_A_SECOND = 200;

export class Evidence {
  readonly #first: PcapFile;
  readonly #latest: PcapFile;
  #second = 0;
  #inSecond = 0;

  /** `folder` is made if missing. What an earlier guard left there stays in `first.pcap` and is added to. */
  constructor(folder: string, maxBytes: number) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#first = new PcapFile(path.join(folder, 'first.pcap'), maxBytes / 2);
    this.#latest = new PcapFile(path.join(folder, 'latest.pcap'), maxBytes / 2);
  }

  /** Never throws: a full disk must not keep the guard from its work. */
  keep(frame: Uint8Array, atMs: number): void {
    const second = Math.floor(atMs / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#inSecond = 0;
    }
    this.#inSecond += 1;
    if (this.#inSecond > FRAMES_A_SECOND) return;
    const record = pcapRecord(atMs, frame, SNAP_LENGTH);
    if (this.#first.append(record)) return;
    if (this.#latest.append(record)) return;
    this.#latest.startOver();
    this.#latest.append(record);
  }

  close(): void {
    this.#first.close();
    this.#latest.close();
  }
}

/** One bounded capture file; a disk error makes it take nothing more. */
class PcapFile {
  readonly #maxBytes: number;
  #descriptor: number | undefined;
  #bytes = 0;

  constructor(file: string, maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#attempt(() => {
      this.#descriptor = openSync(file, 'a', 0o600);
      this.#bytes = fstatSync(this.#descriptor).size;
      if (this.#bytes < PCAP_HEADER) this.startOver();
    });
  }

  /** False when there is no room. */
  append(record: Buffer): boolean {
    if (this.#descriptor !== undefined && this.#bytes + record.length > this.#maxBytes) return false;
    this.#write(record);
    return true;
  }

  startOver(): void {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) return;
    this.#attempt(() => ftruncateSync(descriptor, 0));
    this.#bytes = 0;
    this.#write(pcapHeader(SNAP_LENGTH));
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #write(bytes: Buffer): void {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) return;
    this.#attempt(() => {
      writeSync(descriptor, bytes);
      this.#bytes += bytes.length;
    });
  }

  #attempt(work: () => void): void {
    try {
      work();
    } catch {
      this.close();
    }
  }
}
