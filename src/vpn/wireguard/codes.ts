/**
 * Codes for what can be wrong in a WireGuard profile. No text or payload ever carries the value of a secret key, nor a
 * line that could not be understood (it may be a key with a typo in front of it).
 */
import { error, event } from '../../core/coded.ts';
import { type At, place } from '../positions.ts';

const sampleAt: At = { file: 'acme.conf', line: 7, column: 1 };
const user = { exit: 2, source: 'user' } as const;
const again = (file: string) => `correct ${file}, then: vmgate vpn add NAME ${file}`;

export const profileErrors = {
  VPN_LINE_GARBLED: error<At>({
    ...user,
    what: (p) => `${place(p)}: this line is neither [Section], nor "Key = value", nor a # comment`,
    remedy: ({ file }) => again(file),
    sample: sampleAt,
  }),
  VPN_SECTION_UNKNOWN: error<At>({
    ...user,
    what: (p) => `${place(p)}: unknown section; WireGuard profiles have [Interface] and [Peer]`,
    remedy: ({ file }) => again(file),
    sample: sampleAt,
  }),
  VPN_SECTION_MISSING: error<At & { section: string }>({
    ...user,
    what: (p) => `${place(p)}: the profile ends without ${p.section}`,
    remedy: () => 'download the complete profile from your provider and add that',
    sample: { ...sampleAt, section: '[Peer]' },
  }),
  VPN_SECTION_REPEATED: error<At & { firstLine: number }>({
    ...user,
    what: (p) => `${place(p)}: a second [Interface] section (the first is in line ${p.firstLine})`,
    remedy: () => 'keep one [Interface] per file; two tunnels are two files and two names',
    sample: { ...sampleAt, firstLine: 1 },
  }),
  VPN_KEY_OUTSIDE_SECTION: error<At>({
    ...user,
    what: (p) => `${place(p)}: a setting before the first [Interface] or [Peer]`,
    remedy: ({ file }) => again(file),
    sample: sampleAt,
  }),
  VPN_KEY_UNKNOWN: error<At & { key: string; section: string; meant?: string }>({
    ...user,
    what: (p) =>
      `${place(p)}: ${p.key === '' ? 'this line does not begin with' : `${p.key} is not`} a setting of ${p.section}`,
    remedy: ({ file, meant }) => (meant === undefined ? `remove the line; ${again(file)}` : `did you mean ${meant}?`),
    sample: { ...sampleAt, key: 'AllowedIP', section: '[Peer]', meant: 'AllowedIPs' },
  }),
  VPN_KEY_MISPLACED: error<At & { key: string; section: string; belongs: string }>({
    ...user,
    what: (p) => `${place(p)}: ${p.key} stands in ${p.section}; it belongs in ${p.belongs}`,
    remedy: ({ key, belongs }) =>
      key === 'PublicKey'
        ? 'put the private key there instead ("PrivateKey = ..."): the public one is derived from it'
        : `move the line to ${belongs}`,
    sample: { ...sampleAt, key: 'PublicKey', section: '[Interface]', belongs: '[Peer]' },
  }),
  VPN_KEY_REPEATED: error<At & { key: string; firstLine: number }>({
    ...user,
    what: (p) => `${place(p)}: ${p.key} again (first in line ${p.firstLine}); it is not clear which one counts`,
    remedy: ({ key }) => `keep one ${key} line in the section`,
    sample: { ...sampleAt, key: 'Endpoint', firstLine: 5 },
  }),
  VPN_KEY_MISSING: error<At & { key: string; section: string }>({
    ...user,
    what: (p) => `${place(p)}: ${p.section} has no ${p.key}`,
    remedy: ({ key, file }) => `add the line "${key} = ..." to ${file}, or download the complete profile`,
    sample: { ...sampleAt, key: 'PrivateKey', section: '[Interface]' },
  }),
  VPN_VALUE_INVALID: error<At & { key: string; value: string; expected: string }>({
    ...user,
    what: (p) => `${place(p)}: ${p.key} ${JSON.stringify(p.value)} is not ${p.expected}`,
    remedy: ({ file }) => again(file),
    sample: { ...sampleAt, key: 'MTU', value: '99999', expected: 'a number from 576 to 1440' },
  }),
  VPN_LIST_TOO_LONG: error<At & { key: string; count: number; limit: number }>({
    ...user,
    what: (p) => `${place(p)}: ${p.count} entries for ${p.key}; at most ${p.limit} are supported`,
    remedy: ({ key, limit }) => `keep at most ${limit} entries for ${key}`,
    sample: { ...sampleAt, key: 'AllowedIPs', count: 900, limit: 512 },
  }),
  VPN_HOOK_REFUSED: error<At & { key: string; reason: string }>({
    ...user,
    what: (p) => `${place(p)}: ${p.key} is refused: ${p.reason}`,
    remedy: ({ key, file }) => `remove the ${key} line from ${file}; vmgate's own firewall and routes do its work`,
    sample: { ...sampleAt, key: 'PostUp', reason: 'vmgate never runs commands from a profile' },
  }),
  VPN_CRYPTO_KEY_INVALID: error<At & { key: string; reason: string }>({
    ...user,
    what: (p) => `${place(p)}: ${p.key} is not a WireGuard key: ${p.reason}`,
    remedy: () => 'copy the key again, whole: 44 characters, the last one "="',
    sample: { ...sampleAt, key: 'PublicKey', reason: '43 characters, must be 44' },
  }),
  VPN_CRYPTO_KEY_SWAPPED: error<At & { key: string; reason: string }>({
    ...user,
    what: (p) => `${place(p)}: ${p.key} is the wrong key: ${p.reason}`,
    remedy: ({ key }) =>
      key === 'PublicKey'
        ? "put the server's public key there; if a private key was shown to others, make a new pair"
        : 'put the preshared key from your provider there, or remove the line',
    sample: { ...sampleAt, key: 'PublicKey', reason: "it is this profile's own private key" },
  }),
  VPN_PEER_REPEATED: error<At & { firstLine: number }>({
    ...user,
    what: (p) => `${place(p)}: the same PublicKey as the peer in line ${p.firstLine}`,
    remedy: () => 'keep one [Peer] section for each server',
    sample: { ...sampleAt, firstLine: 8 },
  }),
  VPN_PEERS_TOO_MANY: error<At & { peers: number; limit: number }>({
    ...user,
    what: (p) => `${place(p)}: ${p.peers} peers; at most ${p.limit} are supported`,
    remedy: () => 'keep the peer that has the Endpoint you connect to',
    sample: { ...sampleAt, peers: 40, limit: 16 },
  }),
  VPN_ROUTES_CLASH: error<At & { prefix: string; firstLine: number }>({
    ...user,
    what: (p) => `${place(p)}: AllowedIPs ${p.prefix} belongs to the peer in line ${p.firstLine} already`,
    remedy: () => 'give each prefix to one peer; WireGuard would silently use only the last',
    sample: { ...sampleAt, prefix: '10.0.0.0/8', firstLine: 6 },
  }),
  VPN_SPLIT_UNCONFIRMED: error<At & { routes: readonly string[] }>({
    ...user,
    what: (p) =>
      `${place(p)}: not a full tunnel: only ${p.routes.slice(0, 8).join(', ')} would go into it, everything else would be dropped`,
    remedy: ({ file }) =>
      `if that is meant: vmgate vpn add NAME ${file} --split; for a full tunnel: AllowedIPs = 0.0.0.0/0`,
    sample: { ...sampleAt, routes: ['10.20.0.0/16'] },
  }),
  VPN_DNS_MISSING: error<At>({
    ...user,
    what: (p) =>
      `${place(p)}: no IPv4 DNS server in the profile; work VMs resolve names only through the tunnel, so they could resolve nothing`,
    remedy: ({ file }) => `vmgate vpn add NAME ${file} --dns ADDR   (a resolver reachable inside the tunnel)`,
    sample: sampleAt,
  }),
  VPN_DNS_OUTSIDE_TUNNEL: error<At & { resolver: string }>({
    ...user,
    what: (p) => `${place(p)}: the DNS server ${p.resolver} is in no AllowedIPs prefix, so the tunnel never reaches it`,
    remedy: ({ file }) => `name one inside the tunnel: vmgate vpn add NAME ${file} --dns ADDR`,
    sample: { ...sampleAt, resolver: '192.168.1.1' },
  }),
  VPN_ADDRESS_IPV4_MISSING: error<At>({
    ...user,
    what: (p) => `${place(p)}: no IPv4 Address; a gate has IPv6 beside IPv4 only`,
    remedy: () => 'ask your provider for a profile with an IPv4 Address',
    sample: sampleAt,
  }),
  VPN_ROUTES_IPV4_MISSING: error<At>({
    ...user,
    what: (p) => `${place(p)}: AllowedIPs has no IPv4 prefix; a gate has IPv6 beside IPv4 only`,
    remedy: () => 'for a full tunnel: AllowedIPs = 0.0.0.0/0, ::/0',
    sample: sampleAt,
  }),
  VPN_ENDPOINT_MISSING: error<At>({
    ...user,
    what: (p) => `${place(p)}: no peer has an Endpoint, so there is nobody to connect to`,
    remedy: () => 'this looks like a server\'s file; use the client\'s, with "Endpoint = HOST:PORT" in its [Peer]',
    sample: sampleAt,
  }),
  VPN_ENDPOINT_SEVERAL: error<At & { firstLine: number }>({
    ...user,
    what: (p) =>
      `${place(p)}: a second peer with an Endpoint (the first is in line ${p.firstLine}); a gate has one exit`,
    remedy: () => 'make one file per Endpoint, add each under its own name, and name one of them in vmgate.yaml',
    sample: { ...sampleAt, firstLine: 9 },
  }),
  VPN_ENDPOINT_IPV6: error<At & { endpoint: string }>({
    ...user,
    what: (p) => `${place(p)}: the Endpoint ${p.endpoint} is an IPv6 address; the uplink is IPv4 now`,
    remedy: () => "use the server's name or IPv4 address: Endpoint = HOST:PORT",
    sample: { ...sampleAt, endpoint: '[2001:db8::1]:51820' },
  }),
};

