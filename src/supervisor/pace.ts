/**
 * How fast the host's connections may use the control channel, which they share with the gate's own questions to the
 * gateway. A question that waits too long closes the gate, so the questions are what the pace is set by: as long as they
 * are answered quickly it grows, and it is halved for each second that one waits.
 */
import { Transform } from 'node:stream';
import { monotonicMs } from '../host/index.ts';

/** Bytes a second. The first is little enough for a translated gateway on a busy machine. */
const RATE = { first: 524_288, least: 65_536, most: 1_073_741_824 } as const;
const GROWTH = 1.25;
/** Answered by then, there is room for more; a pulse has six seconds. */
const QUICK_MS = 500;
const SLOW_MS = 1_000;
/** What a connection that was idle may send at once. */
const BURST_MS = 100;

export class Pace {
  #rate: number = RATE.first;
  /** When all that was let through has had its time. */
  #paidMs = 0;
  #used = false;

  get bytesPerSecond(): number {
    return this.#rate;
  }

  /** `question`'s answer, which the pace is set by. */
  async by<T>(question: Promise<T>): Promise<T> {
    const beganMs = monotonicMs();
    const impatience = setInterval(() => this.#change(0.5), SLOW_MS);
    try {
      const answer = await question;
      // What nobody uses says nothing about how much would be too much.
      if (this.#used && monotonicMs() - beganMs < QUICK_MS) this.#change(GROWTH);
      this.#used = false;
      return answer;
    } finally {
      clearInterval(impatience);
    }
  }

  /** To be put between a connection and the gateway; all of them together keep the pace. */
  brake(): Transform {
    return new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        const waitMs = this.#waitFor(chunk.length);
        if (waitMs <= 0) done(null, chunk);
        else setTimeout(done, waitMs, null, chunk);
      },
    });
  }

  #waitFor(bytes: number): number {
    const now = monotonicMs();
    this.#used = true;
    this.#paidMs = Math.max(this.#paidMs, now - BURST_MS) + (bytes * 1_000) / this.#rate;
    return this.#paidMs - now;
  }

  #change(factor: number): void {
    this.#rate = Math.min(RATE.most, Math.max(RATE.least, this.#rate * factor));
  }
}
