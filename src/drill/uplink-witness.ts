/**
 * What left the gateway towards the untrusted network, from the pcap its QEMU writes behind the guard, as it grows. The
 * lab counts the same frames by its own means; this one also tells when, and looks into each.
 */
import { PCAP_HEADER, PCAP_RECORD_HEADER, parsePcap } from '../frame/index.ts';
import { kindOf } from '../lab/index.ts';
import { FileFollower } from './file-follower.ts';

export interface Watched {
  readonly endpoint: { readonly address: string; readonly port: number };
  /** Readable bytes of every frame the drill sends. */
  readonly token: Buffer;
  /** Length, on the uplink, of what becomes of such a frame in the tunnel. */
  readonly tunnelled: number;
}

export class UplinkWitness {
  readonly #follower: FileFollower;
  readonly #watched: Watched;
  readonly #clock: () => number;
  #header: Buffer = Buffer.alloc(0);
  #pending: Buffer = Buffer.alloc(0);
  #clear = 0;
  #last: number[] = [];

  constructor(file: string, watched: Watched, clock: () => number) {
    this.#follower = new FileFollower(file);
    this.#watched = watched;
    this.#clock = clock;
  }

  /** Frames that are neither ARP, DHCP nor the tunnel's, and any that shows the token. */
  get clear(): number {
    return this.#clear;
  }

  /** When the drill's own frames left through the tunnel, as far as read, since {@link forget}. */
  get departures(): readonly number[] {
    return this.#last;
  }

  forget(): void {
    this.#last = [];
  }

  read(): void {
    const { data, restarted } = this.#follower.read();
    if (restarted) {
      this.#header = Buffer.alloc(0);
      this.#pending = Buffer.alloc(0);
    }
    if (data.length === 0) return;
    this.#pending = Buffer.concat([this.#pending, data]);
    if (this.#header.length === 0) {
      if (this.#pending.length < PCAP_HEADER) return;
      this.#header = this.#pending.subarray(0, PCAP_HEADER);
      this.#pending = this.#pending.subarray(PCAP_HEADER);
    }
    const frames = parsePcap(Buffer.concat([this.#header, this.#pending])) ?? [];
    const now = this.#clock();
    for (const { frame } of frames) this.#judge(frame, now);
    const read = frames.reduce((sum, { frame }) => sum + PCAP_RECORD_HEADER + frame.length, 0);
    this.#pending = this.#pending.subarray(read);
  }

  #judge(frame: Buffer, now: number): void {
    const { endpoint, token, tunnelled } = this.#watched;
    const kind = kindOf(frame, endpoint);
    if (kind === 'foreign' || frame.includes(token)) this.#clear += 1;
    else if (kind === 'tunnel' && frame.length === tunnelled) this.#last.push(now);
  }
}
