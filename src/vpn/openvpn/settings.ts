/**
 * What is kept of a profile whose options were judged: values and whole PEM blocks, never lines of its text. config.ts
 * makes the client's configuration of this and of nothing else.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { ipv4ToNumber, numberToIpv4 } from '../../core/ipv4.ts';
import { canonicalIpv6 } from '../../core/ipv6.ts';
import { pemsOf } from '../pem.ts';
import { type Material, wrapKeyLines } from './material.ts';
import type { Directive } from './syntax.ts';

export const WRAPS = ['tls-auth', 'tls-crypt', 'tls-crypt-v2'] as const;

export interface OpenVpnSettings {
  /** PEM, in the profile's order. */
  readonly ca: readonly string[];
  readonly cert: readonly string[];
  readonly extraCerts: readonly string[];
  /** PKCS #8 PEM: secret. */
  readonly key: string | undefined;
  readonly wrap:
    | {
        readonly option: (typeof WRAPS)[number];
        /** Secret. */
        readonly key: string;
        readonly direction: string | undefined;
      }
    | undefined;
  /** SHA-256 of certificates, lower-case hexadecimal. */
  readonly fingerprints: readonly string[];
  readonly verifyName: { readonly name: string; readonly type: string } | undefined;
  /** As `remote-cert-tls server` or `remote-cert-eku` say it; undefined where the profile asks for none. */
  readonly purpose: string | undefined;
  readonly dataCiphers: string | undefined;
  readonly cipher: string | undefined;
  readonly auth: string | undefined;
  readonly tlsVersionMin: string | undefined;
  /** What certificates may be made of, where that is less than OpenVPN's own choice. */
  readonly certProfile: 'preferred' | 'suiteb' | undefined;
  readonly tunMtu: number | undefined;
  /** Whether the server asks for user name and password. */
  readonly login: boolean;
  readonly challenge: { readonly question: string; readonly echo: boolean } | undefined;
  /** `route` lines, CIDR. */
  readonly routes: readonly string[];
  /** `route-ipv6` lines, CIDR. */
  readonly routes6: readonly string[];
  /** `none` by `block-ipv6`, `all` by `redirect-gateway ipv6`. */
  readonly ipv6: 'none' | 'all' | 'unsaid';
  readonly dns: readonly string[];
  readonly searchDomains: readonly string[];
}

/** @param read directives that checks.ts found well-formed, `materials` what their blocks and files hold */
export function settingsOf(read: readonly Directive[], materials: ReadonlyMap<string, Material>): OpenVpnSettings {
  const first = (name: string) => read.find((directive) => directive.name.text === name);
  const value = (name: string) => first(name)?.args[0]?.text;
  const every = (name: string) =>
    read.filter((directive) => directive.name.text === name).map(({ args }) => args.map(({ text }) => text));
  const certificates = (option: string) =>
    pemsOf(materials.get(option)?.text ?? '', 'CERTIFICATE').map((pem) => new X509Certificate(pem).toString());
  const verify = first('verify-x509-name')?.args.map(({ text }) => text);
  const challenge = first('static-challenge')?.args.map(({ text }) => text);
  const options = every('dhcp-option');
  const isRedirected = every('redirect-gateway').some((flags) => flags.includes('ipv6'));
  return {
    ca: certificates('ca'),
    cert: certificates('cert'),
    extraCerts: certificates('extra-certs'),
    key: privateKeyOf(materials.get('key')),
    wrap: wrapOf(read, materials, value('key-direction')),
    fingerprints: fingerprintsOf(read.filter(({ name }) => name.text === 'peer-fingerprint')),
    verifyName: verify?.[0] === undefined ? undefined : { name: verify[0], type: verify[1] ?? 'subject' },
    purpose: first('remote-cert-tls') === undefined ? value('remote-cert-eku') : 'server',
    dataCiphers: value('data-ciphers') ?? value('ncp-ciphers'),
    cipher: value('data-ciphers-fallback') ?? value('cipher'),
    auth: value('auth'),
    tlsVersionMin: value('tls-version-min'),
    certProfile: (['preferred', 'suiteb'] as const).find((name) => name === value('tls-cert-profile')),
    tunMtu: value('tun-mtu') === undefined ? undefined : Number(value('tun-mtu')),
    login: first('auth-user-pass') !== undefined,
    challenge: challenge?.[0] === undefined ? undefined : { question: challenge[0], echo: challenge[1] === '1' },
    routes: every('route').map(([network = '', mask = '255.255.255.255']) => prefixOf(network, mask)),
    routes6: [...new Set(every('route-ipv6').flatMap(([prefix = '']) => canonicalIpv6(prefix) ?? []))],
    ipv6: first('block-ipv6') !== undefined ? 'none' : isRedirected ? 'all' : 'unsaid',
    dns: options.flatMap(([type, address = '']) => (type === 'DNS' ? [address] : [])),
    searchDomains: options.flatMap(([type = '', name = '']) =>
      ['DOMAIN', 'DOMAIN-SEARCH', 'ADAPTER_DOMAIN_SUFFIX'].includes(type) ? [name.toLowerCase()] : [],
    ),
  };
}

function privateKeyOf(material: Material | undefined): string | undefined {
  const [pem] = pemsOf(material?.text ?? '', '(?:[A-Z]{1,9} )?PRIVATE KEY');
  return pem === undefined ? undefined : createPrivateKey(pem).export({ type: 'pkcs8', format: 'pem' }).toString();
}

function wrapOf(
  read: readonly Directive[],
  materials: ReadonlyMap<string, Material>,
  direction: string | undefined,
): OpenVpnSettings['wrap'] {
  const option = WRAPS.find((name) => materials.has(name));
  const material = option === undefined ? undefined : materials.get(option);
  if (option === undefined || material === undefined) return undefined;
  // `tls-auth FILE DIRECTION` says it in its own line.
  const [, inLine] = read.find(({ name }) => name.text === option)?.args ?? [];
  return {
    option,
    key: wrapKeyLines(material),
    direction: option === 'tls-auth' ? (inLine?.text ?? direction) : undefined,
  };
}

/** Lines and blocks add up (options.c). */
function fingerprintsOf(said: readonly Directive[]): readonly string[] {
  const every = said.flatMap(({ args: [print], block }) => [print?.text ?? '', ...(block ?? '').split('\n')]);
  const prints = every.map((line) => line.replace(/[#;].*/, '').trim()).filter((print) => print !== '');
  return [...new Set(prints.map((print) => print.replaceAll(':', '').toLowerCase()))];
}

function prefixOf(network: string, mask: string): string {
  const [address = 0, bits = 0] = [ipv4ToNumber(network), ipv4ToNumber(mask)];
  const length = bits.toString(2).padStart(32, '0').indexOf('0');
  const kept = length === -1 ? 32 : length;
  return `${numberToIpv4(kept === 0 ? 0 : (address & bits) >>> 0)}/${kept}`;
}
