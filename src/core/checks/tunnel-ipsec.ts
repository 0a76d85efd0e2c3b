/**
 * Check `tunnel` for IPsec: charon is connected, since this connect began, to a server at the pinned place that proved to
 * be the one of the profile; and what the kernel encrypts goes there alone, in UDP, by the interface of the tunnel. The
 * proof itself was charon's to judge, by the same profile.
 */
import { type EspState, readSession, readStates } from '../ipsec-session.ts';
import { FRESH_GATEWAY, type Opinion, refuted } from './check.ts';
import type { Snapshot } from './snapshot.ts';
import { differs, judgeSession, misplaced, notConnected, RETRY, type TunnelFacts } from './tunnel-facts.ts';

type IpsecTunnel = Extract<Snapshot['facts']['tunnel'], { kind: 'ipsec' }>;

/** `tunnel` is what `after` holds. */
export function judgeIpsec(tunnel: IpsecTunnel, facts: TunnelFacts): Opinion {
  const { policy, endpoint, serverId } = facts;
  if (tunnel.state !== 'CONNECTED') return notConnected(tunnel);
  const session = readSession(tunnel.told);
  const elsewhere = misplaced(
    { ifname: tunnel.ifname, endpoint: session.serverAddress },
    { ifname: policy.ifname, endpoint: endpoint.address },
  );
  if (elsewhere !== undefined) return elsewhere;
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
  return judgeSession(tunnel.sinceMs, facts);
}

/** The tunnel's interface has it (kind-ipsec.sh). */
const IF_ID = 1;

/** Names and addresses as they are; a distinguished name is printed with other spaces than it is written with. */
function isSameIdentity(one: string, other: string): boolean {
  const plain = (text: string) => text.replaceAll(/\s*([,=/])\s*/g, '$1').toLowerCase();
  return plain(one) === plain(other);
}
