/**
 * What the gateway's one forced command, `vmgate-gw VERB`, answers. Settings go in on stdin, one JSON document comes
 * out; `vmgate-gw serve` does so again and again ({@link ResidentShell}). Everything here is a guest's word: bounded and
 * parsed, believed only where a host-side witness agrees.
 *
 * Verbs: `hello`, `apply` (stdin: nft JSON, whole ruleset, one transaction), `uplink` (configures the uplink, DHCP if
 * planned), `tunnel` (stdin: {@link renderTunnelSettings}), `inside` (stdin: its public lines), `untunnel`, `lease` (stdin: interface names, one a line),
 * `unlease`, `portal` (instead of a tunnel: the way to a portal), `lookup` (stdin: resolver, question in base64), `counts`,
 * `facts` (counts and all else), `clock` (stdin: epoch milliseconds), `logs`.
 */
import * as z from 'zod';
import { MAX_HOPS } from '../core/policy/chain.ts';
import { nftDocument, statefulOf } from './stateful.ts';

/** Longest answer accepted, bytes. */
export const MAX_ANSWER = 1_048_576;

/** Every verb, and how long the host waits for it, milliseconds. Generous: under TCG a process start costs 50 ms. */
export const VERBS = {
  hello: 5_000,
  apply: 10_000,
  uplink: 20_000,
  tunnel: 10_000,
  inside: 10_000,
  untunnel: 5_000,
  lease: 5_000,
  unlease: 5_000,
  counts: 10_000,
  facts: 10_000,
  portal: 5_000,
  lookup: 8_000,
  clock: 5_000,
  logs: 10_000,
} as const;
export type Verb = keyof typeof VERBS;

const text = z.string().max(512);
const count = z.number().nonnegative();

export const hello = z.object({
  v: z.literal(1),
  bootId: z.string().max(64),
  uptimeMs: count,
  layers: z.array(text).max(16),
});
export type Hello = z.infer<typeof hello>;

const uplinkAddress = z.object({ address: z.ipv4(), prefixLength: z.int().min(0).max(32), nextHop: z.ipv4() });

export const uplinkLease = uplinkAddress.extend({ v: z.literal(1) });
export type UplinkLease = z.infer<typeof uplinkLease>;

/** `expiresMs`: what the kernel says is left of the element's 15 s timeout. */
export const leases = z.object({
  v: z.literal(1),
  leases: z.array(z.object({ ifname: z.string().max(15), expiresMs: count })).max(64),
});
export type Leases = z.infer<typeof leases>;

/** The end of the kernel's log, which the daemons write into too. */
export const logs = z.object({ v: z.literal(1), logs: z.string().max(262_144) });

/** A DNS message, as a resolver of the local network sent it: anything at all. Empty: none came. */
export const lookupAnswer = z.object({ v: z.literal(1), answer: z.base64().max(8_192) });

export const done = z.object({ v: z.literal(1), ok: z.literal(true) });

/** A verb that failed says so itself, with exit status 1. `step` is the command that failed, `detail` its last lines. */
export const failure = z.object({ v: z.literal(1), ok: z.literal(false), step: text, detail: z.string().max(8_192) });

/** As wg(8) shows it. */
const wireguardTunnel = z.object({
  kind: z.literal('wireguard'),
  ifname: z.string().max(15),
  listenPort: z.int(),
  mark: z.int(),
  peers: z
    .array(
      z.object({
        publicKey: z.string().max(64),
        endpoint: z.string().max(64),
        /** Guest epoch milliseconds; 0: never. */
        latestHandshakeMs: count,
        rxBytes: count,
        txBytes: count,
        allowedIps: z.array(z.string().max(64)).max(1_024),
      }),
    )
    .max(16),
});

/** What a client that runs by itself in the gateway is told by. */
const client = {
  ifname: z.string().max(15),
  /** `CONNECTED`, `ENDED`, or a word on the way there. */
  state: z.string().max(32),
  /** Since when, guest epoch milliseconds in whole seconds. */
  sinceMs: count,
  /** Its last words; anybody's. */
  log: z.string().max(8_192),
};

