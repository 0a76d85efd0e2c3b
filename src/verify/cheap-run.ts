/**
 * The pulse of an open gate, every few seconds: one look at the gateway and one round trip through the tunnel, on the
 * probe link, where no work VM is disturbed.
 */
import { dnsCheck } from '../core/checks/dns.ts';
import { routesCheck } from '../core/checks/routes.ts';
import { rulesetCheck } from '../core/checks/ruleset.ts';
import { tunnelCheck } from '../core/checks/tunnel.ts';
import { uplinkCheck } from '../core/checks/uplink.ts';
import type { Verdict } from '../core/verdict.ts';
import { bounded } from './bounded.ts';
import type { VerifyContext } from './context.ts';
import { askResolver } from './dns.ts';
import { ARP_MS, DNS_MS } from './limits.ts';
import { takeSnapshot } from './moment.ts';
import { settle } from './settle.ts';
import { routesFacts, tunnelFacts } from './shared-facts.ts';
import type { Token } from './token.ts';

/** On a machine with more to do than cores the gateway needs seconds; still well below the life of a lease. */
const FACTS_MS = 6_000;

export async function runCheap(
  context: VerifyContext,
  held: readonly string[],
  token: Token,
  signal: AbortSignal,
): Promise<readonly Verdict[]> {
  const { clock, guard, policy, plan } = context;
  const leased = [...held, plan.probe.ifname];
  const facts = bounded('reading the gateway', FACTS_MS, signal, () => takeSnapshot(context));
  const dns = bounded('asking the resolver inside the tunnel', ARP_MS + DNS_MS, signal, async (stop) =>
    askResolver(context, await context.stand.open(ARP_MS), token, DNS_MS, stop),
  );
  const uplink = Promise.allSettled([facts, dns]).then(() => guard.sync());
  return Promise.all([
    settle(
      rulesetCheck,
      facts.then((snapshot) => ({ policy, snapshot, leased })),
      clock.monotonicMs,
    ),
    settle(
      routesCheck,
      facts.then((snapshot) => routesFacts(context, snapshot)),
      clock.monotonicMs,
    ),
    settle(
      tunnelCheck,
      facts.then((snapshot) => tunnelFacts(context, undefined, snapshot)),
      clock.monotonicMs,
    ),
    settle(dnsCheck, dns, clock.monotonicMs),
    settle(uplinkCheck, uplink, clock.monotonicMs),
  ]);
}
