/**
 * Check `tunnel` for OpenConnect: the client is connected, since this connect began, to a server at the pinned place that
 * proved a key the profile asks for; and none of its sockets leads elsewhere. Certificate and name were the client's to
 * judge, by the same profile.
 */
import { readSession, readSockets } from '../openconnect-session.ts';
import { FRESH_GATEWAY, type Opinion, refuted } from './check.ts';
import type { Snapshot } from './snapshot.ts';
import { differs, judgeSession, misplaced, notConnected, RETRY, type TunnelFacts } from './tunnel-facts.ts';

type OpenConnectTunnel = Extract<Snapshot['facts']['tunnel'], { kind: 'openconnect' }>;

const PIN = /^pin-sha256:[A-Za-z0-9+/]{43}=$/;

/** `tunnel` is what `after` holds. */
export function judgeOpenConnect(tunnel: OpenConnectTunnel, facts: TunnelFacts): Opinion {
  const { policy, endpoint, certificates } = facts;
  if (tunnel.state !== 'CONNECTED') return notConnected(tunnel);
  const session = readSession(tunnel.told);
  const elsewhere = misplaced(
    { ifname: tunnel.ifname, endpoint: session.serverAddress },
    { ifname: policy.ifname, endpoint: endpoint.address },
  );
  if (elsewhere !== undefined) return elsewhere;
  const keys = certificates?.keys ?? [];
  if (!PIN.test(session.pin) || (keys.length > 0 && !keys.includes(session.pin))) {
    const who = differs('key', session.pin, keys[0] ?? 'one that was proved');
    return refuted('the VPN server is not the one of the profile', FRESH_GATEWAY, who);
  }
  const place = `${endpoint.address}:${endpoint.port}`;
  const sockets = readSockets(tunnel.sockets);
  const astray = sockets.filter(
    ({ protocol, localPort, remoteAddress, remotePort }) =>
      `${remoteAddress}:${remotePort}` !== place || (protocol === 'udp' && localPort !== policy.localPort),
  );
  if (astray.length > 0) {
    const seen = astray.map((one) => `${one.protocol} ${one.localPort} to ${one.remoteAddress}:${one.remotePort}`);
    return refuted('the VPN client has a socket that leads elsewhere', FRESH_GATEWAY, seen);
  }
  if (!sockets.some(({ protocol }) => protocol === 'tcp')) {
    return refuted('the VPN client has no connection to its server', RETRY, [`sockets: ${sockets.length}`]);
  }
  return judgeSession(tunnel.sinceMs, facts);
}
