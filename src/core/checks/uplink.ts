/** Check `uplink`: the guard, which no guest can reach, saw nothing leave but what the policy allows. */
import type { FrameCounts } from '../../guard/protocol.ts';
import { type Check, type Opinion, refuted, unknown, verified } from './check.ts';

export interface UplinkFacts {
  readonly counts: FrameCounts;
  readonly armed: boolean;
}

export const uplinkCheck: Check<UplinkFacts> = {
  name: 'uplink',
  trust: {
    gatewayCouldFake:
      'nothing: every frame it sends passes the guard; what it writes into frames of the right shape is its own',
    hostWitness: 'the guard, a process of the host, judged every frame since the gateway was started',
  },
  judge,
};

function judge({ counts, armed }: UplinkFacts): Opinion {
  const evidence = describeCounts(counts);
  if (counts.foreign > 0) {
    return refuted(
      `${plural(counts.foreign, 'frame')} tried to leave that no rule allows`,
      'vmgate evidence',
      evidence,
    );
  }
  if (counts.canaries > 0) {
    return refuted(
      `${plural(counts.canaries, 'canary', 'canaries')} appeared on the uplink`,
      'vmgate evidence',
      evidence,
    );
  }
  if (!armed) return unknown('the guard passes nothing at the moment', 'vmgate status', evidence);
  return verified('nothing left the uplink but what the policy allows', evidence);
}

function describeCounts({ passed, held, foreign, canaries, overrun }: FrameCounts): readonly string[] {
  const kinds = Object.entries(passed).map(([kind, { frames, bytes }]) => `${kind}: ${frames} frames, ${bytes} bytes`);
  return [
    ...kinds,
    `foreign: ${foreign}`,
    `canaries: ${canaries}`,
    `held while not armed: ${held}`,
    `lost: ${overrun}`,
  ];
}

function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
