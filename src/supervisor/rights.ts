/** Who may go where, of the confirmed configuration, laid on the wires of the link plan. */
import type { Config } from '../config/index.ts';
import type { LinkPlan } from '../core/link-plan.ts';
import { type EgressPolicy, nameFeeds } from '../core/policy/index.ts';
import type { ResolverSettings } from '../gateway/index.ts';

/** The links of a policy: each work VM's with its rules and peers, and the probe link, which has every right of a silent one. */
export function linksWithRights(plan: LinkPlan, { work }: Config): EgressPolicy['links'] {
  const ifnames = new Map(plan.work.map(({ workVm, ifname }) => [workVm, ifname]));
  return [
    ...plan.work.map((link) => {
      const rights = work.find(({ name }) => name === link.workVm);
      // A wire of nobody's configuration is a defect: it must not become one that may do everything.
      if (rights === undefined) throw new Error(`no configuration for ${link.workVm}`);
      const peers = rights.peers.flatMap((peer) => ifnames.get(peer) ?? []);
      return { ...link, egress: rights.egress, peers };
    }),
    plan.probe,
  ];
}

/** What the resolver has to do for those rules. `ipv6`: the links have IPv6. */
export function resolverSettings({ work, dns }: Config, ipv6 = false): ResolverSettings {
  const rules = work.flatMap(({ egress }) => egress?.rules ?? []);
  return {
    feeds: nameFeeds(
      work.map(({ egress }) => egress),
      ipv6,
    ),
    refusesPrivate: dns.rebinding === 'refuse',
    inner: [...new Set(rules.flatMap(({ to }) => (to.kind === 'name' && to.allowPrivate ? [to.name] : [])))].toSorted(),
  };
}
