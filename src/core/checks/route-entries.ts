/** Judges single lines of `ip -j route show table all`, both families alike. */
import * as z from 'zod';
import { carriersOf, tableOf, UPLINK } from '../policy/chain.ts';
import type { EgressPolicy, PolicyLink } from '../policy/egress-policy.ts';
import { canonicalPrefix, within } from './prefix.ts';

const EVERYWHERE = '0.0.0.0/0';
const EVERYWHERE6 = '::/0';
/** What every card with IPv6 has, and leads to its neighbours alone. */
const LINK_LOCAL = 'fe80::/64';

/** What the policy wants of the routing tables. */
export interface Ways {
  /** Interface of the tunnel. */
  readonly tunnel: string;
  /** What may be routed into it, CIDR or bare addresses. */
  readonly tunnelPrefixes: readonly string[];
  /** Tunnels that the tunnel runs through, and the table that leads the next one's packets there. */
  readonly hops: readonly HopWay[];
  readonly uplink: string;
  readonly uplinkTable: string;
  readonly nextHop: string;
  readonly links: readonly PolicyLink[];
}

export interface HopWay {
  readonly ifname: string;
  readonly table: string;
}

export function hopWays(policy: EgressPolicy): readonly HopWay[] {
  return carriersOf(policy)
    .filter(({ ifname }) => ifname !== UPLINK)
    .map(({ ifname, socket }) => ({ ifname, table: String(tableOf(socket.mark)) }));
}

/** With these keys iproute2 names a second way in the same route: none is ever set here. */
const absent = z.undefined().optional();

/** iproute2 says `default` in both families. */
const destination = (everywhere: string) => z.string().transform((dst) => (dst === 'default' ? everywhere : dst));

export const route = z.object({
  dst: destination(EVERYWHERE),
  type: z.string().default('unicast'),
  table: z.string().default('main'),
  dev: z.string().optional(),
  gateway: z.string().optional(),
  nexthops: absent,
  nhid: absent,
  via: absent,
  encap: absent,
});
export type Route = z.infer<typeof route>;

/** {@link route} of `ip -6`. */
export const route6 = route.extend({ dst: destination(EVERYWHERE6) });

/** Types that end a packet's way or deliver it to the gateway itself, whatever the table. */
const LEADS_NOWHERE = ['unreachable', 'blackhole', 'prohibit'];
const DELIVERS_HERE = ['local', 'broadcast', 'anycast', 'multicast'];

/** What is wrong with the route, in at most one line. */
export function judgeRoute(entry: Route, ways: Ways): readonly string[] {
  const { type, table, dev, dst } = entry;
  if (LEADS_NOWHERE.includes(type)) return [];
  if (DELIVERS_HERE.includes(type)) return table === 'local' || type === 'multicast' ? [] : [strange(entry)];
  if (type !== 'unicast') return [strange(entry)];
  if (dev === 'lo' && dst === '::1') return [];
  if (dev === ways.tunnel) return table === 'main' && mayEnterTunnel(entry, ways) ? [] : [strange(entry)];
  const hop = ways.hops.find(({ ifname }) => ifname === dev);
  if (hop !== undefined) return isHopRoute(entry, hop) ? [] : [strange(entry)];
  if (dev === ways.uplink) return isUplinkRoute(entry, ways) ? [] : [strange(entry)];
  const link = ways.links.find(({ ifname }) => ifname === dev);
  if (link === undefined || table !== 'main' || entry.gateway !== undefined) return [strange(entry)];
  const own = [
    `${link.gateway}/${link.prefixLength}`,
    ...(link.ipv6 === undefined ? [] : [link.ipv6.network, LINK_LOCAL]),
  ];
  return own.some((prefix) => within(dst, prefix)) ? [] : [strange(entry)];
}

/** Prefixes the policy routes into the tunnel for which the main table has no such route. */
export function missingRoutes(routes: readonly Route[], wanted: readonly string[], ways: Ways): readonly string[] {
  const there = routes.filter(({ dev, table, type }) => dev === ways.tunnel && table === 'main' && type === 'unicast');
  return wanted
    .filter((prefix) => !there.some(({ dst }) => canonicalPrefix(dst) === canonicalPrefix(prefix)))
    .map((prefix) => `no route for ${prefix} into ${ways.tunnel}`);
}

/**
 * What the next hop's packets need: their way, and behind it nothing. Without the second they would look for another way as
 * soon as the hop's interface is gone.
 */
export function missingHopRoutes(routes: readonly Route[], { hops }: Ways): readonly string[] {
  return hops.flatMap((hop) => {
    const there = routes.filter(({ table, dst }) => table === hop.table && dst === EVERYWHERE);
    return [
      ...(there.some((entry) => entry.dev === hop.ifname && isHopRoute(entry, hop))
        ? []
        : [`no route of table ${hop.table} into ${hop.ifname}`]),
      ...(there.some(({ type }) => type === 'unreachable')
        ? []
        : [`table ${hop.table} has no end: unreachable default`]),
    ];
  });
}

/** The default route of its own table alone: nobody else's packets are routed into a hop. */
function isHopRoute({ dst, gateway, table, type }: Route, hop: HopWay): boolean {
  return type === 'unicast' && table === hop.table && gateway === undefined && dst === EVERYWHERE;
}

/** Held to the plan, or a split tunnel would swallow the rest. */
function mayEnterTunnel({ dst, gateway }: Route, ways: Ways): boolean {
  if (gateway !== undefined) return false;
  return within(dst, LINK_LOCAL) || ways.tunnelPrefixes.some((prefix) => within(dst, prefix));
}

/** The VPN socket's way: the default route of its own table, and how its router is reached. */
function isUplinkRoute({ dst, gateway, table }: Route, ways: Ways): boolean {
  if (table !== ways.uplinkTable) return false;
  if (gateway === undefined) return canonicalPrefix(dst) === canonicalPrefix(ways.nextHop);
  return dst === EVERYWHERE && gateway === ways.nextHop;
}

function strange(entry: Route): string {
  return `route not ours: ${JSON.stringify(entry)}`;
}
