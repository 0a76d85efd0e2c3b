/** Gathers what became of the canaries. */
import type { CanaryPhase } from '../core/checks/canary.ts';
import { type Canary, planCanaries } from '../core/checks/canary-plan.ts';
import type { VerifyContext } from './context.ts';
import type { Moment } from './moment.ts';
import { renderCanary } from './probe/canary-frames.ts';
import type { ProbeStation } from './probe/station.ts';
import { tunnelAddresses } from './shared-facts.ts';
import type { Token } from './token.ts';

/** How long the sentinel behind the canaries may take. */
const BARRIER_MS = 3_000;

/** What was sent, and that the gateway has looked at all of it. */
export type Volley = Pick<CanaryPhase, 'sent' | 'barrier' | 'replies'>;

export function closedCanaries({ policy, plan, tunnelPlan, through = [] }: VerifyContext): readonly Canary[] {
  return planCanaries(policy, plan, [...through, tunnelPlan].flatMap(tunnelAddresses));
}

/** Those the gateway itself would answer under a lease are left out: the `dns` check asks. */
export function openCanaries(context: VerifyContext): readonly Canary[] {
  return closedCanaries(context).filter(({ fate }) => fate !== 'answered');
}

/** Sends the canaries and a sentinel behind them. A sentinel that stays away is a fact, not an error. */
export async function sendVolley(station: ProbeStation, canaries: readonly Canary[], token: Token): Promise<Volley> {
  const replies = station.watch();
  canaries.forEach((canary, index) => {
    station.send(renderCanary(canary, index, token.mark(index), station.hop));
  });
  const barrier = await station.reach(BARRIER_MS).then(
    () => true,
    () => false,
  );
  return { sent: canaries, barrier, replies: replies() };
}

export function phase(volley: Volley, before: Moment, after: Moment): CanaryPhase {
  return {
    ...volley,
    injected: {
      frames: after.injected.frames - before.injected.frames,
      ipv4: after.injected.ipv4 - before.injected.ipv4,
      ipv6: after.injected.ipv6 - before.injected.ipv6,
    },
    before: before.snapshot,
    after: after.snapshot,
    guardBefore: before.guard,
    guardAfter: after.guard,
  };
}
