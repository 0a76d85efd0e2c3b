/**
 * Check `routes`: rules, routes, forwarding and cards are those the policy needs; anything else that could lead out is
 * refused, whether the firewall would stop it or not (TunnelVision and TunnelCrack are routes nobody asked for).
 */
import * as z from 'zod';
import type { LinkPlan } from '../link-plan.ts';
import { carriersOf, isKnownByUser, tableOf, userOf } from '../policy/chain.ts';
import { type EgressPolicy, inForce } from '../policy/egress-policy.ts';
import { type Check, FRESH_GATEWAY, type Opinion, refuted, unknown, verified } from './check.ts';
import { hopWays, judgeRoute, missingHopRoutes, missingRoutes, route, route6 } from './route-entries.ts';
import type { FullSnapshot } from './snapshot.ts';

export interface RoutesFacts {
  readonly policy: EgressPolicy;
  readonly plan: LinkPlan;
  /** The gateway's own addresses inside the tunnel, CIDR. */
  readonly tunnelAddresses: readonly string[];
  readonly snapshot: FullSnapshot;
}

export const routesCheck: Check<RoutesFacts> = {
  name: 'routes',
  trust: {
    gatewayCouldFake: 'every line of it',
    hostWitness: 'the guard lets nothing out but the VPN socket, whatever the routes are; canaries try the ways out',
  },
  judge,
};

const CONNECTS_AGAIN = 'vmgate connects again by itself; vmgate status shows how far it is';

/** Routing table that only packets of the VPN socket look into. */
const UPLINK_TABLE = '51';

/** Strict: a selector vmgate never sets (`iif`, `not`, `fwmask`, `suppress_prefixlength`) must not be overlooked. */
const rule = z.strictObject({
  priority: z.int().nonnegative(),
  src: z.literal('all'),
  fwmark: z.string().optional(),
  uid_start: z.int().nonnegative().optional(),
  uid_end: z.int().nonnegative().optional(),
  table: z.string(),
  protocol: z.string().optional(),
});
type Rule = z.infer<typeof rule>;

function judge(facts: RoutesFacts): Opinion {
  const { plan, tunnelAddresses, snapshot } = facts;
  const policy = inForce(facts.policy);
  const { tunnel, uplink } = policy;
  if (tunnel === undefined || uplink.nextHop === undefined) {
    return unknown('there is no tunnel whose routes could be judged', 'vmgate up');
  }
  const { uplink: held } = snapshot.facts;
  if (held?.address !== uplink.address || held?.nextHop !== uplink.nextHop) {
    // Not the gateway's fault, so not refuted: the same gateway is connected again.
    return unknown('the local network took its address back or gave another', CONNECTS_AGAIN, [
      `connected with ${uplink.address}, router ${uplink.nextHop}`,
      held === null ? 'now there is none' : `now it is ${held.address}, router ${held.nextHop}`,
    ]);
  }
  const { rules4, rules6, routes4, routes6 } = snapshot.facts;
  const wanted = [...tunnel.routes, ...(tunnel.ipv6?.routes ?? [])];
  const ways = {
    tunnel: tunnel.ifname,
    tunnelPrefixes: [...wanted, ...tunnelAddresses, ...tunnel.resolvers],
    hops: hopWays(policy),
    uplink: plan.uplink.ifname,
    uplinkTable: UPLINK_TABLE,
    nextHop: uplink.nextHop,
    links: policy.links,
  };
  const marks = carriersOf(policy).map(({ socket: { mark }, endpoints }) => ({
    mark,
    user: userOf(mark),
    isByUser: endpoints.some(isKnownByUser),
    table: String(tableOf(mark) ?? UPLINK_TABLE),
  }));
  const routes = [
    ...routes4.map((entry) => route.safeParse(entry)),
    ...routes6.map((entry) => route6.safeParse(entry)),
  ];
  const read = routes.flatMap(({ data }) => (data === undefined ? [] : [data]));
  const wrong = [
    ...[...routes4, ...routes6].filter((_, at) => routes[at]?.success !== true).map((entry) => strange('route', entry)),
    ...read.flatMap((entry) => judgeRoute(entry, ways)),
    ...missingRoutes(read, wanted, ways),
    ...missingHopRoutes(read, ways),
    ...judgeRules('IPv4', rules4, marks),
    ...judgeRules('IPv6', rules6, []),
    ...judgeCards(policy, plan, [...ways.hops.map(({ ifname }) => ifname), tunnel.ifname], snapshot),
  ];
  if (wrong.length > 0) return refuted('not every way leads into the tunnel', FRESH_GATEWAY, wrong);
  const into = wanted.join(', ');
  return verified(`every way leads into the tunnel${offeredRoutes(held.routeOptions)}`, [
    `${into} by ${tunnel.ifname}`,
    ...ways.hops.map(({ ifname }, index) => `VPN socket of hop ${index + 2} by ${ifname}`),
    `VPN socket by ${uplink.nextHop}`,
  ]);
}

