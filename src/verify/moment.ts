/** One moment as gateway, guard and probe saw it; two of them frame a phase. */

import type { Injected } from '../core/checks/canary.ts';
import type { Snapshot } from '../core/checks/snapshot.ts';
import { VmgateError } from '../core/coded.ts';
import type { FrameCounts } from '../guard/protocol.ts';
import { errors } from './codes.ts';
import type { VerifyContext } from './context.ts';
import type { ProbeStation } from './probe/station.ts';

export interface Moment {
  readonly snapshot: Snapshot;
  /** After everything the gateway had sent by the time of the snapshot. */
  readonly guard: FrameCounts;
  readonly armed: boolean;
  readonly injected: Injected;
}

/** @throws VERIFY_OTHER_GATEWAY */
export async function takeSnapshot({ control, clock, bootId }: VerifyContext): Promise<Snapshot> {
  const askedMs = clock.wallMs();
  const facts = await control.facts();
  const answeredMs = clock.wallMs();
  if (facts.bootId !== bootId) {
    throw VmgateError.of(errors.VERIFY_OTHER_GATEWAY, { expected: bootId, found: facts.bootId });
  }
  return { facts, askedMs, answeredMs };
}

/** The gateway asks by ARP for the probe's address now and then; the answer would fall between count and count. */
const ATTEMPTS = 3;

/** @throws VERIFY_PROBE_RESTLESS when the station sent something during every attempt */
export async function takeMoment(context: VerifyContext, station: ProbeStation): Promise<Moment> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const { injected } = station;
    const snapshot = await takeSnapshot(context);
    if (station.injected.frames !== injected.frames) continue;
    const { counts, armed } = await context.guard.sync();
    return { snapshot, guard: counts, armed, injected };
  }
  throw VmgateError.of(errors.VERIFY_PROBE_RESTLESS, { attempts: ATTEMPTS });
}
