/**
 * Judges frames batch by batch and hands on the allowed ones. Latching: after one foreign frame or canary it lets
 * nothing out for the rest of its life, because only a fresh gateway process ends a violation.
 */
import type { FrameKind, FrameMatcher } from '../core/policy/index.ts';
import type { FrameCounts, GuardReport } from './protocol.ts';
import { splitFrames } from './splitter.ts';

/** Where allowed frames go. */
export interface Outlet {
  /** Takes a run of framed frames, or refuses it for lack of room. */
  write(run: Buffer): boolean;
}

export interface FilterSurroundings {
  readonly outlet: Outlet;
  /** Asked once before each batch. */
  readonly mayPass: () => boolean;
  /** False where nothing of the frame could be written down. */
  readonly keepEvidence: (frame: Buffer) => boolean;
  /** A frame to a portal is about to be let out, in clear: all of them are written down. */
  readonly keepPortal: (frame: Buffer) => void;
  readonly report: (report: Extract<GuardReport, { type: 'violation' }>) => void;
}

/** Bytes of a frame shown in a report. */
const SHOWN = 128;
/** Violations reported one by one; the rest shows in the counts. */
const MAX_REPORTED = 8;
const KINDS = ['arp', 'dhcp', 'tunnel', 'portal'] as const satisfies readonly FrameKind[];

export class FrameFilter {
  readonly #around: FilterSurroundings;
  #matcher: FrameMatcher;
  #canaries: readonly Buffer[] = [];
  #violated = false;
  #reported = 0;
  #held = 0;
  #foreign = 0;
  #seenCanaries = 0;
  #overrun = 0;
  #unrecorded = 0;
  readonly #passed = new Tally();
  /** The run being judged: what it counts for is known once the outlet took it. */
  readonly #run = new Tally();

  constructor(matcher: FrameMatcher, around: FilterSurroundings) {
    this.#matcher = matcher;
    this.#around = around;
  }

  set matcher(matcher: FrameMatcher) {
    this.#matcher = matcher;
  }

  /** True from the first foreign frame or canary on. */
  get violated(): boolean {
    return this.#violated;
  }

  watchFor(tokens: readonly string[]): void {
    this.#canaries = tokens.map((token) => Buffer.from(token, 'hex'));
  }

  /** Counts so far; a fresh object. */
  counts(): FrameCounts {
    return {
      passed: this.#passed.copy(),
      held: this.#held,
      foreign: this.#foreign,
      canaries: this.#seenCanaries,
      overrun: this.#overrun,
      unrecorded: this.#unrecorded,
    };
  }

  /**
   * Judges all complete frames in `buffer[0..length)`.
   *
   * @returns the offset of the first incomplete one; -1 when the framing is lost
   */
  take(buffer: Buffer, length: number): number {
    const armed = this.#around.mayPass();
    const judge = (start: number, end: number) => {
      const kind = this.#judge(buffer, start, end);
      if (kind === undefined) return false;
      if (!armed || this.#violated) {
        this.#held += 1;
        return false;
      }
      if (kind === 'portal') this.#around.keepPortal(buffer.subarray(start, end));
      this.#run.count(kind, 1, end - start);
      return true;
    };
    return splitFrames(buffer, length, judge, (from, to) => {
      if (this.#around.outlet.write(buffer.subarray(from, to))) this.#passed.add(this.#run);
      else this.#overrun += this.#run.frames;
      this.#run.clear();
    });
  }

  #judge(buffer: Buffer, start: number, end: number): FrameKind | undefined {
    const kind = this.#matcher.match(buffer, start, end);
    const canary = this.#canaries.length > 0 && this.#carriesCanary(buffer, start, end);
    if (kind !== undefined && !canary) return kind;
    const frame = buffer.subarray(start, end);
    this.#violated = true;
    if (kind === undefined) this.#foreign += 1;
    if (canary) this.#seenCanaries += 1;
    const recorded = this.#around.keepEvidence(frame);
    if (!recorded) this.#unrecorded += 1;
    if (this.#reported < MAX_REPORTED) {
      this.#reported += 1;
      const why = kind === undefined ? this.#matcher.explain(frame) : `canary in a ${kind} frame`;
      this.#around.report({ type: 'violation', why, frame: frame.toString('hex', 0, SHOWN), canary, recorded });
    }
    return undefined;
  }

  #carriesCanary(buffer: Buffer, start: number, end: number): boolean {
    const frame = buffer.subarray(start, end);
    return this.#canaries.some((token) => frame.includes(token));
  }
}

/** Frames and bytes by kind. */
class Tally {
  readonly arp = { frames: 0, bytes: 0 };
  readonly dhcp = { frames: 0, bytes: 0 };
  readonly tunnel = { frames: 0, bytes: 0 };
  readonly portal = { frames: 0, bytes: 0 };

  get frames(): number {
    return this.arp.frames + this.dhcp.frames + this.tunnel.frames + this.portal.frames;
  }

  count(kind: FrameKind, frames: number, bytes: number): void {
    this[kind].frames += frames;
    this[kind].bytes += bytes;
  }

  add(other: Tally): void {
    for (const kind of KINDS) this.count(kind, other[kind].frames, other[kind].bytes);
  }

  clear(): void {
    for (const kind of KINDS) Object.assign(this[kind], { frames: 0, bytes: 0 });
  }

  copy(): FrameCounts['passed'] {
    return Object.fromEntries(KINDS.map((kind) => [kind, { ...this[kind] }]));
  }
}