/**
 * A network that sends routes changes nothing here, but the user should know it: with another VPN client the same routes
 * lead single addresses around the tunnel, or nowhere (TunnelVision's side channel).
 */
function offeredRoutes(options: readonly number[]): string {
  if (options.length === 0) return '';
  return `; this network sent routes of its own (DHCP option ${options.join(', ')}), which are ignored`;
}

/** What leads a VPN socket's packets to their table. */
interface MarkRule {
  readonly mark: number;
  /** Who sends what has no mark there, and whether that is how this socket is known. */
  readonly user: number;
  readonly isByUser: boolean;
  readonly table: string;
}

/** `wanted`: a rule for each. */
function judgeRules(family: string, listed: readonly unknown[], wanted: readonly MarkRule[]): readonly string[] {
  const wrong: string[] = [];
  const rules: Rule[] = [];
  for (const entry of listed) {
    const { data } = rule.safeParse(entry);
    if (data === undefined) wrong.push(strange(`${family} rule`, entry));
    else rules.push(data);
  }
  const isFor =
    ({ mark, table: expected }: MarkRule) =>
    ({ fwmark, uid_start: first, table }: Rule) =>
      Number(fwmark) === mark && first === undefined && table === expected;
  // Of a client that cannot mark its sockets; the same gateway has both, and the firewall asks which.
  const isForUser =
    ({ user, table: expected }: MarkRule) =>
    ({ fwmark, uid_start: first, uid_end: last, table }: Rule) =>
      fwmark === undefined && first === user && last === user && table === expected;
  for (const entry of rules) {
    const anybody = entry.fwmark === undefined && entry.uid_start === undefined && entry.uid_end === undefined;
    const plain = anybody && ['local', 'main', 'default'].includes(entry.table);
    const ours = wanted.some((each) => isFor(each)(entry) || isForUser(each)(entry));
    if (!plain && !ours) wrong.push(strange(`${family} rule`, entry));
  }
  if (wanted.length === 0) return wrong;
  const main = rules.find(({ table }) => table === 'main');
  if (main === undefined) wrong.push(`${family} rule: nothing looks into table main`);
  for (const each of wanted) {
    const leading = rules.find(each.isByUser ? isForUser(each) : isFor(each));
    if (leading === undefined) wrong.push(`${family} rule: nothing leads the VPN socket to table ${each.table}`);
    else if (main !== undefined && leading.priority >= main.priority) {
      wrong.push(`${family} rule: the VPN socket's rule comes after table main`);
    }
  }
  return wrong;
}

/** Interfaces a kernel has without anybody asking, and the two names that stand for all of them. */
const BYSTANDERS = ['lo', 'all', 'default'];

function judgeCards(
  policy: EgressPolicy,
  plan: LinkPlan,
  tunnels: readonly string[],
  { facts }: FullSnapshot,
): readonly string[] {
  const links = [...plan.work, plan.probe];
  const macs = new Map([[plan.uplink.ifname as string, plan.uplink.mac]]);
  for (const { ifname, gatewayMac } of links) macs.set(ifname, gatewayMac);
  const speaking = new Set(policy.links.flatMap(({ ifname, ipv6 }) => (ipv6 === undefined ? [] : [ifname])));
  const wrong = facts.ipForward ? [] : ['ip_forward is off'];
  for (const [ifname, mac] of macs) {
    const card = facts.links.find((link) => link.ifname === ifname);
    if (card === undefined) wrong.push(`${ifname}: missing`);
    else if (!card.up) wrong.push(`${ifname}: down`);
    else if (card.mac !== mac) wrong.push(`${ifname}: MAC ${card.mac} instead of ${mac}`);
    if (facts.disableIpv6[ifname] !== !speaking.has(ifname)) {
      wrong.push(`${ifname}: IPv6 is ${speaking.has(ifname) ? 'switched off' : 'not switched off'}`);
    }
  }
  for (const tunnel of tunnels) {
    if (!facts.links.some(({ ifname, up }) => ifname === tunnel && up)) wrong.push(`${tunnel}: missing or down`);
  }
  const named = new Set([...facts.links.map(({ ifname }) => ifname), ...Object.keys(facts.disableIpv6)]);
  for (const ifname of named) {
    if (!macs.has(ifname) && !tunnels.includes(ifname) && !BYSTANDERS.includes(ifname))
      wrong.push(`${ifname}: not ours`);
  }
  return wrong;
}

function strange(what: string, entry: unknown): string {
  return `${what} not ours: ${JSON.stringify(entry)}`;
}
