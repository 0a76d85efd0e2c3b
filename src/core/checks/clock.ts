/**
 * Check `clock`: certificates, handshake ages and receipts mean nothing between machines that disagree about the time.
 */
import { type Check, FRESH_GATEWAY, type Opinion, refuted, unknown, verified } from './check.ts';
import { guestAhead, type Snapshot } from './snapshot.ts';

/** Guest against host. */
export const MAX_SKEW_MS = 2_000;
/** Host against the `Date` header of an https answer: its servers are allowed to be sloppy. */
export const MAX_DATE_SKEW_MS = 300_000;

export interface ClockFacts {
  readonly snapshot: Snapshot;
  /** From a server whose certificate was checked; undefined when none was asked or it sent no date. */
  readonly date: { readonly headerMs: number; readonly receivedMs: number } | undefined;
}

export const clockCheck: Check<ClockFacts> = {
  name: 'clock',
  trust: {
    gatewayCouldFake: "its own clock's reading",
    hostWitness: "the host's clock, and with an https exit check the date sent by a server with a checked certificate",
  },
  judge,
};

function judge({ snapshot, date }: ClockFacts): Opinion {
  const { middle, margin } = guestAhead(snapshot);
  const evidence = [`gateway ahead of host: ${Math.round(middle)} ms, give or take ${Math.round(margin)} ms`];
  if (Math.abs(middle) - margin > MAX_SKEW_MS) {
    return refuted('the clocks of gateway and host disagree', FRESH_GATEWAY, evidence);
  }
  if (Math.abs(middle) + margin > MAX_SKEW_MS) {
    return unknown('the gateway answered too slowly to compare the clocks', 'vmgate verify', evidence);
  }
  if (date === undefined) return verified('gateway and host agree about the time', evidence);
  const ahead = date.receivedMs - date.headerMs;
  const withDate = [...evidence, `host ahead of the exit server's date: ${Math.round(ahead)} ms`];
  if (Math.abs(ahead) > MAX_DATE_SKEW_MS) {
    return refuted("this machine's clock is wrong", 'set the clock of this machine, then: vmgate up', withDate);
  }
  return verified('gateway, host and exit server agree about the time', withDate);
}