/** As openvpn's management interface tells it (management-notes.txt, 2.6). */
const openvpnTunnel = z.object({
  kind: z.literal('openvpn'),
  ...client,
  /** `NAME=VALUE` lines of the connected session: a server's words. */
  told: z.string().max(16_384),
});

/** As charon's updown plugin and the kernel tell it. */
const ipsecTunnel = z.object({
  kind: z.literal('ipsec'),
  ...client,
  /** `NAME=VALUE` lines of the connected session: a server's words. */
  told: z.string().max(16_384),
  /** `ip xfrm state list nokeys`. */
  states: z.string().max(16_384),
});

/** As openconnect's script and the kernel tell it. */
const openconnectTunnel = z.object({
  kind: z.literal('openconnect'),
  ...client,
  /** `NAME=VALUE` lines of the connected session: a server's words. */
  told: z.string().max(8_192),
  /** Protocol, local and remote address of each socket of its user, as proc(5) writes them. */
  sockets: z.string().max(4_096),
});

const anyTunnel = z.discriminatedUnion('kind', [wireguardTunnel, openvpnTunnel, ipsecTunnel, openconnectTunnel]);

/** What moves by itself and comes with every answer about the gateway. */
const moving = z.object({
  v: z.literal(1),
  bootId: z.string().max(64),
  epochMs: z.number(),
  uptimeMs: count,
  links: z
    .array(
      z.object({
        ifname: z.string().max(15),
        mac: z.string().max(32),
        up: z.boolean(),
        rxPackets: count,
        rxBytes: count,
        txPackets: count,
        txBytes: count,
      }),
    )
    .max(64),
  tunnel: anyTunnel.nullable(),
  /** Those that the tunnel runs through, the outermost first; of a chain alone. */
  beneath: z
    .array(anyTunnel)
    .max(MAX_HOPS - 1)
    .optional(),
});

const stateful = z.object({
  leases: leases.shape.leases,
  /** Named nft counters. */
  counters: z.record(z.string().max(64), z.object({ packets: count, bytes: count })),
});

const still = z.object({
  /** `nft -j list ruleset`, all families, as it came. */
  ruleset: nftDocument,
  /** `ip -j rule`, `ip -6 -j rule`, `ip -j route show table all`, `ip -6 -j route show table all`. */
  rules4: z.array(z.unknown()).max(256),
  rules6: z.array(z.unknown()).max(256),
  routes4: z.array(z.unknown()).max(1_024),
  routes6: z.array(z.unknown()).max(1_024),
  /**
   * What the uplink is to have: planned, or given by the local network, which may take it back. `routeOptions`: which of
   * DHCP's options that carry routes the network sent along, by number; none of them is used.
   */
  uplink: uplinkAddress.extend({ routeOptions: z.array(z.int().min(1).max(254)).max(8) }).nullable(),
  ipForward: z.boolean(),
  /** net.ipv6.conf.IF.disable_ipv6 for every interface there is. */
  disableIpv6: z.record(z.string().max(15), z.boolean()),
  resolvers: z.array(z.string().max(64)).max(16),
});

/** What moves by itself; cheaper to ask for than {@link gatewayFacts}, which holds it too. */
export const gatewayCounts = moving.extend(stateful.shape);
export type GatewayCounts = z.infer<typeof gatewayCounts>;

export const gatewayFacts = gatewayCounts.extend(still.shape);
export type GatewayFacts = z.infer<typeof gatewayFacts>;

/** `counts` as it comes: nft's own documents, of which the host makes leases and counters. */
export const countsAnswer = moving
  .extend({ counters: nftDocument, open: nftDocument })
  .transform(({ counters, open, ...rest }) => ({ ...rest, ...statefulOf([...counters.nftables, ...open.nftables]) }))
  .pipe(gatewayCounts);

/** `facts` as it comes: the whole ruleset holds leases and counters too. */
export const factsAnswer = moving
  .extend(still.shape)
  .transform((facts) => ({ ...facts, ...statefulOf(facts.ruleset.nftables) }))
  .pipe(gatewayFacts);
