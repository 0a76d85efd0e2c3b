/** What may follow each option that is read. A value that is not understood is refused, never guessed at. */
import { VmgateError } from '../../core/coded.ts';
import { ipv4ToNumber } from '../../core/ipv4.ts';
import { canonicalIpv6 } from '../../core/ipv6.ts';
import { errors } from '../codes.ts';
import { at, type Token } from '../positions.ts';
import { isHostName, parseCount } from '../values.ts';
import type { Directive } from './syntax.ts';

/** 64-bit blocks (SWEET32), export ciphers, and no cipher at all. */
const WEAK = /^(none|null|bf-|des-|des3|desx|cast5-|rc2-|rc4|idea-|seed-)/i;
const CIPHER_LISTS = ['cipher', 'data-ciphers', 'ncp-ciphers', 'data-ciphers-fallback'];
/** Under all their names: OpenSSL knows MD5 as SSL3-MD5 and RSA-MD5 too, and a digest that is called null. */
const WEAK_DIGEST = /^(none|null)$|md[245]|mdc2/i;
/** Purposes that a client's certificate has as well, by name and number (openvpn(8), remote-cert-eku takes either). */
const NO_SERVER = /^(tls web client authentication|any extended key usage|1\.3\.6\.1\.5\.5\.7\.3\.2|2\.5\.29\.37\.0)$/i;
const OUTSIDE = ['net_gateway', 'net_gateway_ipv6'];

interface Rule {
  readonly expected: string;
  readonly fits: (args: readonly string[]) => boolean;
}

const none: Rule = { expected: 'the end of the line', fits: (args) => args.length === 0 };
const oneOf = (...words: readonly string[]): Rule => ({
  expected: words.join(' or '),
  fits: ([word = '', ...rest]) => rest.length === 0 && words.includes(word),
});
const words: Rule = {
  expected: 'a name like AES-256-GCM',
  // By name alone: OpenSSL takes an object identifier as well, and what is weak is known by its name.
  fits: ([word = '', ...rest]) =>
    rest.length === 0 &&
    word.length <= 256 &&
    /^(\??[A-Za-z][A-Za-z0-9_+-]*)(:\??[A-Za-z][A-Za-z0-9_+-]*)*$/.test(word),
};
const isMask = (text: string) => {
  const value = ipv4ToNumber(text);
  return value !== undefined && /^1*0*$/.test(value.toString(2).padStart(32, '0'));
};

const RULES: Readonly<Record<string, Rule>> = {
  client: none,
  'tls-client': none,
  pull: none,
  'remote-random': none,
  'route-nopull': none,
  'dev-type': oneOf('tun'),
  topology: oneOf('subnet', 'net30', 'p2p'),
  dev: { expected: 'tun: vmgate carries IP packets, not Ethernet', fits: ([dev = '']) => /^tun\d{0,3}$/.test(dev) },
  'key-direction': oneOf('0', '1'),
  'tls-auth': {
    expected: 'a file name, then 0 or 1 or nothing',
    fits: ([, direction = '0', ...rest]) => rest.length === 0 && ['0', '1'].includes(direction),
  },
  'remote-cert-tls': oneOf('server'),
  'remote-cert-eku': {
    expected: "the name of a server's purpose, in quotes",
    fits: ([name = '', ...rest]) => rest.length === 0 && /^[\w .-]{1,64}$/.test(name) && !NO_SERVER.test(name),
  },
  'verify-x509-name': {
    expected: 'NAME, then subject, name or name-prefix',
    fits: ([name = '', type = 'subject', ...rest]) =>
      rest.length === 0 && /^[^\p{C}]{1,256}$/u.test(name) && ['subject', 'name', 'name-prefix'].includes(type),
  },
  'static-challenge': {
    expected: 'the question in quotes, then 0 or 1',
    fits: ([question = '', echo = '']) => /^[^\p{C}]{1,256}$/u.test(question) && /^[01]$/.test(echo),
  },
  'tls-cert-profile': oneOf('legacy', 'preferred', 'suiteb', 'insecure'),
  'tls-version-min': { expected: '1.2 or 1.3', fits: ([version = '']) => ['1.2', '1.3'].includes(version) },
  'tun-mtu': {
    expected: 'a number from 576 to 1500',
    fits: ([mtu = '', ...rest]) => parseCount(mtu, 576, 1_500) !== undefined && rest.length <= 1,
  },
  'redirect-gateway': {
    expected: 'flags of redirect-gateway',
    fits: (flags) => flags.every((each) => /^!?[a-z0-9-]{1,20}$/.test(each)),
  },
  route: {
    expected: 'an IPv4 network and its mask',
    fits: ([network = '', mask = '255.255.255.255']) => ipv4ToNumber(network) !== undefined && isMask(mask),
  },
  'block-ipv6': none,
  'route-ipv6': {
    expected: 'an IPv6 prefix like 2001:db8::/32',
    fits: ([prefix = '']) => prefix.includes('/') && canonicalIpv6(prefix) !== undefined,
  },
  'dhcp-option': {
    expected: 'an option for DNS or a domain',
    fits: ([type = '', value = '']) => {
      if (type === 'DNS') return ipv4ToNumber(value) !== undefined;
      if (['DOMAIN', 'DOMAIN-SEARCH', 'ADAPTER_DOMAIN_SUFFIX'].includes(type)) return isHostName(value);
      return ['DNS6', 'WINS', 'NTP', 'NBDD', 'NBT', 'NBS', 'DISABLE-NBT'].includes(type);
    },
  },
  'peer-fingerprint': {
    expected: 'the SHA-256 fingerprint of a certificate, like 00:11:..:ff',
    fits: ([print = '', ...rest]) => rest.length === 0 && /^([0-9a-fA-F]{2}:){31}[0-9a-fA-F]{2}$/.test(print),
  },
  cipher: words,
  'data-ciphers': words,
  'ncp-ciphers': words,
  'data-ciphers-fallback': words,
  auth: words,
};

