/**
 * The configuration of the gateway's client, written from {@link OpenVpnSettings} alone: an option of the profile that is
 * not named here has no effect. The client opens its socket and its interface and nothing else; addresses, routes and
 * names that the server sends are told, judged on the host and set by the gateway (openvpn(8), 2.6).
 */
import type { Remote } from './remotes.ts';
import type { OpenVpnSettings } from './settings.ts';

/** Authenticated ones, the order OpenVPN has them in: nothing else unless the profile names it. */
const DATA_CIPHERS = 'AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305';

/** How long a server may take until its first answer, seconds; and for the whole handshake. */
const ANSWER_SECONDS = 8;
const HANDSHAKE_SECONDS = 10;

/**
 * What a server may say: the address, names, what the data channel needs, and how soon silence is noticed. Everything
 * else is ignored by name before it is read: routes of IPv4, gateways, scripts' variables. Compression only as its empty framing.
 */
const HEARD = [
  ...['ifconfig ', 'topology ', 'route-gateway ', 'dhcp-option ', 'tun-mtu ', 'peer-id ', 'cipher ', 'key-derivation '],
  // Not for its sake: what it carries of IPv6 is told by them, and `route-noexec` keeps them from having any effect.
  ...['ifconfig-ipv6 ', 'route-ipv6 ', 'redirect-gateway '],
  ...['protocol-flags ', 'auth-token', 'ping ', 'ping-restart ', 'comp-lzo no', 'compress stub'],
];

export interface ClientSocket {
  /** The pinned literal address. */
  readonly address: string;
  readonly port: number;
  readonly protocol: Remote['protocol'];
  readonly localPort: number;
  readonly mark: number;
}

/** Holds keys: for the gateway's stdin alone. Line by line, `\n` at the end. */
export function renderConfig(settings: OpenVpnSettings, socket: ClientSocket): string {
  const { wrap, verifyName, key } = settings;
  const lines = [
    'client',
    ...[
      'dev-type tun',
      'disable-dco',
      'ifconfig-noexec',
      'route-noexec',
      'script-security 0',
      'persist-tun',
      'persist-key',
    ],
    ...['user nobody', 'group nogroup', 'verb 2', 'suppress-timestamps'],
    `proto ${socket.protocol === 'udp' ? 'udp4' : 'tcp4-client'}`,
    `remote ${socket.address} ${socket.port}`,
    // One socket, one attempt: the policy knows its port, and whatever comes next is the host's to decide.
    ...['bind', `lport ${socket.localPort}`, `mark ${socket.mark}`],
    ...['remap-usr1 SIGTERM', 'connect-retry-max 1', 'resolv-retry 0', `connect-timeout ${ANSWER_SECONDS}`],
    ...[`hand-window ${HANDSHAKE_SECONDS}`, 'auth-retry none'],
    ...HEARD.map((text) => `pull-filter accept "${text}"`),
    'pull-filter ignore ""',
    `tls-version-min ${settings.tlsVersionMin ?? '1.2'}`,
    ...(settings.certProfile === undefined ? [] : [`tls-cert-profile ${settings.certProfile}`]),
    `data-ciphers ${ciphersOf(settings)}`,
    ...(settings.cipher === undefined ? [] : [`data-ciphers-fallback ${settings.cipher}`]),
    ...(settings.auth === undefined ? [] : [`auth ${settings.auth}`]),
    ...identityLines(settings),
    ...(verifyName === undefined ? [] : [`verify-x509-name ${quoted(verifyName.name)} ${verifyName.type}`]),
    ...block('ca', settings.ca),
    ...block('cert', settings.cert),
    ...block('extra-certs', settings.extraCerts),
    ...block('key', key === undefined ? [] : [key]),
    ...(wrap === undefined ? [] : block(wrap.option, [wrap.key])),
    ...(wrap?.direction === undefined ? [] : [`key-direction ${wrap.direction}`]),
    ...(settings.login ? ['auth-user-pass'] : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** `cipher` alone was how profiles before 2.4 said it. */
export function ciphersOf({ dataCiphers, cipher }: OpenVpnSettings): string {
  const list = (dataCiphers ?? DATA_CIPHERS).split(':');
  return [...new Set(cipher === undefined ? list : [...list, cipher.toUpperCase()])].join(':');
}

/**
 * That the certificate is a server's: without any of these rules every other client of the same authority could pass for
 * the server, which OpenVPN only warns of.
 */
function identityLines({ purpose, verifyName, fingerprints }: OpenVpnSettings): readonly string[] {
  const pinned = fingerprints.length > 0 ? block('peer-fingerprint', fingerprints.map(withColons)) : [];
  if (purpose !== undefined && purpose !== 'server') return [`remote-cert-eku ${quoted(purpose)}`, ...pinned];
  const unsaid = purpose === undefined && (verifyName !== undefined || fingerprints.length > 0);
  return unsaid ? pinned : ['remote-cert-tls server', ...pinned];
}

function block(option: string, parts: readonly string[]): readonly string[] {
  return parts.length === 0 ? [] : [`<${option}>`, ...parts.map((part) => part.trim()), `</${option}>`];
}

function withColons(hex: string): string {
  return (hex.match(/../g) ?? []).join(':');
}

/** A word in openvpn(8)'s double quotes; control characters were refused before. */
export function quoted(word: string): string {
  return `"${word.replace(/[\\"]/g, '\\$&')}"`;
}
