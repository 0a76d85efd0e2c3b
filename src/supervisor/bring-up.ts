/**
 * How a tunnel comes up, by kind: the gateway is told to make it, and what is waited for until something may be verified.
 * A kind whose server says what the tunnel's inside is answers with that, judged.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { VmgateError } from '../core/coded.ts';
import { IPV6_LEAST_MTU } from '../core/ipv6.ts';
import { carriersOf, type EgressPolicy } from '../core/policy/index.ts';
import type { GatewayControl } from '../gateway/index.ts';
import { monotonicMs } from '../host/index.ts';
import {
  type JudgedInside,
  type PinnedEndpoint,
  SESSIONS,
  type SessionKind,
  type StoredProfile,
  type TunnelPlan,
} from '../vpn/index.ts';
import { errors } from './codes.ts';
import { withoutIpv6 } from './ipv6.ts';
import { carriedMtu, carries } from './path-mtu.ts';

/** The profile's servers take turns: the next one after each that was not found, or did not let this gate in. */
export function serverAt({ endpoint, alternatives }: TunnelPlan, refusals: number): TunnelPlan['endpoint'] {
  const servers = [endpoint, ...alternatives];
  return servers[refusals % servers.length] ?? endpoint;
}

export interface BringUp {
  readonly control: GatewayControl;
  readonly profile: StoredProfile;
  readonly pinned: PinnedEndpoint;
  readonly policy: EgressPolicy;
  /** Prefixes that mean something on this side of the tunnel. */
  readonly taken: readonly string[];
  readonly signal: AbortSignal;
  /** Hears, in bytes, what the way to the server carries, where that is less than the profile means. */
  readonly onNarrow: (mtu: number, planned: number) => void;
  /** Where that is too little for IPv6: puts a policy without it in force, and gives it. */
  readonly withoutIpv6: (mtu: number) => Promise<EgressPolicy>;
}

/**
 * The inside that the server gave; undefined where the profile says it.
 *
 * @throws GATE_TUNNEL_SILENT, and the kind's own `VPN_*` codes
 */
export function bringUp(way: BringUp): Promise<JudgedInside | undefined> {
  switch (way.profile.plan.kind) {
    case 'wireguard':
      return byAnswer(way);
    case 'openvpn':
    case 'ipsec':
    case 'openconnect':
      return bySession(way, way.profile.plan.kind);
  }
}

/**
 * How long each fresh tunnel interface may take to answer. WireGuard repeats a lost handshake only after 5 s
 * (REKEY_TIMEOUT); a fresh interface sends one at once, so a network that comes back is noticed sooner.
 */
const ANSWER_WINDOWS_MS = [1_500, 2_000, 2_000];
const DNS_PORT = 53;

async function byAnswer(way: BringUp): Promise<undefined> {
  const { control, profile, pinned, policy, signal } = way;
  for (const windowMs of ANSWER_WINDOWS_MS) {
    // The next attempt has another source port: this one's packets would be foreign then.
    signal.throwIfAborted();
    await control.tunnel(profile.plan, profile.secrets, pinned, policy);
    // Beside the first answer: where the way carries what it should, nobody waits for this.
    const isCarried = carries(control, profile.plan, profile.plan.mtu);
    const answer = await answers(control, policy, windowMs);
    if (answer === undefined) continue;
    // Of a resolver that is silent nothing is learnt, and the checks are not kept waiting for it.
    if (answer === 'inside' && !(await isCarried)) await narrow(way);
    return undefined;
  }
  throw silent(pinned, policy, ANSWER_WINDOWS_MS.reduce((sum, windowMs) => sum + windowMs, 0) / 1_000);
}

/** A tunnel of smaller packets, where the way to the server swallows those that the profile means. */
async function narrow(way: BringUp): Promise<void> {
  const { control, profile, pinned, signal, onNarrow } = way;
  const { plan, secrets } = profile;
  const mtu = await carriedMtu(control, plan);
  signal.throwIfAborted();
  if (mtu === plan.mtu) return;
  onNarrow(mtu, plan.mtu);
  const isTooNarrow = plan.ipv6 !== undefined && mtu < IPV6_LEAST_MTU;
  const policy = isTooNarrow ? await way.withoutIpv6(mtu) : way.policy;
  signal.throwIfAborted();
  await control.tunnel({ ...(isTooNarrow ? withoutIpv6(plan) : plan), mtu }, secrets, pinned, policy);
  await answers(control, policy, ANSWER_WINDOWS_MS[0] ?? 0);
}

/**
 * A WireGuard interface is silent until something wants to go through it: a connection to the tunnel's resolver, made by
 * the gateway, asks for the handshake. Any end of it before the window's (a refusal too) came through the tunnel; a
 * resolver that drops TCP leaves the handshake as the sign. Whether anything useful comes back is the checks' matter.
 */
async function answers(
  control: GatewayControl,
  { tunnel }: EgressPolicy,
  windowMs: number,
): Promise<'inside' | 'handshake' | undefined> {
  const [resolver] = tunnel?.resolvers ?? [];
  if (resolver === undefined) throw new Error('a tunnel without resolver');
  const dialled = control.dial(resolver, DNS_PORT).then(
    (stream) => {
      stream.destroy();
      return true;
    },
    () => false,
  );
  if (await Promise.race([dialled, delay(windowMs, false, { ref: false })])) return 'inside';
  const { tunnel: state } = await control.facts();
  const isHeard = state?.kind === 'wireguard' && state.peers.some((peer) => peer.latestHandshakeMs > 0);
  return isHeard ? 'handshake' : undefined;
}

/** The client gives up by itself after 10 s (config.ts of its kind); this is for one that does not, or a slow machine. */
const SESSION_MS = 24_000;
/** To look takes the gateway's processor, which the client wants: it gets twice that at least. */
const LOOK = { leastMs: 250, pauses: 2 } as const;

async function bySession(
  { control, profile, pinned, policy, taken, signal }: BringUp,
  kind: SessionKind,
): Promise<JudgedInside> {
  const { inside, failure } = SESSIONS[kind];
  await control.tunnel(profile.plan, profile.secrets, pinned, policy);
  const began = monotonicMs();
  for (let waitedMs = 0; waitedMs < SESSION_MS; ) {
    signal.throwIfAborted();
    const looked = monotonicMs();
    const { tunnel } = await control.counts();
    if (tunnel?.kind !== kind) throw silent(pinned, policy, Math.round(waitedMs / 1_000));
    if (tunnel.state === 'CONNECTED') return inside(tunnel.told, profile.plan, taken);
    if (tunnel.state === 'ENDED') {
      const refused = failure(tunnel.log, placeOf(pinned, policy), profile.plan);
      throw refused ?? silent(pinned, policy, Math.round(waitedMs / 1_000), tunnel.log);
    }
    await delay(Math.max(LOOK.leastMs, LOOK.pauses * (monotonicMs() - looked)), undefined, { ref: false });
    waitedMs = monotonicMs() - began;
  }
  throw silent(pinned, policy, SESSION_MS / 1_000);
}

function placeOf({ address, port }: PinnedEndpoint, policy: EgressPolicy): string {
  const endpoint = carriersOf(policy).at(-1)?.endpoints[0];
  return `${address}:${port}/${endpoint?.protocol ?? 'udp'}`;
}

function silent(pinned: PinnedEndpoint, policy: EgressPolicy, seconds: number, log = ''): VmgateError {
  const evidence = log.split('\n').filter((line) => line !== '');
  return VmgateError.of(errors.GATE_TUNNEL_SILENT, { endpoint: placeOf(pinned, policy), seconds }, { evidence });
}
