/** QEMU's framing on a stream socket: 4-byte big-endian length, then the Ethernet frame without FCS (net/socket.c). */

/**
 * Longest frame accepted, bytes: QEMU's NET_BUFSIZE (net/net.h). A longer one is not a frame but lost framing, after
 * which no byte of the stream can be trusted.
 */
export const MAX_FRAME = 4_096 + 65_536;

export function framed(frame: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(frame.length);
  return Buffer.concat([length, frame]);
}

/** Cuts the stream back into frames. `push` returns false once the stream is out of step: nothing after that is true. */
export class FrameReader {
  readonly #onFrame: (frame: Buffer) => void;
  #pending: Buffer = Buffer.alloc(0);
  #inStep: boolean = true;

  constructor(onFrame: (frame: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  push(chunk: Buffer): boolean {
    if (!this.#inStep) return false;
    this.#pending = Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= 4) {
      const length = this.#pending.readUInt32BE(0);
      if (length > MAX_FRAME) {
        this.#inStep = false;
        this.#pending = Buffer.alloc(0);
        return false;
      }
      if (this.#pending.length < 4 + length) break;
      this.#onFrame(Buffer.from(this.#pending.subarray(4, 4 + length)));
      this.#pending = this.#pending.subarray(4 + length);
    }
    return true;
  }
}
