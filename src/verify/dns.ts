/** Gathers the facts of the `dns` check: a question with a nonce, asked on the probe link under its lease. */
import type { DnsFacts } from '../core/checks/dns.ts';
import type { FrameCounts } from '../guard/protocol.ts';
import type { VerifyContext } from './context.ts';
import type { ProbeStation } from './probe/station.ts';
import type { Token } from './token.ts';

/**
 * Where no name exists: resolvers answer `invalid` themselves (RFC 6761, 6.4), so that the nonce bothers no root
 * server. Behind a split tunnel the resolver may know only its own zone.
 */
const NOWHERE = 'invalid';

/** Behind every number a run gives its canaries. */
const QUESTION = 999;

function nonceName({ tunnelPlan }: VerifyContext, token: Token): string {
  return `${token.mark(QUESTION)}.${(tunnelPlan.split ? tunnelPlan.searchDomains[0] : undefined) ?? NOWHERE}`;
}

export async function askResolver(
  context: VerifyContext,
  station: ProbeStation,
  token: Token,
  limitMs: number,
  signal: AbortSignal,
): Promise<DnsFacts> {
  const name = nonceName(context, token);
  const before = await context.guard.sync();
  const { reply, strays } = await station.ask(name, limitMs, signal);
  const after = await context.guard.sync();
  return {
    name,
    resolver: context.tunnelPlan.resolvers.join(', '),
    answer: reply === undefined ? undefined : { rcode: reply.rcode, elapsedMs: reply.elapsedMs },
    strays,
    tunnelFramesOut: tunnelFrames(after.counts) - tunnelFrames(before.counts),
    nonceSightings: after.counts.canaries - before.counts.canaries,
  };
}

function tunnelFrames({ passed }: FrameCounts): number {
  return passed['tunnel']?.frames ?? 0;
}
