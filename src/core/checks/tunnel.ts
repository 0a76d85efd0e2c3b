/** Check `tunnel`: the pinned server, and only it, answered at the pinned place, lately, and data went both ways. */
import { type Check, FRESH_GATEWAY, type Opinion, refuted, unknown, verified } from './check.ts';
import type { Snapshot } from './snapshot.ts';
import type { TunnelFacts } from './tunnel-facts.ts';
import { judgeIpsec } from './tunnel-ipsec.ts';
import { judgeOpenConnect } from './tunnel-openconnect.ts';
import { judgeOpenVpn } from './tunnel-openvpn.ts';
import { judgeWireGuard } from './tunnel-wireguard.ts';

export type { TunnelFacts } from './tunnel-facts.ts';

/** Of each tunnel, the outermost first. */
export const tunnelCheck: Check<readonly TunnelFacts[]> = {
  name: 'tunnel',
  trust: {
    gatewayCouldFake: "the server's key or certificate, the session's age and the byte counters",
    hostWitness: 'the guard lets frames out to the pinned endpoint only; the exit check is encrypted from end to end',
  },
  judge,
};

/** A chain is as good as its worst hop. */
function judge(hops: readonly TunnelFacts[]): Opinion {
  const [first, ...more] = hops;
  if (first === undefined) return unknown('there is no tunnel that could be judged', 'vmgate up');
  const { beneath = [], tunnel } = first.after.facts;
  if (beneath.length !== more.length) {
    const found = [...beneath, tunnel].map((each) => `found ${each === null ? 'none' : `${each.kind} ${each.ifname}`}`);
    return refuted('the gateway has another number of tunnels than the chain', FRESH_GATEWAY, found);
  }
  const opinions = hops.map((facts, index) => judgeOne(beneath[index] ?? tunnel, facts));
  if (more.length === 0) return opinions[0] ?? unknown('there is no tunnel that could be judged', 'vmgate up');
  const place = (index: number) => `hop ${index + 1} of ${hops.length}`;
  const worst = opinions.findIndex(({ outcome }) => outcome === 'refuted');
  const failed = worst >= 0 ? worst : opinions.findIndex(({ outcome }) => outcome !== 'verified');
  const opinion = opinions[failed];
  if (opinion !== undefined) return { ...opinion, summary: `${place(failed)}: ${opinion.summary}` };
  const evidence = opinions.flatMap((each, index) => each.evidence.map((line) => `${place(index)}: ${line}`));
  return verified('each pinned VPN server of the chain answers and data goes both ways', evidence);
}

function judgeOne(tunnel: Snapshot['facts']['tunnel'], facts: TunnelFacts): Opinion {
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
