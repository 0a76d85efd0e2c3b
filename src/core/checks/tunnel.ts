/** Check `tunnel`: the pinned peer, and only it, answered at the pinned place, lately, and data went both ways. */
import type { Endpoint, TunnelPolicy } from '../policy/egress-policy.ts';
import { type Check, FRESH_GATEWAY, type Opinion, refuted, unknown, verified } from './check.ts';
import { guestAhead, type Snapshot } from './snapshot.ts';

/** WireGuard's REJECT_AFTER_TIME: no packet is sent or accepted under an older session (whitepaper, section 6.1). */
export const MAX_HANDSHAKE_AGE_MS = 180_000;
/** How wg(8) shows a peer nobody can reach: a profile may have such ones beside the exit (src/vpn/wireguard/plan.ts). */
const NO_ENDPOINT = '(none)';
/** `wg show latest-handshakes` counts in whole seconds and the two clocks may differ by the `clock` check's bound. */
const CLOCK_SLACK_MS = 3_000;

export interface TunnelFacts {
  readonly policy: TunnelPolicy;
  /** The address and port that were resolved, judged and pinned for this connect. */
  readonly endpoint: Endpoint;
  /** Public key of the far end, base64, from the profile. */
  readonly peerIdentity: string;
  /** Host wall clock when this connect began. */
  readonly connectBeganMs: number;
  /** Before the probes; undefined in the cheap loop, which asks once. */
  readonly before: Snapshot | undefined;
  readonly after: Snapshot;
}

export const tunnelCheck: Check<TunnelFacts> = {
  name: 'tunnel',
  trust: {
    gatewayCouldFake: "the peer's key, the handshake's age and the byte counters",
    hostWitness: 'the guard lets frames out to the pinned endpoint only; the exit check is encrypted from end to end',
  },
  judge,
};

type Peer = NonNullable<Snapshot['facts']['tunnel']>['peers'][number];

function judge({ policy, endpoint, peerIdentity, connectBeganMs, before, after }: TunnelFacts): Opinion {
  const { tunnel } = after.facts;
  if (tunnel === null) return refuted('the gateway has no tunnel', FRESH_GATEWAY);
  const wrong = [
    ...differs('interface', tunnel.ifname, policy.ifname),
    ...differs('port', tunnel.listenPort, policy.localPort),
    ...differs('mark', tunnel.mark, policy.mark),
  ];
  if (wrong.length > 0) return refuted('the tunnel is not set up as the profile says', FRESH_GATEWAY, wrong);
  const [peer, twin] = tunnel.peers.filter(({ publicKey }) => publicKey === peerIdentity);
  const others = tunnel.peers.filter(({ publicKey }) => publicKey !== peerIdentity);
  const reached = others.filter((other) => other.endpoint !== NO_ENDPOINT || other.latestHandshakeMs !== 0);
  if (peer === undefined || twin !== undefined || reached.length > 0) {
    const found = tunnel.peers.map(({ publicKey, endpoint: at }) => `peer: found ${publicKey} at ${at}`);
    return refuted('the tunnel ends at another peer', FRESH_GATEWAY, [...found, `expected ${peerIdentity} alone`]);
  }
  const place = differs('endpoint', peer.endpoint, `${endpoint.address}:${endpoint.port}`);
  if (place.length > 0) return refuted('the tunnel moved away from the pinned endpoint', FRESH_GATEWAY, place);
  return judgeHandshake(peer, after, connectBeganMs) ?? judgeBytes(peer, before?.facts.tunnel?.peers, before);
}

/** The first reason against the handshake, if there is one. */
function judgeHandshake(peer: Peer, after: Snapshot, connectBeganMs: number): Opinion | undefined {
  const retry = 'check that the VPN server is up and knows this key, then: vmgate up';
  if (peer.latestHandshakeMs === 0) return refuted('the VPN server has not answered', retry);
  const ageMs = after.facts.epochMs - peer.latestHandshakeMs;
  const evidence = [`last handshake: ${Math.round(ageMs / 1_000)} s ago`];
  if (ageMs > MAX_HANDSHAKE_AGE_MS) return refuted('the VPN server no longer answers', retry, evidence);
  if (ageMs < -CLOCK_SLACK_MS) return unknown('the last handshake lies in the future', FRESH_GATEWAY, evidence);
  const onHostClock = peer.latestHandshakeMs - guestAhead(after).middle;
  if (onHostClock < connectBeganMs - CLOCK_SLACK_MS) {
    return refuted('the VPN server has not answered since this connect began', retry, evidence);
  }
  return undefined;
}

function judgeBytes(peer: Peer, earlier: readonly Peer[] | undefined, before: Snapshot | undefined): Opinion {
  const base = earlier?.find(({ publicKey }) => publicKey === peer.publicKey);
  const received = peer.rxBytes - (base?.rxBytes ?? 0);
  const sent = peer.txBytes - (base?.txBytes ?? 0);
  const since = before === undefined ? 'since the tunnel was made' : 'during this verification';
  const evidence = [`received ${received} bytes, sent ${sent} bytes ${since}`];
  if (received <= 0 || sent <= 0) {
    return unknown('data did not go both ways through the tunnel', 'vmgate verify', evidence);
  }
  return verified('the pinned VPN server answers and data goes both ways', [`endpoint: ${peer.endpoint}`, ...evidence]);
}

function differs(what: string, found: string | number, expected: string | number): readonly string[] {
  return found === expected ? [] : [`${what}: found ${found}, expected ${expected}`];
}
