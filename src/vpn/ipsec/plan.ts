/**
 * From what a profile says to the tunnel plan. The server says the address, and resolvers where nobody else did: both are
 * judged once it is connected. What the client asks to be carried is the profile's or everything; a server that carries less
 * gets less, and the rest is dropped.
 */
import { createHash } from 'node:crypto';
import { VmgateError } from '../../core/coded.ts';
import { errors } from '../codes.ts';
import { fingerprintOf, listDigest } from '../key-material.ts';
import type { PlannedProfile, ProfileOptions } from '../kind.ts';
import { chosenResolvers } from '../resolvers.ts';
import type { PossibleIpv6, TunnelPlan } from '../tunnel-plan.ts';
import { networkOf, parsePrefix } from '../values.ts';
import type { IkeDraft } from './draft.ts';
import { readCertificates, readKey } from './material.ts';
import { readProfile } from './read.ts';
import { sealIpsec } from './secrets.ts';
import type { IkeCredentials, IkeSettings } from './settings.ts';

/**
 * Of the tunnel's interface, for an uplink of 1500 bytes, so that nothing is ever fragmented: ESP in UDP with AES-CBC and
 * SHA-512 puts at most 97 bytes around a packet (IPv4 20, UDP 8, ESP 8, vector 16, padding 17, tag 32 at the longest).
 */
const MTU = 1_400;

/**
 * swanctl.conf(5): what is broken, and groups below 2048 bits. GMAC encrypts nothing: charon takes it for a cipher of ESP
 * whose packets anybody can read (RFC 4543).
 */
const WEAK =
  /^(3?des|null|aes\d*gmac|cast128|blowfish\d*|rc\d|md5|md5_128|prfmd5|modp(768|1024|1536|1024s160|null)|ecp192)$/;
/** Ciphers that prove by themselves that nobody changed a packet, and what has to stand beside the others. */
const SEALING = /^(aes|camellia)\d+(gcm|ccm)\d*$|^chacha20poly1305/;
const INTEGRITY = /^(sha|aesxcbc|aescmac|camelliaxcbc)/;

/**
 * Reads and judges a profile. `file` is the name errors say.
 *
 * @throws VmgateError with a `VPN_*` code; nothing else, whatever the bytes are.
 */
export function planIpsec(
  profile: Uint8Array | string,
  file: string,
  options: ProfileOptions,
  nowMs: number,
): PlannedProfile {
  const draft = readProfile(profile, file);
  refuseWeak(draft);
  const proof = proofOf(draft, nowMs);
  // Last, so that nobody types a password for a profile that is of no use.
  const networks = networksOf(draft);
  const routes = routesOf(networks, draft, options);
  const possibleIpv6 = possibleIpv6Of(networks, draft, options);
  const credentials = credentialsOf(draft, options, nowMs);
  const serverId = draft.serverId ?? draft.server;
  const settings: IkeSettings = {
    serverId,
    credentials,
    authorities: proof.authorities,
    pinned: proof.pinned,
    networks: [...routes, ...(possibleIpv6?.routes ?? [])],
    ike: draft.ike,
    esp: draft.esp,
  };
  const plan: TunnelPlan = {
    kind: 'ipsec',
    endpoint: { host: draft.server.toLowerCase(), port: draft.port, protocol: 'udp', shape: 'ipsec' },
    alternatives: [],
    peerIdentity: `${serverId} with ${proof.words}`,
    serverId,
    login: credentials.auth === 'psk' ? 'key' : credentials.auth === 'eap-mschapv2' ? 'login' : 'certificate',
    assigned: true,
    addresses: [],
    routes,
    possibleIpv6: possibleIpv6 && { ...possibleIpv6, routes: options.split ? possibleIpv6.routes : [] },
    split: options.split,
    resolvers: chosenResolvers(options.dns, draft.dns, routes, draft.placeOf('dns')),
    searchDomains: [...new Set(draft.search)],
    mtu: Math.min(draft.mtu ?? MTU, MTU),
  };
  return { plan, publicKey: clientIdentity(credentials, draft), secrets: sealIpsec(settings), notices: draft.notices };
}

