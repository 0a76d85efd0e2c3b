/**
 * Check `tunnel` for OpenVPN: the client is connected, since this connect began, to a server at the pinned place whose
 * certificate is one the profile asks for. The TLS handshake itself was the client's to judge, by the same profile.
 */
import { breaksCertificateRule } from '../certificate-rule.ts';
import { readSession } from '../openvpn-session.ts';
import { FRESH_GATEWAY, type Opinion, refuted, unknown } from './check.ts';
import { guestAhead, type Snapshot } from './snapshot.ts';
import { CLOCK_SLACK_MS, carried, differs, judgeTraffic, type TunnelFacts } from './tunnel-facts.ts';

type OpenVpnTunnel = Extract<Snapshot['facts']['tunnel'], { kind: 'openvpn' }>;

const RETRY = 'check that the VPN server is up and lets this client in, then: vmgate up';

/** `tunnel` is what `after` holds. */
export function judgeOpenVpn(
  tunnel: OpenVpnTunnel,
  { policy, endpoint, certificates, connectBeganMs, before, after }: TunnelFacts,
): Opinion {
  if (tunnel.state !== 'CONNECTED') {
    return refuted('the VPN server does not answer', RETRY, [
      `state: ${tunnel.state}`,
      ...tunnel.log.split('\n').slice(-3),
    ]);
  }
  const session = readSession(tunnel.told);
  const wrong = [
    ...differs('interface', tunnel.ifname, policy.ifname),
    ...differs('port', session.localPort, policy.localPort),
  ];
  if (wrong.length > 0) return refuted('the tunnel is not set up as the profile says', FRESH_GATEWAY, wrong);
  const place = `${session.endpoint.address}:${session.endpoint.port}`;
  const moved = differs('endpoint', place, `${endpoint.address}:${endpoint.port}`);
  if (moved.length > 0)
    return refuted('the tunnel ends at another place than the pinned endpoint', FRESH_GATEWAY, moved);
  const broken =
    certificates === undefined ? 'the profile says nothing of it' : breaksCertificateRule(certificates, session.chain);
  if (broken !== undefined) {
    const shown = session.chain.map((digest, depth) => `certificate ${depth}: sha256:${digest}`);
    return refuted(`the VPN server is not the one of the profile: ${broken}`, FRESH_GATEWAY, shown);
  }
  const { middle } = guestAhead(after);
  const ageMs = after.facts.epochMs - tunnel.sinceMs;
  if (ageMs < -CLOCK_SLACK_MS) return unknown('the session begins in the future', FRESH_GATEWAY, [`${ageMs} ms`]);
  if (tunnel.sinceMs - middle < connectBeganMs - CLOCK_SLACK_MS) {
    return refuted('the session is older than this connect', FRESH_GATEWAY, [
      `connected ${Math.round(ageMs / 1_000)} s ago`,
    ]);
  }
  const now = carried(after, policy.ifname);
  const then = before === undefined ? { received: 0, sent: 0 } : carried(before, policy.ifname);
  return judgeTraffic({ received: now.received - then.received, sent: now.sent - then.sent }, place, before);
}
