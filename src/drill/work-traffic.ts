/**
 * The work VM's traffic. The VM itself pings a site behind the VPN all the time: its answers tell when the gate works
 * again. Beside it a stand puts frames on the same wire with the VM's own addresses, so that it has the VM's lease:
 * as many as wanted, counted, and whatever its link is set to. A VM with an owned hypervisor could do no more.
 */
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { consoleSocket, type Installation } from '../drivers/index.ts';
import { type Hop, udpFrame } from '../frame/index.ts';
import { LineSplitter } from '../host/index.ts';
import { knocks, LAB, standOn, type WireStand } from '../lab/index.ts';

export interface TrafficPlace {
  readonly folder: string;
  /** The work VM's own folder, for its console. */
  readonly work: string;
  readonly wire: { readonly gatewayPath: string };
  readonly link: {
    readonly guest: string;
    readonly guestMac: string;
    readonly gateway: string;
    readonly gatewayMac: string;
  };
  readonly token: Buffer;
}

/** In the work VM, for ever: one line on its serial port, amd64's or arm64's, for each answer. */
export const PING_FOR_EVER = `for tty in /dev/ttyAMA0 /dev/ttyS0; do [ -c $tty ] && break; done
(while :; do ping -i 0.2 ${LAB.site}; sleep 0.2; done) </dev/null >$tty 2>&1 &`;
/** Bytes of the payload: what WireGuard makes of it has a length no other traffic of the gate has. */
const PAYLOAD = 600;
/** Outer headers, WireGuard's own 32 bytes, and the packet padded to 16 (WireGuard protocol, section 5.4.6). */
export const TUNNELLED = 14 + 20 + 8 + 32 + Math.ceil((20 + 8 + PAYLOAD) / 16) * 16;
/** A full queue of a unix datagram socket (net.unix.max_dgram_qlen), less what the VM itself may have in it. */
const STALLED_MOST = 6;
const DISCARD = 9;
const CONSOLE_LINE = 4_096;
const LOOK_AGAIN_MS = 50;

export class WorkTraffic {
  readonly #stand: WireStand;
  readonly #frame: Buffer;
  readonly #hop: Hop;
  readonly #link: TrafficPlace['link'];
  readonly #work: string;
  readonly #clock: () => number;
  #console: net.Socket | undefined;
  #answered = Number.NEGATIVE_INFINITY;
  #sent = 0;
  #closed = false;

  private constructor(stand: WireStand, { link, token, work }: TrafficPlace, clock: () => number) {
    this.#stand = stand;
    this.#link = link;
    this.#work = work;
    this.#clock = clock;
    this.#hop = { sourceMac: link.guestMac, destinationMac: link.gatewayMac };
    const flow = { source: link.guest, destination: LAB.site, sourcePort: 22_000, destinationPort: DISCARD };
    this.#frame = udpFrame(this.#hop, flow, Buffer.concat([token, Buffer.alloc(PAYLOAD - token.length)]));
    stand.onFrame(() => {}); // Nobody sends to it; read all the same.
  }

  static async open(place: TrafficPlace, installation: Installation, clock: () => number): Promise<WorkTraffic> {
    const { folder, wire } = place;
    const stand = await standOn({ folder, localPath: `${folder}.wire`, remotePath: wire.gatewayPath }, installation);
    const traffic = new WorkTraffic(stand, place, clock);
    void traffic.#listen();
    return traffic;
  }

  /** When the work VM last had an answer from behind the VPN. */
  get answered(): number {
    return this.#answered;
  }

  /** Frames put on the wire so far. */
  get sent(): number {
    return this.#sent;
  }

  send(frames: number): void {
    for (let index = 0; index < frames; index += 1) this.#stand.send(this.#frame);
    this.#sent += frames;
  }

  /** Frames of any kind, made for the way from the work VM to the gateway; not counted. */
  put(frame: (hop: Hop) => Buffer): void {
    this.#stand.send(frame(this.#hop));
  }

  /** As many as the wire holds while nobody reads at its other end. */
  sendStalled(): void {
    this.send(STALLED_MOST);
  }

  /** Has the gateway run its line of this number, within a second. */
  knock(line: number): void {
    const ends = { source: this.#link.guest, destination: this.#link.gateway };
    for (const frame of knocks(this.#hop, ends, line)) this.#stand.send(frame);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#console?.destroy();
    await this.#stand.close();
  }

  /** Connects again whenever the VM is another one. */
  async #listen(): Promise<void> {
    while (!this.#closed) {
      const socket = net.connect(consoleSocket(this.#work));
      this.#console = socket;
      const lines = new LineSplitter((line) => {
        if (/^\d+ bytes from .* seq=/.test(line)) this.#answered = this.#clock();
      }, CONSOLE_LINE);
      socket.on('data', (chunk: Buffer) => lines.push(chunk));
      await new Promise<void>((resolve) => {
        socket.once('error', () => resolve());
        socket.once('close', () => resolve());
      });
      socket.destroy();
      await delay(LOOK_AGAIN_MS, undefined, { ref: false });
    }
  }
}
