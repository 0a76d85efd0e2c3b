/**
 * Check `tunnel` for OpenVPN: the client is connected, since this connect began, to a server at the pinned place whose
 * certificate is one the profile asks for. The TLS handshake itself was the client's to judge, by the same profile.
 */
import { breaksCertificateRule } from '../certificate-rule.ts';
import { readSession } from '../openvpn-session.ts';
import { FRESH_GATEWAY, type Opinion, refuted } from './check.ts';
import type { Snapshot } from './snapshot.ts';
import { differs, judgeSession, misplaced, notConnected, type TunnelFacts } from './tunnel-facts.ts';

type OpenVpnTunnel = Extract<Snapshot['facts']['tunnel'], { kind: 'openvpn' }>;

/** `tunnel` is what `after` holds. */
export function judgeOpenVpn(tunnel: OpenVpnTunnel, facts: TunnelFacts): Opinion {
  const { policy, endpoint, certificates } = facts;
  if (tunnel.state !== 'CONNECTED') return notConnected(tunnel);
  const session = readSession(tunnel.told);
  const elsewhere = misplaced(
    { ifname: tunnel.ifname, endpoint: `${session.endpoint.address}:${session.endpoint.port}` },
    { ifname: policy.ifname, endpoint: `${endpoint.address}:${endpoint.port}` },
    differs('port', session.localPort, policy.localPort),
  );
  if (elsewhere !== undefined) return elsewhere;
  const broken =
    certificates === undefined ? 'the profile says nothing of it' : breaksCertificateRule(certificates, session.chain);
  if (broken !== undefined) {
    const shown = session.chain.map((digest, depth) => `certificate ${depth}: sha256:${digest}`);
    return refuted(`the VPN server is not the one of the profile: ${broken}`, FRESH_GATEWAY, shown);
  }
  return judgeSession(tunnel.sinceMs, facts);
}