/** @throws VPN_OVPN_VALUE_INVALID, VPN_OVPN_CIPHER_WEAK, VPN_OVPN_ROUTE_OUTSIDE, VPN_OVPN_PASSWORD_FILE */
export function checkValues(read: readonly Directive[], file: string): void {
  for (const directive of read) {
    const { name, args, block } = directive;
    if (name.text === 'auth-user-pass' && args[0] !== undefined) {
      throw VmgateError.of(errors.VPN_OVPN_PASSWORD_FILE, at(file, args[0]));
    }
    if (name.text === 'peer-fingerprint' && block !== undefined) {
      checkFingerprints(directive, file);
      continue;
    }
    checkRoute(directive, file);
    const rule = Object.hasOwn(RULES, name.text) ? RULES[name.text] : undefined;
    if (rule !== undefined && !rule.fits(args.map(({ text }) => text)))
      throw invalid(name, args[0] ?? name, rule, file);
    checkCiphers(directive, file);
  }
}

function checkFingerprints({ name, block = '' }: Directive, file: string): void {
  const rule = RULES['peer-fingerprint'] ?? none;
  const prints = block.split('\n').flatMap((line) => line.replace(/[#;].*/, '').trim() || []);
  if (prints.length === 0 || !prints.every((print) => rule.fits([print]))) throw invalid(name, name, rule, file);
}

function checkRoute({ name, args }: Directive, file: string): void {
  const outside =
    name.text === 'route' || name.text === 'route-ipv6' ? args.find(({ text }) => OUTSIDE.includes(text)) : undefined;
  if (outside !== undefined) throw VmgateError.of(errors.VPN_OVPN_ROUTE_OUTSIDE, at(file, outside));
}

function checkCiphers({ name, args: [list] }: Directive, file: string): void {
  if (list === undefined) return;
  const [names, weak] = CIPHER_LISTS.includes(name.text)
    ? [list.text.split(':'), WEAK]
    : [name.text === 'auth' ? [list.text] : [], WEAK_DIGEST];
  const cipher = names.find((each) => weak.test(each.replace(/^\?/, '')));
  if (cipher !== undefined) {
    throw VmgateError.of(errors.VPN_OVPN_CIPHER_WEAK, { ...at(file, list), cipher: cipher.slice(0, 32) });
  }
}

function invalid(name: Token, token: Token, { expected }: Rule, file: string): VmgateError {
  return VmgateError.of(errors.VPN_OVPN_VALUE_INVALID, { ...at(file, token), option: name.text, expected });
}
