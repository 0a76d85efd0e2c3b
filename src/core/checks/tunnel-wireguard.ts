/** Check `tunnel` for WireGuard: the pinned peer, and only it, answered at the pinned place, lately. */
import { FRESH_GATEWAY, type Opinion, refuted, unknown } from './check.ts';
import { guestAhead, type Snapshot } from './snapshot.ts';
import { CLOCK_SLACK_MS, differs, judgeTraffic, type TunnelFacts, tunnelNamed } from './tunnel-facts.ts';

/** WireGuard's REJECT_AFTER_TIME: no packet is sent or accepted under an older session (whitepaper, section 6.1). */
const MAX_HANDSHAKE_AGE_MS = 180_000;
/** How wg(8) shows a peer nobody can reach: a profile may have such ones beside the exit (src/vpn/wireguard/plan.ts). */
const NO_ENDPOINT = '(none)';

type WireGuardTunnel = Extract<Snapshot['facts']['tunnel'], { kind: 'wireguard' }>;
type Peer = WireGuardTunnel['peers'][number];

/** `tunnel` is what `after` holds. */
export function judgeWireGuard(
  tunnel: WireGuardTunnel,
  { policy, endpoint, peerIdentity, connectBeganMs, before, after }: TunnelFacts,
): Opinion {
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
  return judgeHandshake(peer, after, connectBeganMs) ?? judgeBytes(peer, policy.ifname, before);
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

function judgeBytes(peer: Peer, ifname: string, before: Snapshot | undefined): Opinion {
  const earlier = before === undefined ? undefined : tunnelNamed(before, ifname);
  const base =
    earlier?.kind === 'wireguard' ? earlier.peers.find(({ publicKey }) => publicKey === peer.publicKey) : undefined;
  const received = peer.rxBytes - (base?.rxBytes ?? 0);
  const sent = peer.txBytes - (base?.txBytes ?? 0);
  return judgeTraffic({ received, sent }, peer.endpoint, before);
}
