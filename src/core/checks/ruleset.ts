/** Check `ruleset`: the kernel's firewall, of all families, is the compiled policy, and nobody else holds a lease. */
import type { EgressPolicy } from '../policy/egress-policy.ts';
import { compileNft, LEASE_SECONDS } from '../policy/nft.ts';
import { compareRulesets } from '../policy/normalize.ts';
import { type Check, FRESH_GATEWAY, type Opinion, refuted, verified } from './check.ts';
import type { FullSnapshot } from './snapshot.ts';

export interface RulesetFacts {
  readonly policy: EgressPolicy;
  readonly snapshot: FullSnapshot;
  /** Links that may hold a lease at the moment of the snapshot. */
  readonly leased: readonly string[];
}

export const rulesetCheck: Check<RulesetFacts> = {
  name: 'ruleset',
  trust: {
    gatewayCouldFake: 'the whole listing',
    hostWitness: 'the guard enforces the same policy outside the gateway; canaries try it',
  },
  judge,
};

function judge({ policy, snapshot, leased }: RulesetFacts): Opinion {
  const { ruleset, leases } = snapshot.facts;
  const differences = compareRulesets(compileNft(policy), ruleset);
  if (differences.length > 0) {
    return refuted("the gateway's firewall is not the compiled policy", FRESH_GATEWAY, differences);
  }
  const strangers = leases.filter(({ ifname }) => !leased.includes(ifname));
  if (strangers.length > 0) {
    return refuted(
      'a link is open that vmgate did not open',
      FRESH_GATEWAY,
      strangers.map(({ ifname }) => ifname),
    );
  }
  const eternal = leases.filter(({ expiresMs }) => expiresMs > LEASE_SECONDS * 1_000);
  if (eternal.length > 0) {
    return refuted(
      'a lease lasts longer than any lease may',
      FRESH_GATEWAY,
      eternal.map(({ ifname, expiresMs }) => `${ifname}: ${expiresMs} ms left`),
    );
  }
  const open = leases.map(({ ifname }) => ifname).join(', ');
  return verified("the gateway's firewall is the compiled policy", [`open links: ${open === '' ? 'none' : open}`]);
}
