/**
 * From a parsed profile to the tunnel plan: what the profile as a whole must have.
 *
 * Several peers: exactly one has an Endpoint. It is the exit: its key is the identity to prove, its AllowedIPs are the
 * routes. A gate has one exit and the uplink lets packets out to one pinned address, so a second Endpoint is refused.
 * Peers without Endpoint are configured as written, because WireGuard picks the peer by the longest prefix: leaving one
 * out would hand its traffic to the exit instead. Nobody can reach them, so what is meant for them is dropped.
 */

import { type CodedEvent, occur, VmgateError } from '../../core/coded.ts';
import { ipv4ToNumber } from '../../core/ipv4.ts';
import { errors, events } from '../codes.ts';
import { MAX_DNS, type PlannedProfile, type ProfileOptions } from '../kind.ts';
import { at } from '../positions.ts';
import type { TunnelPlan } from '../tunnel-plan.ts';
import { coversAddress, coversEverything, formatPrefix, networkOf, type Prefix } from '../values.ts';
import { planIpv6 } from './ipv6.ts';
import { publicKeyOf } from './keys.ts';
import { type PeerSection, type Placed, type Profile, parseProfile } from './parse.ts';
import { sealSecrets } from './secrets.ts';

/** Overhead of WireGuard in IPv6 is 80 bytes; wg-quick's default for a 1500-byte uplink. */
const DEFAULT_MTU = 1_420;

/**
 * Reads and judges a profile. `file` is the name errors say.
 *
 * @throws VmgateError with a `VPN_*` code; nothing else, whatever the bytes are.
 */
export function planWireGuard(profile: Uint8Array | string, file: string, options: ProfileOptions): PlannedProfile {
  const parsed = parseProfile(profile, file);
  const publicKey = publicKeyOf(parsed.interface.privateKey.value);
  checkKeys(parsed, publicKey);
  checkPrefixOwners(parsed);
  const exit = findExit(parsed);
  const routes = exitRoutes(parsed, exit, options);
  const resolvers = chooseResolvers(parsed, exit, options);
  const addresses = parsed.interface.addresses.filter(isIpv4);
  if (addresses.length === 0) {
    throw VmgateError.of(errors.VPN_ADDRESS_IPV4_MISSING, at(file, parsed.interface.header));
  }
  const silent = parsed.peers.filter((peer) => peer !== exit);
  const mtu = parsed.interface.mtu ?? DEFAULT_MTU;
  const { ipv6, notices } = planIpv6(parsed, exit, mtu, options.dns.length > 0);
  const plan: TunnelPlan = {
    kind: 'wireguard',
    endpoint: { host: exit.endpoint.value.host, port: exit.endpoint.value.port, protocol: 'udp', shape: 'wireguard' },
    alternatives: [],
    peerIdentity: exit.publicKey.value,
    assigned: false,
    addresses: addresses.map(({ value }) => formatPrefix(value)),
    routes: routes.prefixes,
    split: routes.split,
    resolvers,
    searchDomains: parsed.interface.searchDomains,
    mtu,
    ...(ipv6 === undefined ? {} : { ipv6 }),
  };
  return {
    plan,
    publicKey,
    secrets: sealSecrets({
      privateKey: parsed.interface.privateKey.value,
      exit: { ...peerSecrets(exit), allowedIps: [...routes.prefixes, ...(ipv6?.routes ?? [])] },
      silent: silent.map((peer) => ({ ...peerSecrets(peer), allowedIps: networks(peer, ipv6 !== undefined) })),
    }),
    notices: [...parsed.notices, ...notices, ...silent.map((peer) => silentNotice(peer, file))],
  };
}

function checkKeys({ file, interface: own, peers }: Profile, ownPublicKey: string): void {
  const seen = new Map<string, number>();
  for (const { publicKey, presharedKey, header } of peers) {
    const swapped = (placed: Placed<string>, key: string, reason: string) =>
      VmgateError.of(errors.VPN_CRYPTO_KEY_SWAPPED, { ...at(file, placed.token), key, reason });
    const isOwn = "it is this profile's own";
    if (publicKey.value === own.privateKey.value) throw swapped(publicKey, 'PublicKey', `${isOwn} private key`);
    if (publicKey.value === ownPublicKey) throw swapped(publicKey, 'PublicKey', `${isOwn} public key`);
    if (presharedKey?.value === own.privateKey.value)
      throw swapped(presharedKey, 'PresharedKey', `${isOwn} private key`);
    if (presharedKey?.value === publicKey.value)
      throw swapped(presharedKey, 'PresharedKey', "it is the peer's public key");
    const firstLine = seen.get(publicKey.value);
    if (firstLine !== undefined)
      throw VmgateError.of(errors.VPN_PEER_REPEATED, { ...at(file, publicKey.token), firstLine });
    seen.set(publicKey.value, header.line);
  }
}

