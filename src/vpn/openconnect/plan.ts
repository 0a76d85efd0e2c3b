/**
 * From a parsed profile to the tunnel plan. The server says the address, and resolvers where nobody else did: both are
 * judged once it is connected (assigned.ts). Routes of IPv4 are the profile's or everything, never the server's to say.
 */
import { X509Certificate } from 'node:crypto';
import { VmgateError } from '../../core/coded.ts';
import { errors } from '../codes.ts';
import { authoritiesText, printsOf } from '../key-material.ts';
import type { Companions, PlannedProfile, ProfileOptions } from '../kind.ts';
import { at } from '../positions.ts';
import { chosenResolvers } from '../resolvers.ts';
import type { PossibleIpv6, TunnelPlan } from '../tunnel-plan.ts';
import { type OpenConnectProfile, type OpenConnectSettings, parseOpenConnect } from './parse.ts';
import { ANYCONNECT } from './protocols.ts';
import { sealOpenConnect } from './secrets.ts';

/**
 * Of the tunnel's interface, for an uplink of 1500 bytes, so that no datagram is ever fragmented: DTLS 1.2 with AES-CBC and
 * SHA-1 puts 95 bytes around a packet (IPv4 20, UDP 8, record 13, vector 16, tag 20, padding 17 at most, type 1).
 */
const MTU = 1_400;

/**
 * Reads and judges a profile. `file` is the name errors say.
 *
 * @throws VmgateError with a `VPN_*` code; nothing else, whatever the bytes are.
 */
export function planOpenConnect(
  profile: Uint8Array | string,
  file: string,
  options: ProfileOptions,
  companions: Companions,
  nowMs: number,
): PlannedProfile {
  const parsed = parseOpenConnect(profile, file, companions, nowMs);
  const { settings, notices, end } = parsed;
  const { protocol, host, port, address, client, pins, challenge } = settings;
  const routes = routesOf(parsed, file, options);
  const possibleIpv6 = possibleIpv6Of(settings, options);
  const login = loginOf(parsed, file, options);
  const plan: TunnelPlan = {
    kind: 'openconnect',
    ...(protocol === ANYCONNECT ? {} : { dialect: protocol.label }),
    endpoint: { host: address ?? host, port, protocol: 'tcp', shape: 'openconnect', datagrams: settings.dtls },
    alternatives: [],
    peerIdentity: identityText(settings),
    certificates: {
      authorities: printsOf(settings.authorities),
      pinned: [],
      keys: pins,
    },
    ...(challenge === undefined ? {} : { challenge: { question: challenge, echo: true } }),
    login: client === undefined ? 'login' : 'certificate',
    assigned: true,
    addresses: [],
    routes,
    possibleIpv6,
    split: options.split,
    resolvers: chosenResolvers(options.dns, [], routes, at(file, end)),
    searchDomains: [],
    mtu: Math.min(settings.mtu ?? MTU, MTU),
  };
  const sealed = sealOpenConnect({ settings: { ...settings, ipv6: possibleIpv6 !== undefined }, login });
  return { plan, publicKey: clientIdentity(settings, login), secrets: sealed, notices };
}

function routesOf({ settings, end }: OpenConnectProfile, file: string, { split }: ProfileOptions): readonly string[] {
  if (!split) return ['0.0.0.0/0'];
  if (settings.routes.length === 0) throw VmgateError.of(errors.VPN_OC_ROUTES_MISSING, at(file, end));
  return settings.routes;
}

/** A tunnel of parts has those of IPv6 that the profile names; one that takes everything what its server carries. */
function possibleIpv6Of({ ipv6, routes6 }: OpenConnectSettings, { split }: ProfileOptions): PossibleIpv6 | undefined {
  if (!ipv6 || (split && routes6.length === 0)) return undefined;
  return { routes: split ? routes6 : [], serverRoutes: !split };
}

function loginOf(
  { settings, end }: OpenConnectProfile,
  file: string,
  { login }: ProfileOptions,
): ProfileOptions['login'] {
  const { user, client } = settings;
  if (login === undefined) {
    if (client !== undefined && user === undefined) return undefined;
    throw VmgateError.of(errors.VPN_OC_LOGIN_UNKNOWN, at(file, end));
  }
  if (user !== undefined && user !== login.user) throw VmgateError.of(errors.VPN_OC_USER_OTHER, at(file, end));
  return login;
}

function identityText({ host, pins, authorities }: OpenConnectSettings): string {
  if (pins.length > 0) return `the key ${pins.slice(0, 2).join(' or ')}`;
  return `a certificate for ${host} by ${authoritiesText(printsOf(authorities))}`;
}

/** Who the server knows this client as, in one gate at a time: the key of its certificate, or its login there. */
function clientIdentity({ host, client }: OpenConnectSettings, login: ProfileOptions['login']): string {
  const [own] = client?.certificates ?? [];
  if (own === undefined) return `${login?.user ?? ''} at ${host}`;
  return new X509Certificate(own).publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
}
