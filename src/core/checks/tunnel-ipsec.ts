/**
 * Check `tunnel` for IPsec: charon is connected, since this connect began, to a server at the pinned place that proved to
 * be the one of the profile; and what the kernel encrypts goes there alone, in UDP, by the interface of the tunnel. The
 * proof itself was charon's to judge, by the same profile.
 */
import { type EspState, readSession, readStates } from '../ipsec-session.ts';
import { FRESH_GATEWAY, type Opinion, refuted, unknown } from './check.ts';
import { guestAhead, type Snapshot } from './snapshot.ts';
import { CLOCK_SLACK_MS, carried, differs, judgeTraffic, type TunnelFacts } from './tunnel-facts.ts';

type IpsecTunnel = Extract<Snapshot['facts']['tunnel'], { kind: 'ipsec' }>;

const RETRY = 'check that the VPN server is up and lets this client in, then: vmgate up';

/** `tunnel` is what `after` holds. */
export function judgeIpsec(
  tunnel: IpsecTunnel,
  { policy, endpoint, serverId, connectBeganMs, before, after }: TunnelFacts,
): Opinion {
  if (tunnel.state !== 'CONNECTED') {
    const said = [`state: ${tunnel.state}`, ...tunnel.log.split('\n').slice(-3)];
    return refuted('the VPN server does not answer', RETRY, said);
  }
  const session = readSession(tunnel.told);
  const found = differs('interface', tunnel.ifname, policy.ifname);
  if (found.length > 0) return refuted('the tunnel is not set up as the profile says', FRESH_GATEWAY, found);
  const place = `${endpoint.address}:${endpoint.port}`;
  const moved = differs('endpoint', session.serverAddress, endpoint.address);
  if (moved.length > 0)
    return refuted('the tunnel ends at another place than the pinned endpoint', FRESH_GATEWAY, moved);
  if (serverId === undefined || !isSameIdentity(session.serverId, serverId)) {
    const who = differs('identity', session.serverId, serverId ?? 'none');
    return refuted('the VPN server is not the one of the profile', FRESH_GATEWAY, who);
  }
  const states = readStates(tunnel.states);
  const toServer = (state: EspState) =>
    state.destination === endpoint.address &&
    state.sourcePort === policy.localPort &&
    state.destinationPort === endpoint.port &&
    state.mark === policy.mark;
  const fromServer = (state: EspState) =>
    state.source === endpoint.address &&
    state.sourcePort === endpoint.port &&
    state.destinationPort === policy.localPort;
  const odd = states.filter((state) => !((toServer(state) || fromServer(state)) && state.ifId === IF_ID));
  if (odd.length > 0) {
    const seen = odd.map((state) => `state: ${state.source} to ${state.destination}, port ${state.destinationPort}`);
    return refuted('the gateway encrypts for another place than the pinned endpoint', FRESH_GATEWAY, seen);
  }
  if (!states.some(toServer) || !states.some(fromServer)) {
    return refuted('the tunnel has no keys any more', RETRY, [`states: ${states.length}`]);
  }
  const { middle } = guestAhead(after);
  const ageMs = after.facts.epochMs - tunnel.sinceMs;
  if (ageMs < -CLOCK_SLACK_MS) return unknown('the session begins in the future', FRESH_GATEWAY, [`${ageMs} ms`]);
  if (tunnel.sinceMs - middle < connectBeganMs - CLOCK_SLACK_MS) {
    const since = [`connected ${Math.round(ageMs / 1_000)} s ago`];
    return refuted('the session is older than this connect', FRESH_GATEWAY, since);
  }
  const now = carried(after, policy.ifname);
  const then = before === undefined ? { received: 0, sent: 0 } : carried(before, policy.ifname);
  return judgeTraffic({ received: now.received - then.received, sent: now.sent - then.sent }, place, before);
}

/** The gateway's tun0 has it (kind-ipsec.sh). */
const IF_ID = 1;

/** Names and addresses as they are; a distinguished name is printed with other spaces than it is written with. */
function isSameIdentity(one: string, other: string): boolean {
  const plain = (text: string) => text.replaceAll(/\s*([,=/])\s*/g, '$1').toLowerCase();
  return plain(one) === plain(other);
}
