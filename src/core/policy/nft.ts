/**
 * Compiles an {@link EgressPolicy} to the gateway's complete nftables ruleset: one `flush ruleset` and the additions,
 * one transaction. Every filter hook drops by default and no rule speaks of a missing tunnel: with the tunnel gone
 * nothing matches. A policy without endpoints and tunnel is the boot ruleset.
 *
 * Each filter chain also ends with a drop of its own. A chain's policy is not part of what Linux switches at once: while a
 * ruleset takes another's place, the new rules count already and the policy is still `accept`, until the kernel gets to it
 * (nft_chain_commit_drop_policy). A flood gets packets through there (leak case 18).
 *
 * Where the policy has no IPv6, nothing is answered or forwarded over it: every accepting rule pins IPv4, but for the
 * loopback. Where it has, that is the links' and the tunnel's alone (nft-ipv6.ts): the uplink has none.
 */
import type { Defence, RemovedDefences, Without } from './defence.ts';
import { type EgressPolicy, inForce } from './egress-policy.ts';
import {
  accept,
  count,
  drop,
  type Expression,
  field,
  iifname,
  ipv4Only,
  ipv6Only,
  type Json,
  masquerade,
  oifname,
  redirect,
} from './nft-expressions.ts';
import { forward } from './nft-forward.ts';
import { from4, input4, output4 } from './nft-ipv4.ts';
import { from6, input6, output6 } from './nft-ipv6.ts';
import { PROBE, resets } from './nft-link-parts.ts';
import { fromTunnel, toTunnel } from './nft-tunnel.ts';
import { fromUplink, toUplink } from './nft-uplink.ts';
import { type DenialCounter, workChain, workCounters, workRules, workSets } from './nft-work.ts';

/** Named counters, read back as facts. */
const COUNTERS = [
  /** IPv4 and IPv6 packets that arrived on the probe link, before anything was judged: the canaries' positive control. */
  'probe_rx',
  /** Packets that entered the tunnel: forwarded from a link, or the gateway's own. */
  'to_tunnel',
  /** Of those, forwarded from the probe link: tells canaries apart from the traffic of open work links. */
  'probe_to_tunnel',
  /** Packets of the VPN socket (and DHCP client) that left on the uplink. */
  'up_out',
  'dropped_prerouting',
  'dropped_input',
  'dropped_forward',
  'dropped_output',
] as const;
export type CounterName = (typeof COUNTERS)[number] | DenialCounter;

/** Longest life of an element of the set `open`, seconds: a lease. */
export const LEASE_SECONDS = 15;

export interface NftRuleset {
  readonly nftables: readonly Expression[];
}

const FAMILY = 'inet';
const TABLE = 'vmgate';

type Chain = 'prerouting' | 'resolver' | 'input' | 'forward' | 'output' | 'postrouting';
type Rules = Readonly<Record<Chain, readonly (readonly Expression[])[]>>;

/**
 * The ruleset for `nft -j -f`. `removed` is for the lab's anti-tests alone.
 */
