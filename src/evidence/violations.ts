/** What the journal tells of frames that were held back: which rule each broke. */
import type { CodedEvent } from '../core/coded.ts';
import { describeFrame } from '../frame/index.ts';

export interface Violation {
  /** ISO 8601. */
  readonly at: string;
  /** The first rule it broke. */
  readonly why: string;
  /** The frame in words, by its first bytes. */
  readonly what: string;
  /** Those bytes, hex. */
  readonly frame: string;
  /** It carried a token that vmgate had sent on the probe link. */
  readonly canary: boolean;
  /** The evidence files hold it. */
  readonly recorded: boolean;
}

export function violationsOf(events: readonly CodedEvent[]): readonly Violation[] {
  return events
    .filter(({ code }) => code === 'GATE_FOREIGN_FRAME')
    .flatMap(({ at, payload }) => {
      if (typeof payload !== 'object' || payload === null) return [];
      const { why, frame, canary, recorded } = payload as Readonly<Record<string, unknown>>;
      if (typeof why !== 'string' || typeof frame !== 'string') return [];
      const what = describeFrame(Buffer.from(frame, 'hex'));
      return [{ at, why, what, frame, canary: canary === true, recorded: recorded !== false }];
    });
}