function refuseWeak({ ike, esp, placeOf }: IkeDraft): void {
  for (const field of ['ike', 'esp'] as const) {
    const proposals = (field === 'ike' ? ike : esp).map((text) => text.split('-'));
    const weak = proposals.flat().find((word) => WEAK.test(word));
    if (weak !== undefined) throw VmgateError.of(errors.VPN_IKE_WEAK, { ...placeOf(field), algorithm: weak });
    // Of ESP charon takes one without: whoever is on the way could change what is in the tunnel.
    const isWhole = (words: readonly string[]) =>
      [SEALING, INTEGRITY].some((kind) => words.some((word) => kind.test(word)));
    if (!proposals.every(isWhole)) {
      const expected = 'a cipher with a hash beside it (aes256-sha256), or one that needs none (aes256gcm16)';
      throw VmgateError.of(errors.VPN_IKE_VALUE, { ...placeOf(field), key: field, expected });
    }
  }
}

function credentialsOf(draft: IkeDraft, { login }: ProfileOptions, nowMs: number): IkeCredentials {
  const { auth, id, placeOf } = draft;
  const missing = (key: 'psk' | 'certificate' | 'key') =>
    VmgateError.of(errors.VPN_IKE_KEY_MISSING, { ...placeOf(key), key });
  switch (auth) {
    case 'psk':
      if (draft.psk === undefined) throw missing('psk');
      return { auth, id, psk: draft.psk };
    case 'eap-mschapv2': {
      const user = login?.user ?? draft.user;
      const password = login?.password ?? draft.password;
      if (user === undefined || password === undefined) {
        throw VmgateError.of(errors.VPN_IKE_LOGIN_UNKNOWN, placeOf('user'));
      }
      return { auth, id, user, password };
    }
    case 'certificate':
    case 'eap-tls': {
      if (draft.certificate === undefined) throw missing('certificate');
      if (draft.key === undefined) throw missing('key');
      const read = readCertificates(draft.certificate, 'certificate', placeOf('certificate'), nowMs);
      const [own] = read;
      if (own === undefined) throw missing('certificate');
      const key = readKey(draft.key, placeOf('key'), own);
      return { auth, id, certificates: read.map(String), key };
    }
  }
}

interface Proof {
  readonly authorities: readonly string[];
  readonly pinned: readonly string[];
  readonly words: string;
}

/** What proves the server. A certificate that is no authority's can only be its own. */
function proofOf({ auth, authority, placeOf }: IkeDraft, nowMs: number): Proof {
  if (auth === 'psk') return { authorities: [], pinned: [], words: 'the pre-shared key' };
  if (authority === undefined) throw VmgateError.of(errors.VPN_IKE_AUTHORITY_MISSING, placeOf('authority'));
  const read = readCertificates(authority, 'authority', placeOf('authority'), nowMs);
  const authorities = read.filter(({ ca }) => ca);
  const pinned = read.filter(({ ca }) => !ca);
  const prints = read.map(fingerprintOf);
  const words =
    prints.length > 1
      ? `a certificate of one of ${prints.length} (list sha256:${listDigest(prints)})`
      : `a certificate ${authorities.length > 0 ? 'by the authority' : 'that is'} sha256:${prints[0]}`;
  return { authorities: authorities.map(String), pinned: pinned.map(String), words };
}

function networksOf({ routes }: IkeDraft): readonly string[] {
  return [...new Set(routes.flatMap((text) => parsePrefix(text) ?? []).map(networkOf))];
}

function routesOf(networks: readonly string[], { placeOf }: IkeDraft, { split }: ProfileOptions): readonly string[] {
  if (!split) return ['0.0.0.0/0'];
  const routes = networks.filter((network) => !network.includes(':'));
  if (routes.length === 0) throw VmgateError.of(errors.VPN_IKE_ROUTES_MISSING, placeOf('routes'));
  return routes;
}

/** What of IPv6 the server is asked to carry, and may say that it does. */
function possibleIpv6Of(
  networks: readonly string[],
  { ipv6 }: IkeDraft,
  { split }: ProfileOptions,
): PossibleIpv6 | undefined {
  if (!ipv6) return undefined;
  if (!split) return { routes: ['::/0'], serverRoutes: true };
  const routes = networks.filter((network) => network.includes(':'));
  return routes.length === 0 ? undefined : { routes, serverRoutes: false };
}

/** Who the server knows this client as, in one gate at a time. */
function clientIdentity(credentials: IkeCredentials, { server }: IkeDraft): string {
  switch (credentials.auth) {
    case 'psk':
      return `${credentials.id ?? 'whoever has the key'} at ${server}`;
    case 'eap-mschapv2':
      return `${credentials.user} at ${server}`;
    default: {
      const [own = ''] = credentials.certificates;
      return createHash('sha256').update(own).digest('base64');
    }
  }
}