export function compileNft(planned: EgressPolicy, removed?: RemovedDefences): NftRuleset {
  const policy = inForce(planned);
  const without = (defence: Defence) => removed?.has(defence) ?? false;
  const rules: Rules = {
    prerouting: prerouting(policy, without),
    resolver: resolver(policy, without),
    input: input(policy, without),
    forward: forward(policy, without),
    output: output(policy, without),
    postrouting: policy.tunnel === undefined ? [] : [[oifname(policy.tunnel.ifname), masquerade]],
  };
  const own = { family: FAMILY, table: TABLE };
  // Without a tunnel nothing is forwarded that a VM's rules could speak of.
  const ruled = policy.tunnel === undefined ? [] : policy.links.filter(({ egress }) => egress !== undefined);
  const work = ruled.map((link) => [workChain(link) ?? '', workRules(link, ruled)] as const);
  return {
    nftables: [
      { flush: { ruleset: null } },
      add({ table: { family: FAMILY, name: TABLE } }),
      ...[...COUNTERS, ...workCounters(ruled)].map((name) => add({ counter: { ...own, name } })),
      add({ set: { ...own, name: 'open', type: 'ifname', flags: ['timeout'] } }),
      ...workSets(ruled).map((set) => add({ set: { ...own, ...set } })),
      add(chain('prerouting', 'filter', -300, 'drop')),
      add(chain('resolver', 'nat', -100, 'accept', 'prerouting')),
      add(chain('input', 'filter', 0, 'drop')),
      add(chain('forward', 'filter', 0, 'drop')),
      add(chain('output', 'filter', 0, 'drop')),
      add(chain('postrouting', 'nat', 100, 'accept')),
      ...work.map(([name]) => add({ chain: { ...own, name } })),
      ...[...Object.entries(rules), ...work].flatMap(([name, list]) =>
        list.map((expr) => add({ rule: { ...own, chain: name, expr: [...expr] } })),
      ),
    ],
  };
}

/** The text `vmgate-gw apply` reads. */
export function renderNft(ruleset: NftRuleset): string {
  return JSON.stringify(ruleset);
}

/**
 * Who may speak at all, judged before connection tracking sees a packet: a forged one from the uplink must not touch
 * the state of a flow inside the tunnel (CVE-2019-14899).
 */
function prerouting(policy: EgressPolicy, without: Without): Expression[][] {
  const { tunnel } = policy;
  return [
    [iifname(PROBE), count('probe_rx')],
    [iifname('lo'), accept],
    ...fromUplink(policy, without),
    ...(tunnel === undefined ? [] : [[iifname(tunnel.ifname), ipv4Only, accept]]),
    ...(tunnel?.ipv6 === undefined ? [] : [[iifname(tunnel.ifname), ipv6Only, accept]]),
    ...policy.links.flatMap((link) =>
      without('source-pin') ? [[iifname(link.ifname), accept]] : [...from4(link), ...from6(link, without)],
    ),
    [count('dropped_prerouting'), drop],
  ];
}

/**
 * Whichever resolver a work VM asks, the gateway's answers, under the lease: rules with names count on it, and an answer
 * from elsewhere would be no tunnel resolver's (leak case 5). The probe link is vmgate's own and asks whom it means to.
 */
function resolver({ links, tunnel }: EgressPolicy, without: Without): Expression[][] {
  if (tunnel === undefined || without('own-resolver')) return [];
  return links
    .filter(({ ifname }) => ifname !== PROBE)
    .flatMap(({ ifname }) =>
      (['udp', 'tcp'] as const).map((one) => [iifname(ifname), field(one, 'dport', 53), redirect]),
    );
}

function input(policy: EgressPolicy, without: Without): Expression[][] {
  return [
    [iifname('lo'), accept],
    ...fromUplink(policy, without),
    ...fromTunnel(policy, without),
    ...policy.links.flatMap((link) => [...input4(link, without), ...input6(link, without)]),
    [count('dropped_input'), drop],
  ];
}

function output(policy: EgressPolicy, without: Without): Expression[][] {
  const isReset = policy.tunnel !== undefined && resets(policy.tunnel, without);
  return [
    [oifname('lo'), accept],
    ...toUplink(policy, without),
    ...policy.links.flatMap((link) => [...output4(link, isReset, without), ...output6(link, isReset, without)]),
    ...toTunnel(policy, without),
    [count('dropped_output'), drop],
  ];
}

function chain(
  name: Chain,
  type: 'filter' | 'nat',
  prio: number,
  policy: 'accept' | 'drop',
  hook: string = name,
): Expression {
  return { chain: { family: FAMILY, table: TABLE, name, type, hook, prio, policy } };
}

function add(object: { readonly [key: string]: Json }): Expression {
  return { add: object };
}
