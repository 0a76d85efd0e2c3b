/** Error and event codes of the VPN room. */
import { error, errorCodes, eventCodes } from '../core/coded.ts';
import { chainErrors } from './chain-codes.ts';
import { fileErrors } from './file-codes.ts';
import { ipsecErrors, ipsecEvents } from './ipsec/codes.ts';
import { openconnectErrors, openconnectEvents } from './openconnect/codes.ts';
import { openvpnErrors, openvpnEvents } from './openvpn/codes.ts';
import { sessionErrors } from './session-codes.ts';
import { profileErrors, profileEvents } from './wireguard/codes.ts';

const network = { exit: 4, source: 'environment' } as const;
const user = { exit: 2, source: 'user' } as const;

/** Endpoint lookup: `host` and `address` are hostile text, escaped by whoever prints them. */
const endpointErrors = {
  VPN_ENDPOINT_UNRESOLVED: error<{ host: string; reason: string }>({
    ...network,
    what: ({ host, reason }) => `the VPN endpoint's name ${host} has no IPv4 address: ${reason}`,
    remedy: () => 'connect to a network (a captive portal may be in the way), then: vmgate up',
    sample: { host: 'vpn.acme.example', reason: 'ENOTFOUND' },
  }),
  VPN_ENDPOINT_LOOKUP_TIMEOUT: error<{ host: string; seconds: number }>({
    ...network,
    what: ({ host, seconds }) => `no answer in ${seconds} s to the lookup of the VPN endpoint's name ${host}`,
    remedy: () => "check this machine's network, then: vmgate up; or put the server's address into the profile",
    sample: { host: 'vpn.acme.example', seconds: 5 },
  }),
  VPN_ENDPOINT_FORBIDDEN: error<{ host: string; address: string; meaning: string }>({
    ...network,
    what: ({ host, address, meaning }) =>
      `the VPN endpoint ${host === address ? address : `${host} resolves to ${address}, which`} is refused (${meaning}): no VPN server is there, and some such addresses lead back to this machine`,
    remedy: ({ host, address }) =>
      host === address
        ? "put the VPN server's public address or name into the profile"
        : "the network's resolver may be lying; use another network, or the server's address in the profile",
    sample: { host: 'vpn.acme.example', address: '127.0.0.1', meaning: 'this machine itself, RFC 1122' },
  }),
  VPN_ENDPOINT_PRIVATE: error<{ host: string; address: string; meaning: string }>({
    ...network,
    what: ({ host, address, meaning }) =>
      `the VPN endpoint ${host}${host === address ? '' : ` resolves to ${address}, which`} is inside the local network (${meaning})`,
    remedy: () => 'if your VPN server really is there, put this into vmgate.yaml: endpoint: {allowPrivate: true}',
    sample: { host: 'vpn.acme.example', address: '192.168.1.5', meaning: 'private network, RFC 1918' },
  }),
};

const storeErrors = {
  VPN_DNS_OPTION_INVALID: error<{ value: string }>({
    ...user,
    what: ({ value }) => `--dns ${JSON.stringify(value)} is not an IPv4 address`,
    remedy: () => 'give the address of a resolver inside the tunnel, e.g. --dns 10.64.0.1',
    sample: { value: 'dns.acme.example' },
  }),
  VPN_LOGIN_UNUSED: error<{ kind: string }>({
    ...user,
    what: ({ kind }) => `${kind} knows no user name and password`,
    remedy: () => 'add the profile without --user',
    sample: { kind: 'WireGuard' },
  }),
  VPN_LOGIN_INVALID: error<Record<string, never>>({
    ...user,
    what: () =>
      'the user name (1 to 256 characters) or the password (1 to 1024) is empty, too long, or has control characters',
    remedy: () => 'vmgate vpn add NAME FILE --user USER, and the password in one line',
    sample: {},
  }),
  VPN_NAME_INVALID: error<{ name: string }>({
    ...user,
    what: ({ name }) => `${JSON.stringify(name)} cannot be the name of a VPN profile`,
    remedy: () => 'use 1 to 32 of a-z, 0-9 and "-", beginning with a letter or digit',
    sample: { name: 'My VPN' },
  }),
  VPN_NAME_TAKEN: error<{ name: string }>({
    ...user,
    what: ({ name }) => `a VPN profile named ${name} exists already`,
    remedy: ({ name }) =>
      `to use that one: vmgate init --vpn ${name}; to put another in its place, first: vmgate vpn remove ${name}`,
    sample: { name: 'acme' },
  }),
  VPN_UNKNOWN: error<{ name: string; known: readonly string[] }>({
    ...user,
    what: ({ name, known }) =>
      `no VPN profile is named ${JSON.stringify(name)}; there ${known.length === 0 ? 'is none yet' : `are: ${known.join(', ')}`}`,
    remedy: () => 'vmgate vpn add NAME FILE',
    sample: { name: 'acmee', known: ['acme', 'home'] },
  }),
  VPN_STORED_DAMAGED: error<{ name: string; reason: string }>({
    ...user,
    what: ({ name, reason }) => `the stored VPN profile ${name} is damaged: ${reason}`,
    remedy: ({ name }) => `vmgate vpn remove ${name}, then add it again from your provider's file`,
    sample: { name: 'acme', reason: 'meta.json is not what vmgate wrote' },
  }),
  VPN_STORED_EXPOSED: error<{ file: string; mode: string }>({
    ...user,
    what: ({ file, mode }) => `${file} has mode ${mode}: other users of this machine may have read the VPN key`,
    remedy: ({ file }) => `get a new key from your provider if others use this machine; then: chmod 600 ${file}`,
    sample: { file: '~/.vmgate/vpn/acme/profile.conf', mode: '0644' },
  }),
  VPN_KEY_IN_USE: error<{ gate: string; heldBy: string }>({
    exit: 4,
    source: 'user',
    what: ({ gate, heldBy }) =>
      `gate ${gate} cannot use this VPN key: gate ${heldBy} uses it now, and a VPN server knows one client by it, in one place`,
    remedy: ({ heldBy }) => `vmgate down --gate ${heldBy}, or add a profile with its own key`,
    sample: { gate: 'acme', heldBy: 'default' },
  }),
  VPN_IN_USE: error<{ name: string; heldBy: string }>({
    exit: 4,
    source: 'user',
    what: ({ name, heldBy }) => `the VPN profile ${name} is used by gate ${heldBy}, which is running`,
    remedy: ({ heldBy }) => `vmgate down --gate ${heldBy}, then remove it`,
    sample: { name: 'acme', heldBy: 'default' },
  }),
};

export const errors = errorCodes({
  ...fileErrors,
  ...profileErrors,
  ...openvpnErrors,
  ...ipsecErrors,
  ...openconnectErrors,
  ...endpointErrors,
  ...storeErrors,
  ...sessionErrors,
  ...chainErrors,
});
export const events = eventCodes({ ...profileEvents, ...openvpnEvents, ...ipsecEvents, ...openconnectEvents });
