/**
 * The two sockets of the gateway's filter-redirectors. `outgoing` is read at all times, whatever happens to the frames:
 * a gateway whose socket is not drained stops answering on QMP.
 */
import net from 'node:net';
import type { Outlet } from './filter.ts';
import { MAX_FRAMED } from './splitter.ts';

/** Several frames of the greatest length; more than a unix socket holds at once. */
const BUFFER_BYTES = Math.max(262_144, 3 * MAX_FRAMED);

/**
 * Allowed bytes that may wait for the gateway to read them. More is lost, as on any full wire. Several times what the
 * sockets hold, because bytes count as waiting until the event loop has heard of their being written.
 */
const MAX_WAITING = 1_048_576;

/** Judges the frames in `buffer[0..length)`; answers how far it came, or -1 when the framing is lost. */
export type TakeFrames = (buffer: Buffer, length: number) => number;

export class GatewaySockets implements Outlet {
  readonly #released: net.Socket;
  readonly #take: TakeFrames;
  readonly #lost: (why: string) => void;
  #outgoing: net.Socket | undefined;
  #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  /** Bytes at the start of the buffer: a frame of which the rest is still to come. */
  #filled = 0;
  #over = false;
  #bytesRead = 0;

  /**
   * Connects `released` first, so that no frame is read that could not be handed on. `lost` is told once, also of a
   * failure to connect; after it both sockets are gone.
   */
  constructor(
    paths: { readonly outgoing: string; readonly released: string },
    take: TakeFrames,
    events: { readonly connected: () => void; readonly lost: (why: string) => void },
  ) {
    this.#take = take;
    this.#lost = events.lost;
    this.#released = net.connect({ path: paths.released });
    this.#watch('released', this.#released);
    this.#released.resume();
    this.#released.on('connect', () => {
      const onread = {
        buffer: () => this.#buffer.subarray(this.#filled),
        callback: (bytes: number) => this.#read(bytes),
      };
      this.#outgoing = net.connect({ path: paths.outgoing, onread });
      this.#watch('outgoing', this.#outgoing);
      this.#outgoing.on('connect', events.connected);
    });
  }

  /** Since the start: tells a barrier whether anything came meanwhile. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  write(run: Buffer): boolean {
    const waiting = this.#released.writableLength;
    if (this.#over || waiting > MAX_WAITING) return false;
    // Behind bytes that wait, a copy: the few bytes of a run must not hold on to the whole buffer they came in.
    this.#released.write(waiting > 0 ? Buffer.from(run) : run);
    return true;
  }

  /** Frames judged in time must not leave late: what still waits is thrown away, and with it the gateway. */
  forgetWaiting(): void {
    if (this.#released.writableLength > 0) this.end('frames still waited to leave when passing ended');
  }

  end(why: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#outgoing?.destroy();
    this.#released.destroy();
    this.#lost(why);
  }

  #watch(name: 'outgoing' | 'released', socket: net.Socket): void {
    socket.on('error', (cause) => this.end(`${name}: ${cause.message}`));
    socket.on('close', () => this.end(`${name}: the gateway closed the socket`));
  }

  /** Answers whether to go on reading. */
  #read(bytes: number): boolean {
    this.#bytesRead += bytes;
    const length = this.#filled + bytes;
    const taken = this.#take(this.#buffer, length);
    if (taken < 0) {
      this.end('the gateway sent a length no frame has');
      return false;
    }
    const rest = this.#buffer.subarray(taken, length);
    // Bytes that wait to be written are this very buffer: it is left to them.
    if (this.#released.writableLength > 0) this.#buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
    this.#buffer.set(rest);
    this.#filled = rest.length;
    return true;
  }
}
