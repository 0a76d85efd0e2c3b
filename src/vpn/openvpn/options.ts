/** Every option of openvpn(8) that vmgate knows by name: which are read, which have no effect, and which are refused. */
import { errors } from '../codes.ts';
import { type Identified, identify } from '../option-list.ts';
import type { Token } from '../positions.ts';

const SCRIPTS = [
  ...['up', 'down', 'route-up', 'route-pre-down', 'ipchange', 'tls-verify', 'plugin', 'iproute', 'learn-address'],
  ...['client-connect', 'client-disconnect', 'client-crresponse', 'auth-user-pass-verify', 'tls-crypt-v2-verify'],
];

const SERVER = 'it makes a server of what is to be a client';
const CONTROL = 'vmgate alone controls the VPN program of the gateway';
const PROXY = 'the gateway speaks to the VPN server alone, and its firewall knows no other address';
const HARDWARE = 'keys in hardware or other programs cannot be reached from the gateway';
const NO_IDENTITY = 'a shared static key does not prove who the server is';
const READS = 'it would read another file into the profile, which nobody has looked at';
const REFUSED: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      'server',
      'server-bridge',
      'server-ipv6',
      'tls-server',
      'ifconfig-pool',
      'push',
      'client-to-client',
      'client-config-dir',
      'dh',
    ].map((name) => [name, SERVER]),
  ),
  ...Object.fromEntries(
    [
      'management',
      'management-client',
      'management-query-passwords',
      'management-hold',
      'management-external-key',
      'management-external-cert',
    ].map((name) => [name, CONTROL]),
  ),
  ...Object.fromEntries(
    ['http-proxy', 'http-proxy-option', 'http-proxy-user-pass', 'socks-proxy'].map((name) => [name, PROXY]),
  ),
  ...Object.fromEntries(
    ['pkcs12', 'pkcs11-providers', 'pkcs11-id', 'cryptoapicert', 'engine', 'providers'].map((name) => [name, HARDWARE]),
  ),
  config: READS,
  capath: READS,
  askpass: 'a password for a key comes from you, never from a file that a profile names',
  secret: NO_IDENTITY,
  genkey: 'it makes keys instead of a tunnel',
  'auth-gen-token': SERVER,
  'crl-verify': 'lists of revoked certificates are not read: without it one that was taken back counts as any other',
  'verify-hash': 'OpenVPN gives it up; peer-fingerprint pins a server',
  'remote-cert-ku': '"remote-cert-tls server" does its work',
  'tls-remote': 'OpenVPN 2.4 took it away; verify-x509-name does its work',
  'ns-cert-type': 'OpenVPN 2.5 took it away; "remote-cert-tls server" does its work',
  'key-method': 'OpenVPN 2.5 took it away',
  'no-iv': 'OpenVPN 2.5 took it away: it weakened the encryption',
  'no-replay': 'without it anybody on the way can send old packets again',
  'insecure-compat': 'it weakens TLS for old servers',
  'compat-names': 'OpenVPN 2.5 took it away',
  'tls-export-cert': 'it writes files for a script',
  ifconfig: 'the server gives the address inside the tunnel, and what it gives is judged',
  'ifconfig-ipv6': 'the server gives the address inside the tunnel, and what it gives is judged',
};

/** Read by parse.ts. */
const READ = [
  ...[
    'client',
    'tls-client',
    'pull',
    'dev',
    'dev-type',
    'proto',
    'remote',
    'port',
    'rport',
    'remote-random',
    'topology',
  ],
  ...['ca', 'cert', 'key', 'extra-certs', 'tls-auth', 'tls-crypt', 'tls-crypt-v2', 'key-direction', 'peer-fingerprint'],
  ...['auth-user-pass', 'static-challenge', 'remote-cert-tls', 'remote-cert-eku', 'verify-x509-name', 'connection'],
  'tls-cert-profile',
  ...['cipher', 'data-ciphers', 'ncp-ciphers', 'data-ciphers-fallback', 'auth', 'tls-version-min', 'tun-mtu'],
  ...['redirect-gateway', 'redirect-private', 'route', 'route-ipv6', 'block-ipv6', 'route-nopull', 'dhcp-option'],
] as const;
export type Option = (typeof READ)[number];

