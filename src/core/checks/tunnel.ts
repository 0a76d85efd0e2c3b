/** Check `tunnel`: the pinned server, and only it, answered at the pinned place, lately, and data went both ways. */
import { type Check, FRESH_GATEWAY, type Opinion, refuted } from './check.ts';
import type { TunnelFacts } from './tunnel-facts.ts';
import { judgeIpsec } from './tunnel-ipsec.ts';
import { judgeOpenConnect } from './tunnel-openconnect.ts';
import { judgeOpenVpn } from './tunnel-openvpn.ts';
import { judgeWireGuard } from './tunnel-wireguard.ts';

export type { TunnelFacts } from './tunnel-facts.ts';

export const tunnelCheck: Check<TunnelFacts> = {
  name: 'tunnel',
  trust: {
    gatewayCouldFake: "the server's key or certificate, the session's age and the byte counters",
    hostWitness: 'the guard lets frames out to the pinned endpoint only; the exit check is encrypted from end to end',
  },
  judge,
};

function judge(facts: TunnelFacts): Opinion {
  const { tunnel } = facts.after.facts;
  if (tunnel === null) return refuted('the gateway has no tunnel', FRESH_GATEWAY);
  if (tunnel.kind !== facts.kind) {
    return refuted('the gateway has a tunnel of another kind', FRESH_GATEWAY, [`found ${tunnel.kind}`]);
  }
  switch (tunnel.kind) {
    case 'wireguard':
      return judgeWireGuard(tunnel, facts);
    case 'openvpn':
      return judgeOpenVpn(tunnel, facts);
    case 'ipsec':
      return judgeIpsec(tunnel, facts);
    case 'openconnect':
      return judgeOpenConnect(tunnel, facts);
  }
}
