/** One answer of the gateway and when it was asked for: what several checks of one run share. */
import type { GatewayCounts, GatewayFacts } from '../../gateway/protocol.ts';

/** Of `facts` where a check needs all of them, else of the cheaper `counts`. */
export interface Snapshot<Facts extends GatewayCounts = GatewayCounts> {
  readonly facts: Facts;
  /** Host wall clock, epoch milliseconds. */
  readonly askedMs: number;
  readonly answeredMs: number;
}

export type FullSnapshot = Snapshot<GatewayFacts>;

/**
 * How far the guest's clock is ahead of the host's, in milliseconds: it was read at some moment between question and
 * answer, so the truth lies in `middle` ± `margin`.
 */
export function guestAhead(snapshot: Snapshot): { readonly middle: number; readonly margin: number } {
  const { facts, askedMs, answeredMs } = snapshot;
  return { middle: facts.epochMs - (askedMs + answeredMs) / 2, margin: Math.abs(answeredMs - askedMs) / 2 };
}

/** The one that was answered fastest: it says most about the guest's clock. */
export function sharpest(snapshots: readonly [Snapshot, ...Snapshot[]]): Snapshot {
  return snapshots.reduce((best, next) => (guestAhead(next).margin < guestAhead(best).margin ? next : best));
}