/** Nothing that vmgate, the gateway's firewall or OpenVPN itself does not decide better. */
const IGNORED = [
  ...['nobind', 'bind', 'local', 'lport', 'persist-key', 'persist-tun', 'persist-local-ip', 'persist-remote-ip'],
  ...['resolv-retry', 'verb', 'mute', 'mute-replay-warnings', 'float', 'user', 'group', 'chroot', 'cd', 'daemon'],
  ...['log', 'log-append', 'syslog', 'status', 'status-version', 'writepid', 'nice', 'fast-io', 'multihome', 'mlock'],
  ...['script-security', 'up-delay', 'up-restart', 'down-pre', 'remote-random-hostname', 'block-outside-dns'],
  ...['register-dns', 'route-method', 'route-delay', 'route-metric', 'route-gateway', 'ip-win32', 'allow-pull-fqdn'],
  ...['ifconfig-nowarn', 'auth-nocache', 'auth-retry', 'connect-retry', 'connect-retry-max', 'connect-timeout'],
  ...['server-poll-timeout', 'hand-window', 'tran-window', 'tls-timeout', 'replay-window', 'sndbuf', 'rcvbuf'],
  ...['tun-mtu-extra', 'link-mtu', 'mtu-disc', 'mtu-test', 'mssfix', 'fragment', 'txqueuelen', 'reneg-sec'],
  ...['reneg-bytes', 'reneg-pkts', 'ping', 'ping-restart', 'ping-exit', 'ping-timer-rem', 'keepalive', 'inactive'],
  ...['explicit-exit-notify', 'push-peer-info', 'setenv', 'setenv-safe', 'pull-filter', 'windows-driver', 'dev-node'],
  ...['tun-ipv6', 'tls-cipher', 'tls-ciphersuites', 'tls-groups', 'ncp-disable', 'tls-exit'],
  ...['single-session', 'machine-readable-output', 'suppress-timestamps', 'errors-to-stderr', 'disable-dco'],
  ...['comp-lzo', 'compress', 'comp-noadapt', 'allow-compression', 'socket-flags', 'passtos', 'mark', 'lladdr'],
  ...['ignore-unknown-option', 'auth-token', 'sockflags', 'remap-usr1', 'dhcp-renew', 'dhcp-release', 'show-net-up'],
];

/** Of the ignored ones, those whose absence somebody may notice. */
const WORTH_TELLING: Readonly<Record<string, string>> = {
  'script-security': 'the gateway runs no script whatever it says',
  float: 'the tunnel ends at the one address that was pinned',
  'comp-lzo': 'nothing is compressed: it lets who can send through the tunnel guess what else is in it (VORACLE)',
  compress: 'nothing is compressed: it lets who can send through the tunnel guess what else is in it (VORACLE)',
  'pull-filter': "what the server says is judged by vmgate's own list",
  'push-peer-info': 'the server need not know this machine',
  'remote-random-hostname': 'the name is looked up as it is written',
};

/** @throws VPN_OVPN_SCRIPT_REFUSED, VPN_OVPN_OPTION_REFUSED, VPN_OVPN_OPTION_UNKNOWN */
export function identifyOption(name: Token, file: string): Identified<Option> {
  return identify(LIST, name, file);
}

const LIST = {
  read: READ,
  ignored: IGNORED,
  worthTelling: WORTH_TELLING,
  scripts: SCRIPTS,
  refused: REFUSED,
  codes: {
    script: errors.VPN_OVPN_SCRIPT_REFUSED,
    refused: errors.VPN_OVPN_OPTION_REFUSED,
    unknown: errors.VPN_OVPN_OPTION_UNKNOWN,
  },
};
