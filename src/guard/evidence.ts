/**
 * Evidence of frames that tried to leave: two pcap files of half the given size each. `first.pcap` keeps the beginning
 * and is never overwritten, because what came first is the cause; `latest.pcap` starts over when full. A gateway that
 * sends foreign frames as fast as it can fills no disk and wears none out.
 *
 * What was let through to a portal lies beside them, in `portal.pcap`, a quarter of the size, which starts over when full.
 *
 * The rule for a disk that takes nothing: the frame is dropped and counted (by the filter), and the next one is tried again. Nothing is
 * let out for it: the guard has latched by then.
 */
import { closeSync, constants, fstatSync, ftruncateSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import path from 'node:path';
import { PCAP_HEADER, pcapHeader, pcapRecord, wholePcapBytes } from '../frame/index.ts';

/** Bytes kept of each frame. */
const SNAP_LENGTH = 2_048;
/** Frames a second that are written down; the others are only counted. */
const FRAMES_A_SECOND = 200;

export class Evidence {
  readonly #first: PcapFile;
  readonly #latest: PcapFile;
  readonly #folder: string;
  readonly #maxBytes: number;
  #portal: PcapFile | undefined;
  #second = 0;
  #inSecond = 0;

  /** `folder` is made if missing. What an earlier guard left there stays in `first.pcap` and is added to. Never throws. */
  constructor(folder: string, maxBytes: number) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
    attempt(() => mkdirSync(folder, { recursive: true, mode: 0o700 }));
    this.#first = new PcapFile(path.join(folder, 'first.pcap'), maxBytes / 2);
    this.#latest = new PcapFile(path.join(folder, 'latest.pcap'), maxBytes / 2);
  }

  /**
   * False where nothing of the frame is on the disk: it took nothing, or too many came in one second. Never throws: a
   * full disk must not keep the guard from its work.
   */
  keep(frame: Uint8Array, atMs: number): boolean {
    return this.#isWithinRate(atMs) && this.#write(pcapRecord(atMs, frame, SNAP_LENGTH));
  }

  /** Of a portal, let out. Never throws. */
  keepPortal(frame: Uint8Array, atMs: number): void {
    this.#portal ??= new PcapFile(path.join(this.#folder, 'portal.pcap'), this.#maxBytes / 4);
    const record = pcapRecord(atMs, frame, SNAP_LENGTH);
    if (!this.#portal.hasRoomFor(record)) this.#portal.startOver();
    this.#portal.append(record);
  }

  close(): void {
    this.#portal?.close();
    this.#first.close();
    this.#latest.close();
  }

  #isWithinRate(atMs: number): boolean {
    const second = Math.floor(atMs / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#inSecond = 0;
    }
    this.#inSecond += 1;
    return this.#inSecond <= FRAMES_A_SECOND;
  }

  #write(record: Buffer): boolean {
    if (this.#first.hasRoomFor(record)) return this.#first.append(record);
    if (!this.#latest.hasRoomFor(record)) this.#latest.startOver();
    return this.#latest.append(record);
  }
}

/** One bounded capture file of whole records only. */
class PcapFile {
  readonly #file: string;
  readonly #maxBytes: number;
  #descriptor: number | undefined;
  #bytes = 0;

  constructor(file: string, maxBytes: number) {
    this.#file = file;
    this.#maxBytes = maxBytes;
    this.#open();
  }

  hasRoomFor(record: Buffer): boolean {
    return Math.max(this.#bytes, PCAP_HEADER) + record.length <= this.#maxBytes;
  }

  /** False when the disk did not take it; nothing of it is left then. */
  append(record: Buffer): boolean {
    if (this.#descriptor === undefined) this.#open();
    return this.#begin() && this.#write(record);
  }

  startOver(): void {
    this.#cutTo(0);
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  /** What a power cut left half done is cut off: whatever came after it would be read as its rest. */
  #open(): void {
    attempt(() => {
      const descriptor = openSync(this.#file, constants.O_RDWR | constants.O_CREAT, 0o600);
      this.#descriptor = descriptor;
      this.#bytes = fstatSync(descriptor).size;
      const readAt = (position: number, length: number) => {
        const window = Buffer.alloc(length);
        return window.subarray(0, readSync(descriptor, window, 0, length, position));
      };
      const isOurs = readAt(0, PCAP_HEADER).equals(pcapHeader(SNAP_LENGTH));
      this.#cutTo(isOurs ? wholePcapBytes(this.#bytes, readAt) : 0);
      this.#begin();
    });
  }

  #begin(): boolean {
    return this.#bytes >= PCAP_HEADER || this.#write(pcapHeader(SNAP_LENGTH));
  }

  /** A nearly full disk takes the beginning of a write: what it took is taken back. */
  #write(bytes: Buffer): boolean {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) return false;
    const before = this.#bytes;
    attempt(() => {
      if (writeSync(descriptor, bytes, 0, bytes.length, before) === bytes.length) this.#bytes = before + bytes.length;
    });
    if (this.#bytes !== before) return true;
    this.#cutTo(before);
    return false;
  }

  #cutTo(bytes: number): void {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) return;
    attempt(() => {
      if (fstatSync(descriptor).size !== bytes) ftruncateSync(descriptor, bytes);
      this.#bytes = bytes;
    });
  }
}

function attempt(work: () => void): void {
  try {
    work();
  } catch {
    // Counted by whoever finds that nothing was written.
  }
}
