/** What the value of each option that is read must be. What is not understood is refused, never guessed at. */
import { isIPv6 } from 'node:net';
import { VmgateError } from '../../core/coded.ts';
import { ipv4ToNumber } from '../../core/ipv4.ts';
import { errors } from '../codes.ts';
import { at, type Token } from '../positions.ts';
import { isHostName, parseCount, parsePrefix } from '../values.ts';
import type { Option } from './options.ts';
import { ANYCONNECT, PROTOCOL_NAMES, type Protocol, protocolNamed, UNTRIED } from './protocols.ts';
import type { Setting } from './syntax.ts';

interface Rule {
  readonly expected: string;
  /** Undefined: the option has no value. */
  readonly fits: (value: string | undefined) => boolean;
}

const none: Rule = { expected: 'empty: it takes none', fits: (value) => value === undefined };
const matching = (expected: string, pattern: RegExp): Rule => ({
  expected,
  fits: (value) => value !== undefined && pattern.test(value),
});
/** One line of a configuration file; what it begins with must not be eaten as a separator. */
const words = (expected: string, most: number) =>
  matching(expected, new RegExp(`^[^\\p{C}\\s=][^\\p{C}]{0,${most - 1}}$`, 'u'));
const anything: Rule = { expected: 'said', fits: (value) => value !== undefined };

/** What files or blocks hold, and the server, are read by whoever makes something of them. */
const RULES: Readonly<Record<Option, Rule>> = {
  server: anything,
  protocol: anything,
  resolve: anything,
  cafile: anything,
  certificate: anything,
  sslkey: anything,
  user: words('a user name', 256),
  servercert: matching(
    'pin-sha256: and the SHA-256 of a public key, base64',
    /^pin-sha256:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/,
  ),
  authgroup: words("the name of a group on the server's form", 128),
  usergroup: matching('the name of a group in an address', /^[A-Za-z0-9._-]{1,64}$/),
  'no-dtls': none,
  'disable-ipv6': none,
  'no-xmlpost': none,
  'no-http-keepalive': none,
  pfs: none,
  mtu: { expected: 'a number from 576 to 1500', fits: (value) => parseCount(value ?? '', 576, 1_500) !== undefined },
  useragent: words('a text of up to 128 characters', 128),
  os: matching(
    'linux, linux-64, win, mac-intel, android or apple-ios',
    /^(linux|linux-64|win|mac-intel|android|apple-ios)$/,
  ),
  'version-string': words('a text of up to 64 characters', 64),
  challenge: words('a question of up to 256 characters', 256),
  route: {
    expected: 'a network like 10.20.0.0/16 or 2001:db8::/32',
    fits: (value) => value?.includes('/') === true && parsePrefix(value) !== undefined,
  },
};

/** @throws VPN_OC_VALUE_INVALID */
export function checkValue({ name, value, block }: Setting, option: Option, file: string): void {
  if (block !== undefined) return;
  const rule = RULES[option];
  if (!rule.fits(value?.text)) throw invalidValue(option, value ?? name, rule.expected, file);
}

/** AnyConnect's where the profile says nothing, as openconnect has it. @throws VPN_OC_VALUE_INVALID, VPN_OC_PROTOCOL_UNTRIED */
export function readProtocol(value: Token | undefined, file: string): Protocol {
  if (value === undefined) return ANYCONNECT;
  const protocol = protocolNamed(value.text);
  if (protocol !== undefined) return protocol;
  if (!UNTRIED.includes(value.text)) throw invalidValue('protocol', value, `one of ${PROTOCOL_NAMES}`, file);
  throw VmgateError.of(errors.VPN_OC_PROTOCOL_UNTRIED, { ...at(file, value), protocol: value.text });
}

/** `said` is what stands in `usergroup`, and counts more than what is behind the server's name. @throws VPN_OC_VALUE_INVALID */
export function readGroup(
  { groups, group, label }: Protocol,
  server: { readonly group: string; readonly token: Token },
  said: Token | undefined,
  file: string,
): string {
  const [option, token, written] =
    said === undefined ? ['server', server.token, server.group] : ['usergroup', said, said.text];
  if (written === '') return group;
  if (groups === undefined || groups.includes(written)) return written;
  throw invalidValue(option, token, `one with the group ${groups.join(' or ')}, which is what ${label} has`, file);
}

export interface Server {
  readonly host: string;
  readonly port: number;
  /** Behind the first `/`, which is a group on the server; empty for none. */
  readonly group: string;
}

const SERVER = 'https://HOST, with :PORT where it is not 443';
const HTTPS_PORT = 443;

/** @throws VPN_OC_VALUE_INVALID, VPN_OC_SERVER_IPV6 */
export function readServer(value: Token, file: string): Server {
  const [, authority = '', group = ''] =
    /^(?:https:\/\/)?([^/?#@\s]+)\/?([A-Za-z0-9._-]{0,64})$/.exec(value.text) ?? [];
  if (isIPv6(authority.replace(/^\[([^\]]*)\](:\d+)?$/, '$1')))
    throw VmgateError.of(errors.VPN_OC_SERVER_IPV6, at(file, value));
  const [, name = '', digits] = /^([^:]+)(?::(\d{1,5}))?$/.exec(authority) ?? [];
  const host = name.toLowerCase().replace(/\.$/, '');
  const port = digits === undefined ? HTTPS_PORT : parseCount(digits, 1, 65_535);
  if (port === undefined || (ipv4ToNumber(host) === undefined && !isHostName(host))) {
    throw invalidValue('server', value, SERVER, file);
  }
  return { host, port, group };
}

/** The address in `HOST:ADDRESS`, which must be for this host. @throws VPN_OC_VALUE_INVALID */
export function readResolve(value: Token, host: string, file: string): string {
  const [, name = '', address = ''] = /^([^:]+):([0-9.]+)$/.exec(value.text) ?? [];
  if (name.toLowerCase() !== host || ipv4ToNumber(address) === undefined) {
    throw invalidValue('resolve', value, "the server's name, : and its IPv4 address", file);
  }
  return address;
}

export function invalidValue(option: string, token: Token, expected: string, file: string): VmgateError {
  return VmgateError.of(errors.VPN_OC_VALUE_INVALID, { ...at(file, token), option, expected });
}
