/** Every option of openconnect(8) that vmgate knows by name: which are read, which have no effect, which are refused. */
import { errors } from '../codes.ts';
import { type Identified, identify } from '../option-list.ts';
import type { Token } from '../positions.ts';

const SCRIPTS = ['script', 'script-tun', 'csd-wrapper', 'csd-user', 'force-trojan', 'external-browser'];

const CONTROL = 'vmgate alone controls the VPN program of the gateway';
const PROXY = 'the gateway speaks to the VPN server alone, and its firewall knows no other address';
const READS = 'it would read another file into the profile, which nobody has looked at';
const SECRET = 'no password and no code belongs in a profile';
const UNPROVED = 'any server could pass for yours';
const SECOND = 'a second factor that lies beside the first is none; with challenge=QUESTION vmgate asks for the code';
const NOT_YET = 'a second certificate is not supported';

const REFUSED: Readonly<Record<string, string>> = {
  config: READS,
  xmlconfig: READS,
  authenticate: CONTROL,
  cookie: CONTROL,
  'cookie-on-stdin': CONTROL,
  cookieonly: CONTROL,
  printcookie: CONTROL,
  proxy: PROXY,
  'proxy-auth': PROXY,
  libproxy: PROXY,
  'http-auth': SECRET,
  'form-entry': SECRET,
  'key-password': SECRET,
  'key-password-from-fsid': SECRET,
  'token-mode': SECOND,
  'token-secret': SECOND,
  'mca-certificate': NOT_YET,
  'mca-key': NOT_YET,
  'mca-key-password': NOT_YET,
  'no-cert-check': UNPROVED,
  'allow-insecure-crypto': 'it lets 3DES and RC4 in, which protect nothing',
  'gnutls-priority': 'it can take the encryption away',
  'dump-http-traffic': 'it writes passwords into the log',
  sni: 'the name in the handshake is the one that the server proves',
};

/** Read by parse.ts. The last two are vmgate's own. */
const READ = [
  ...['server', 'protocol', 'user', 'servercert', 'cafile', 'certificate', 'sslkey', 'authgroup', 'usergroup'],
  ...['resolve', 'no-dtls', 'mtu', 'useragent', 'os', 'version-string', 'no-xmlpost', 'no-http-keepalive', 'pfs'],
  ...['disable-ipv6', 'challenge', 'route'],
] as const;
export type Option = (typeof READ)[number];

/** Nothing that vmgate, the gateway's firewall or the client itself does not decide better. */
const IGNORED = [
  ...['background', 'pid-file', 'setuid', 'interface', 'syslog', 'timestamp', 'verbose', 'quiet', 'queue-len'],
  ...['passwd-on-stdin', 'non-inter', 'no-passwd', 'no-proxy', 'no-system-trust', 'base-mtu'],
  ...['reconnect-timeout', 'dtls-local-port', 'force-dpd', 'passtos', 'deflate', 'no-deflate', 'local-hostname'],
  ...['cert-expire-warning', 'dtls-ciphers', 'dtls12-ciphers', 'try-http-auth', 'no-external-auth'],
];

/** Of the ignored ones, those whose absence somebody may notice. */
const WORTH_TELLING: Readonly<Record<string, string>> = {
  deflate: 'nothing is compressed: it lets who can send through the tunnel guess what else is in it (VORACLE)',
  'local-hostname': 'the server need not know this machine',
  interface: 'the gateway names its tunnels itself',
};

/** @throws VPN_OC_SCRIPT_REFUSED, VPN_OC_OPTION_REFUSED, VPN_OC_OPTION_UNKNOWN */
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
    script: errors.VPN_OC_SCRIPT_REFUSED,
    refused: errors.VPN_OC_OPTION_REFUSED,
    unknown: errors.VPN_OC_OPTION_UNKNOWN,
  },
};
