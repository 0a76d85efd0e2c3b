/** A line a minute of what went through the gate, in a file of bounded size: what a timeline of the day is drawn from. */
import type { CodedEvent } from '../core/coded.ts';
import type { Phase } from '../core/gate/state.ts';
import { RotatingFile } from '../home/index.ts';
import { wallMs } from '../host/index.ts';
import { events } from './codes.ts';
import { type Meter, NO_TRAFFIC, type Traffic } from './meter.ts';

/** About 150 bytes a minute: at least two days in one file. */
const MAX_BYTES = 524_288;
const EVERY_MS = 60_000;
/** Where one of these begins or ends, so does a sample. */
const MARKED: readonly Phase[] = ['open', 'violated'];

export class Samples {
  readonly #file: RotatingFile;
  readonly #meter: Meter;
  #fromMs = wallMs();
  #before: Traffic = NO_TRAFFIC;
  #phase: Phase = 'down';

  constructor(file: string, meter: Meter) {
    this.#file = new RotatingFile(file, MAX_BYTES);
    this.#meter = meter;
  }

  observe({ code, payload }: CodedEvent): void {
    if (code !== events.GATE_PHASE.code) return;
    const { phase } = payload as { phase: Phase };
    if (MARKED.includes(phase) || MARKED.includes(this.#phase)) this.#write();
    this.#phase = phase;
  }

  /** To be called more often than once a minute. */
  tick(): void {
    // The clock may have been set back.
    if (Math.abs(wallMs() - this.#fromMs) >= EVERY_MS) this.#write();
  }

  close(): void {
    this.#write();
    this.#file.close();
  }

  /** What a full disk does not take is counted in with the next sample. */
  #write(): void {
    const now = this.#meter.total();
    const toMs = wallMs();
    const sample = {
      from: new Date(this.#fromMs).toISOString(),
      to: new Date(toMs).toISOString(),
      phase: this.#phase,
      outBytes: now.outBytes - this.#before.outBytes,
      inBytes: now.inBytes - this.#before.inBytes,
      blocked: now.blocked - this.#before.blocked,
      held: now.held - this.#before.held,
    };
    try {
      this.#file.append(`${JSON.stringify(sample)}\n`);
      this.#fromMs = toMs;
      this.#before = now;
    } catch {
      return;
    }
  }
}
