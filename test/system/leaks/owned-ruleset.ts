/**
 * The ruleset of a gateway that was taken over: everything is accepted, and what comes from a link leaves on the uplink in
 * clear, from the gateway's own address and, towards the endpoint, from the VPN socket's port. What the guard then holds
 * back, the guard holds back alone.
 */
import { compileNft, type EgressPolicy } from '../../../src/core/policy/index.ts';

type Entry = { readonly add?: Readonly<Record<string, unknown>> };

/** `nft -j -f -`. */
export function ownedRuleset(policy: EgressPolicy): string {
  const { tunnel, uplink, links } = policy;
  if (tunnel === undefined || uplink.address === undefined) throw new Error('a policy with tunnel and address');
  // Counters and the set of leases stay: facts are still asked for.
  const kept = compileNft(policy).nftables.filter(
    (entry) => !['rule', 'chain'].some((kind) => kind in ((entry as Entry).add ?? {})),
  );
  const rule = (chain: string, expr: readonly unknown[]) => ({ add: { rule: { ...OWN, chain, expr } } });
  const misroute = links.map(({ ifname }) =>
    rule('prerouting', [
      match({ meta: { key: 'iifname' } }, ifname),
      match(payload('ip', 'daddr'), { prefix: { addr: linkPool(policy), len: 24 } }, '!='),
      { mangle: { key: { meta: { key: 'mark' } }, value: tunnel.mark } },
    ]),
  );
  // Rewritten without connection tracking: the VPN socket's own flow has the very same ports.
  const onUplink = match({ meta: { key: 'oifname' } }, 'up0');
  const toEndpoint = policy.endpoints.map(({ address, port }) =>
    rule('postrouting', [
      onUplink,
      match(payload('ip', 'daddr'), address),
      match(payload('udp', 'dport'), port),
      { mangle: { key: payload('udp', 'sport'), value: tunnel.localPort } },
    ]),
  );
  return JSON.stringify({
    nftables: [
      ...kept,
      chain('prerouting', 'prerouting', -300),
      chain('postrouting', 'postrouting', 300),
      rule('prerouting', [match({ meta: { key: 'iifname' } }, 'probe0'), { counter: 'probe_rx' }]),
      ...misroute,
      ...toEndpoint,
      rule('postrouting', [onUplink, { mangle: { key: payload('ip', 'saddr'), value: uplink.address } }]),
    ],
  });
}

const OWN = { family: 'inet', table: 'vmgate' } as const;

function chain(name: string, hook: string, prio: number): unknown {
  return { add: { chain: { ...OWN, name, type: 'filter', hook, prio, policy: 'accept' } } };
}

function payload(protocol: string, field: string): unknown {
  return { payload: { protocol, field } };
}

function match(left: unknown, right: unknown, op: '==' | '!=' = '=='): unknown {
  return { match: { op, left, right } };
}

/** Links keep reaching each other through the gateway: the first 24 bits of their addresses. */
function linkPool({ links }: EgressPolicy): string {
  const [first] = links;
  if (first === undefined) throw new Error('a policy without links');
  return first.guest.replace(/\.\d+$/, '.0');
}
