/** One moment as gateway, guard and probe saw it; two of them frame a phase. */

import type { Injected } from '../core/checks/canary.ts';
import type { FullSnapshot, Snapshot } from '../core/checks/snapshot.ts';
import { VmgateError } from '../core/coded.ts';
import type { GatewayCounts } from '../gateway/protocol.ts';
import type { FrameCounts } from '../guard/protocol.ts';
import { errors } from './codes.ts';
import type { VerifyContext } from './context.ts';
import type { ProbeStation } from './probe/station.ts';

export interface Moment<S extends Snapshot = Snapshot> {
  readonly snapshot: S;
  /** After everything the gateway had sent by the time of the snapshot. */
  readonly guard: FrameCounts;
  readonly armed: boolean;
  readonly injected: Injected;
}

/** Everything a check may want to know. @throws VERIFY_OTHER_GATEWAY */
export function takeSnapshot(context: VerifyContext): Promise<FullSnapshot> {
  return look(context, () => context.control.facts());
}

/** Only what moves, at half the cost. @throws VERIFY_OTHER_GATEWAY */
export function takeCounts(context: VerifyContext): Promise<Snapshot> {
  return look(context, () => context.control.counts());
}

async function look<F extends GatewayCounts>(
  { clock, bootId }: VerifyContext,
  ask: () => Promise<F>,
): Promise<Snapshot<F>> {
  const askedMs = clock.wallMs();
  const facts = await ask();
  const answeredMs = clock.wallMs();
  if (facts.bootId !== bootId) {
    throw VmgateError.of(errors.VERIFY_OTHER_GATEWAY, { expected: bootId, found: facts.bootId });
  }
  return { facts, askedMs, answeredMs };
}

/** The gateway asks by ARP for the probe's address now and then; the answer would fall between count and count. */
const ATTEMPTS = 3;

/** @throws VERIFY_PROBE_RESTLESS when the station sent something during every attempt */
export async function takeMoment<S extends Snapshot>(
  context: VerifyContext,
  station: ProbeStation,
  take: (context: VerifyContext) => Promise<S>,
): Promise<Moment<S>> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const { injected } = station;
    const snapshot = await take(context);
    if (station.injected.frames !== injected.frames) continue;
    const { counts, armed } = await context.guard.sync();
    return { snapshot, guard: counts, armed, injected };
  }
  throw VmgateError.of(errors.VERIFY_PROBE_RESTLESS, { attempts: ATTEMPTS });
}
