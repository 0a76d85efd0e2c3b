/**
 * What went through a gate since its supervisor began, over all of its gateways: each has counters of its own, which
 * begin at nothing and end with it.
 */
import type { FrameCounts } from '../guard/index.ts';

export interface Traffic {
  /** Bytes of frames that the guard let out to the VPN: the host's own witness. */
  readonly outBytes: number;
  /** Bytes that the gateway says its tunnel received. */
  readonly inBytes: number;
  /** Frames that are not the VPN, and canaries: stopped. */
  readonly blocked: number;
  /** Frames of the VPN that came while the guard was closed: stopped too. */
  readonly held: number;
  /** Of the blocked ones, those that are in no evidence file. */
  readonly unrecorded: number;
}

export const NO_TRAFFIC: Traffic = { outBytes: 0, inBytes: 0, blocked: 0, held: 0, unrecorded: 0 };

export class Meter {
  /** Of the gateways before this one. */
  #before: Traffic = NO_TRAFFIC;
  #counts: FrameCounts | undefined;
  /** Violations reported one by one: a guard that is ended at once reports no counts any more. */
  #reported = { blocked: 0, unrecorded: 0 };
  #inBytes = 0;
  #lastReceived = 0;

  /** A fresh gateway: its counters begin again. */
  began(): void {
    this.#before = this.total();
    this.#counts = undefined;
    this.#reported = { blocked: 0, unrecorded: 0 };
    this.#inBytes = 0;
    this.#lastReceived = 0;
  }

  counted(counts: FrameCounts): void {
    this.#counts = counts;
  }

  violated(recorded: boolean): void {
    const { blocked, unrecorded } = this.#reported;
    this.#reported = { blocked: blocked + 1, unrecorded: unrecorded + (recorded ? 0 : 1) };
  }

  /** Bytes received by the tunnel's interface, which begins again with each connect. */
  received(bytes: number): void {
    this.#inBytes = bounded(this.#inBytes, bytes >= this.#lastReceived ? bytes - this.#lastReceived : bytes);
    this.#lastReceived = bytes;
  }

  total(): Traffic {
    const { passed = {}, held = 0, foreign = 0, canaries = 0, unrecorded = 0 } = this.#counts ?? {};
    const before = this.#before;
    return {
      outBytes: bounded(before.outBytes, passed['tunnel']?.bytes ?? 0),
      inBytes: bounded(before.inBytes, this.#inBytes),
      blocked: before.blocked + Math.max(foreign, canaries, this.#reported.blocked),
      held: before.held + held,
      unrecorded: before.unrecorded + Math.max(unrecorded, this.#reported.unrecorded),
    };
  }
}

/** A gateway may say any number. */
function bounded(a: number, b: number): number {
  return Math.min(a + b, Number.MAX_SAFE_INTEGER);
}
