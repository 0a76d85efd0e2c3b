/**
 * From a parsed profile to the tunnel plan. The server says addresses, and resolvers where nobody else did: they are
 * judged once it is connected (assigned.ts). Routes are the profile's or everything, never the server's to say: a tunnel
 * that takes everything cannot lead around itself.
 */
import { X509Certificate } from 'node:crypto';
import { occur, VmgateError } from '../../core/coded.ts';
import { errors, events } from '../codes.ts';
import { authoritiesText, printsOf } from '../key-material.ts';
import { type Companions, MAX_DNS, type PlannedProfile, type ProfileOptions } from '../kind.ts';
import { at } from '../positions.ts';
import { chosenResolvers } from '../resolvers.ts';
import type { PlannedEndpoint, PossibleIpv6, TunnelPlan } from '../tunnel-plan.ts';
import { ciphersOf } from './config.ts';
import { type OpenVpnProfile, parseOpenVpn } from './parse.ts';
import { sealOpenVpn } from './secrets.ts';
import type { OpenVpnSettings } from './settings.ts';

/**
 * Of the tunnel's interface, for an uplink of 1500 bytes, so that no packet of the client is ever fragmented: 52 bytes
 * around a packet with an authenticated cipher, up to 132 with CBC and the longest HMAC (OpenVPN 2.6, src/openvpn/mtu.c).
 */
const MTU = { authenticated: 1_400, others: 1_360 };

/**
 * Reads and judges a profile. `file` is the name errors say.
 *
 * @throws VmgateError with a `VPN_*` code; nothing else, whatever the bytes are.
 */
export function planOpenVpn(
  profile: Uint8Array | string,
  file: string,
  options: ProfileOptions,
  companions: Companions,
  nowMs: number,
): PlannedProfile {
  const parsed = parseOpenVpn(profile, file, companions, nowMs);
  const { settings, notices } = parsed;
  const [endpoint, ...alternatives] = endpointsOf(parsed, file);
  if (settings.login && options.login === undefined) {
    throw VmgateError.of(errors.VPN_OVPN_LOGIN_UNKNOWN, at(file, parsed.end));
  }
  const routes = routesOf(parsed, file, options);
  const plan: TunnelPlan = {
    kind: 'openvpn',
    endpoint,
    alternatives,
    peerIdentity: identityText(settings),
    certificates: { authorities: printsOf(settings.ca), pinned: settings.fingerprints },
    ...(settings.challenge === undefined ? {} : { challenge: settings.challenge }),
    assigned: true,
    addresses: [],
    routes,
    possibleIpv6: possibleIpv6(settings, options),
    split: options.split,
    resolvers: chosenResolvers(options.dns, settings.dns, routes, at(file, parsed.end)),
    searchDomains: [...new Set(settings.searchDomains)].slice(0, MAX_DNS),
    mtu: Math.min(settings.tunMtu ?? 1_500, mtuFor(settings)),
  };
  const login = settings.login ? options.login : undefined;
  const strict =
    settings.purpose === undefined && settings.verifyName === undefined && settings.fingerprints.length === 0;
  return {
    plan,
    publicKey: clientIdentity(settings, options, endpoint),
    secrets: sealOpenVpn({ settings, login }),
    notices: [...notices, ...(strict ? [occur(events.VPN_OVPN_SERVER_PURPOSE, at(file, parsed.end))] : [])],
  };
}

function endpointsOf({ remotes, end }: OpenVpnProfile, file: string): [PlannedEndpoint, ...PlannedEndpoint[]] {
  const [first, ...others] = remotes.map((remote): PlannedEndpoint => ({ ...remote, shape: 'openvpn' }));
  if (first === undefined) throw VmgateError.of(errors.VPN_OVPN_REMOTE_MISSING, at(file, end));
  return [first, ...others];
}

function routesOf({ settings, end }: OpenVpnProfile, file: string, { split }: ProfileOptions): readonly string[] {
  if (!split) return ['0.0.0.0/0'];
  if (settings.routes.length === 0) throw VmgateError.of(errors.VPN_OVPN_ROUTES_MISSING, at(file, end));
  return [...new Set(settings.routes)];
}

/** A tunnel of parts has those of IPv6 that the profile names; one that takes everything what its server carries. */
function possibleIpv6({ ipv6, routes6 }: OpenVpnSettings, { split }: ProfileOptions): PossibleIpv6 | undefined {
  if (ipv6 === 'none' || (split && routes6.length === 0)) return undefined;
  return { routes: !split && ipv6 === 'all' ? ['::/0'] : routes6, serverRoutes: !split };
}

function mtuFor(settings: OpenVpnSettings): number {
  const plain = ciphersOf(settings)
    .split(':')
    .every((cipher) => /(-GCM|POLY1305)$/i.test(cipher));
  return plain ? MTU.authenticated : MTU.others;
}

function identityText({ ca, fingerprints, verifyName }: OpenVpnSettings): string {
  return [
    ...(ca.length > 0 ? [`a certificate by ${authoritiesText(printsOf(ca))}`] : []),
    ...(fingerprints.length > 0 ? [`the certificate sha256:${fingerprints.slice(0, 2).join(', sha256:')}`] : []),
    ...(verifyName === undefined ? [] : [`${verifyName.type} ${JSON.stringify(verifyName.name)}`]),
  ].join(', ');
}

/** Who the server knows this client as: the key of its certificate, or its login there. */
function clientIdentity(settings: OpenVpnSettings, { login }: ProfileOptions, { host }: PlannedEndpoint): string {
  const [own] = settings.cert;
  if (own !== undefined)
    return new X509Certificate(own).publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  return `${login?.user ?? ''} at ${host}`;
}