function checkPrefixOwners({ file, peers }: Profile): void {
  const owners = new Map<string, PeerSection>();
  for (const peer of peers) {
    for (const { value, token } of peer.allowedIps) {
      const prefix = networkOf(value);
      const owner = owners.get(prefix) ?? peer;
      if (owner !== peer) {
        throw VmgateError.of(errors.VPN_ROUTES_CLASH, { ...at(file, token), prefix, firstLine: owner.header.line });
      }
      owners.set(prefix, peer);
    }
  }
}

type ExitPeer = PeerSection & { readonly endpoint: NonNullable<PeerSection['endpoint']> };

function findExit({ file, peers, interface: own }: Profile): ExitPeer {
  const [exit, second] = peers.filter((peer): peer is ExitPeer => peer.endpoint !== undefined);
  if (exit === undefined) throw VmgateError.of(errors.VPN_ENDPOINT_MISSING, at(file, peers[0]?.header ?? own.header));
  if (second !== undefined) {
    const payload = { ...at(file, second.endpoint.token), firstLine: exit.endpoint.token.line };
    throw VmgateError.of(errors.VPN_ENDPOINT_SEVERAL, payload);
  }
  return exit;
}

function exitRoutes({ file }: Profile, exit: ExitPeer, { split }: ProfileOptions) {
  if (exit.allowedIps.length === 0) {
    const payload = { ...at(file, exit.header), key: 'AllowedIPs', section: '[Peer]' };
    throw VmgateError.of(errors.VPN_KEY_MISSING, payload);
  }
  const prefixes = networks(exit);
  if (coversEverything(ipv4Of(exit))) return { prefixes: ['0.0.0.0/0'], split: false };
  const token = exit.allowedIps[0]?.token ?? exit.header;
  if (prefixes.length === 0) throw VmgateError.of(errors.VPN_ROUTES_IPV4_MISSING, at(file, token));
  if (split) return { prefixes, split: true };
  throw VmgateError.of(errors.VPN_SPLIT_UNCONFIRMED, { ...at(file, token), routes: prefixes });
}

function chooseResolvers(
  { file, interface: own }: Profile,
  exit: ExitPeer,
  { dns }: ProfileOptions,
): readonly string[] {
  if (dns.length > MAX_DNS) {
    const payload = { ...at(file, own.header), key: '--dns', count: dns.length, limit: MAX_DNS };
    throw VmgateError.of(errors.VPN_LIST_TOO_LONG, payload);
  }
  for (const value of dns) {
    if (ipv4ToNumber(value) === undefined)
      throw VmgateError.of(errors.VPN_DNS_OPTION_INVALID, { value: value.slice(0, 80) });
  }
  const written = own.resolvers.filter(isIpv4).map(({ value, token }) => ({ address: value.address, token }));
  const chosen = dns.length > 0 ? dns.map((address) => ({ address, token: own.header })) : written;
  if (chosen.length === 0) throw VmgateError.of(errors.VPN_DNS_MISSING, at(file, own.header));
  const stray = chosen.find(({ address }) => !coversAddress(ipv4Of(exit), address));
  if (stray !== undefined) {
    throw VmgateError.of(errors.VPN_DNS_OUTSIDE_TUNNEL, { ...at(file, stray.token), resolver: stray.address });
  }
  return [...new Set(chosen.map(({ address }) => address))];
}

function silentNotice(peer: PeerSection, file: string): CodedEvent {
  return occur(events.VPN_PEER_SILENT, { ...at(file, peer.header), routes: networks(peer) });
}

function peerSecrets({ publicKey, presharedKey, keepalive }: PeerSection) {
  return { publicKey: publicKey.value, presharedKey: presharedKey?.value, keepalive };
}

function isIpv4({ value }: Placed<Prefix>): boolean {
  return value.family === 4;
}

function ipv4Of(peer: PeerSection): readonly Prefix[] {
  return peer.allowedIps.filter(isIpv4).map(({ value }) => value);
}

function networks(peer: PeerSection, withIpv6 = false): readonly string[] {
  const prefixes = withIpv6 ? peer.allowedIps.map(({ value }) => value) : ipv4Of(peer);
  return [...new Set(prefixes.map(networkOf))];
}
