/** Codes for what goes wrong between a VPN's client and its server. `why`, `value`: a server's words, or the network's. */
import { error } from '../core/coded.ts';

const network = { exit: 4, source: 'environment' } as const;
const server = { endpoint: '198.51.100.10:1194/udp' };
const keepsTrying = 'vmgate keeps trying, vmgate down ends it';

export const sessionErrors = {
  VPN_LOGIN_REFUSED: error<{ endpoint: string }>({
    ...network,
    what: ({ endpoint }) => `the VPN server ${endpoint} refused the user name, the password or the one-time code`,
    remedy: () =>
      'with a new code: vmgate up; with another name or password: vmgate down; vmgate vpn remove NAME; then add the profile again with the right ones: vmgate vpn add NAME FILE --user USER',
    sample: server,
  }),
  VPN_PSK_REFUSED: error<{ endpoint: string }>({
    ...network,
    what: ({ endpoint }) =>
      `the VPN server ${endpoint} and the profile have different pre-shared keys, or it does not know the name (id) of this client`,
    remedy: () => `get a new profile from your administrator; ${keepsTrying}`,
    sample: { endpoint: '198.51.100.10:4500/udp' },
  }),
  VPN_CODE_NEEDED: error<{ question: string }>({
    ...network,
    what: ({ question }) => `the VPN server asks for a one-time code at each connect: ${question}`,
    remedy: () => 'vmgate up   (asks for it; --code-file FILE reads it, - from stdin); vmgate down ends it',
    sample: { question: 'Code from your phone' },
  }),
  VPN_SERVER_EXPIRED: error<{ endpoint: string }>({
    ...network,
    what: ({ endpoint }) => `the VPN server ${endpoint} shows a certificate that has expired`,
    remedy: () =>
      `its administrator has to renew it; if it is valid, this machine's clock is wrong: check: date; ${keepsTrying}`,
    sample: server,
  }),
  VPN_SERVER_EARLY: error<{ endpoint: string }>({
    ...network,
    what: ({ endpoint }) => `the VPN server ${endpoint} shows a certificate that is not valid yet`,
    remedy: () => `this machine's clock is wrong, or the server's: check: date; ${keepsTrying}`,
    sample: server,
  }),
  VPN_SERVER_UNPROVED: error<{ endpoint: string; why: string }>({
    ...network,
    what: ({ endpoint, why }) => `what answers at ${endpoint} is not the VPN server of the profile: ${why}`,
    remedy: () =>
      `somebody may stand between, or the profile is old: use another network, or get a new profile; ${keepsTrying}`,
    sample: { ...server, why: 'VERIFY ERROR: depth=0, error=unable to get local issuer certificate: CN=server' },
  }),
  VPN_CLIENT_REFUSED: error<{ endpoint: string; why: string }>({
    ...network,
    what: ({ endpoint, why }) => `the VPN server ${endpoint} does not accept the certificate of the profile: ${why}`,
    remedy: () => `ask your administrator for a new profile; ${keepsTrying}`,
    sample: { ...server, why: 'it says the certificate expired' },
  }),
  VPN_SERVER_DISAGREES: error<{ endpoint: string; why: string }>({
    ...network,
    what: ({ endpoint, why }) => `the VPN server ${endpoint} and the profile do not fit together: ${why}`,
    remedy: () => `get a new profile from your administrator; ${keepsTrying}`,
    sample: { ...server, why: 'OPTIONS ERROR: failed to negotiate cipher with server' },
  }),
  VPN_ASSIGNED_INVALID: error<{ what: string; value: string; why: string }>({
    ...network,
    what: ({ what, value, why }) => `the VPN server gives ${JSON.stringify(value)} as ${what}: refused, ${why}`,
    remedy: ({ what }) =>
      what === 'a DNS server'
        ? 'add the profile with a resolver inside the tunnel: vmgate vpn add NAME FILE --dns ADDR'
        : "ask the server's administrator",
    sample: { what: 'a DNS server', value: '127.0.0.1', why: 'it means this machine itself, RFC 1122' },
  }),
  VPN_ASSIGNED_NO_DNS: error<Record<string, never>>({
    ...network,
    what: () =>
      'neither the profile nor the VPN server names a DNS server; work VMs resolve names only through the tunnel, so they could resolve nothing',
    remedy: () => 'add the profile again with one inside the tunnel: vmgate vpn add NAME FILE --dns ADDR',
    sample: {},
  }),
};