/** Things in a profile that are accepted but have no effect; shown once, when it is added, and by `show`. */
export const profileEvents = {
  VPN_SETTING_IGNORED: event<At & { key: string; reason: string }>({
    level: 'warn',
    text: (p) => `${place(p)}: ${p.key} is ignored: ${p.reason}`,
    sample: { ...sampleAt, key: 'ListenPort', reason: 'the gateway chooses its own port' },
  }),
  VPN_IPV6_NOT_FORWARDED: event<At & { key: string; value: string; why: string }>({
    level: 'info',
    text: (p) =>
      `${place(p)}: ${p.key} ${p.value} is not used: ${p.why}; what would need it is refused, never sent in clear`,
    sample: { ...sampleAt, key: 'AllowedIPs', value: '::/0', why: 'the profile has no IPv6 Address' },
  }),
  VPN_PEER_SILENT: event<At & { routes: readonly string[] }>({
    level: 'warn',
    text: (p) =>
      `${place(p)}: a peer without Endpoint cannot be reached; what goes to ${p.routes.join(', ')} is dropped`,
    sample: { ...sampleAt, routes: ['10.9.0.0/24'] },
  }),
  VPN_PRIVATE_KEY_UNUSUAL: event<At>({
    level: 'warn',
    text: (p) => `${place(p)}: this PrivateKey is not of the form "wg genkey" makes; is it a public key by mistake?`,
    sample: sampleAt,
  }),
};
