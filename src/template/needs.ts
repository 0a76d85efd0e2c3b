/** Whether a VPN profile is the one that a template asks for. */
import { isDeepStrictEqual } from 'node:util';
import type { VpnNeeds } from './vpn.ts';

/** A profile, in the words of a template. */
export interface FoundVpn {
  readonly kind: string;
  readonly endpoint: string;
  /** What the server must prove, in words: a key alone, or `a certificate by the authority sha256:HEX, name "vpn"`. */
  readonly peer: string;
  readonly split: boolean;
  /** Empty: whoever the server names, if it names any. */
  readonly dns: readonly string[];
  readonly allowedIps: readonly string[];
}

export interface UnmetNeed {
  readonly key: string;
  readonly needed: string;
  readonly found: string;
}

/** The first need that a profile does not meet. */
export function unmetNeed(needs: VpnNeeds, found: FoundVpn): UnmetNeed | undefined {
  const key = (['kind', 'endpoint', 'split'] as const).find(
    (each) => needs[each] !== undefined && needs[each] !== found[each],
  );
  if (key !== undefined) return { key, needed: String(needs[key]), found: String(found[key]) };
  const { peer, dns, allowedIps } = needs;
  if (peer !== undefined && !isThatPeer(peer, found)) return { key: 'peer', needed: peer, found: found.peer };
  if (allowedIps !== undefined && !isDeepStrictEqual(allowedIps.toSorted(), found.allowedIps.toSorted())) {
    return { key: 'allowedIps', needed: allowedIps.join(', '), found: found.allowedIps.join(', ') };
  }
  if (dns === undefined) return undefined;
  const needed = dns.join(', ');
  // WireGuard's servers name no resolver.
  if (found.dns.length === 0 && found.kind !== 'wireguard')
    return { key: 'dns', needed, found: 'what the server says' };
  return found.dns.every((address) => dns.includes(address))
    ? undefined
    : { key: 'dns', needed, found: found.dns.join(', ') };
}

/** A profile that takes one more authority or certificate than the template names would take another server too. */
function isThatPeer(needed: string, { kind, peer }: FoundVpn): boolean {
  if (kind === 'wireguard') return needed === peer;
  const prints = peer.match(/pin-sha256:[A-Za-z0-9+/]+=?|sha256:[0-9a-f]+/g) ?? [];
  return prints.length === 1 && prints[0] === needed;
}
