import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { VmgateError } from '../../../../src/core/coded.ts';
import type { ProfileOptions } from '../../../../src/vpn/kind.ts';
import { planOpenVpn } from '../../../../src/vpn/openvpn/plan.ts';
import { faultOf } from '../../faults.ts';
import { expectGolden } from '../../golden.ts';

const HERE = import.meta.dirname;
const NOW = Date.parse('2027-06-01T00:00:00Z');
const good = (name: string) => readFileSync(path.join(HERE, 'good', `${name}.ovpn`), 'utf8');
const beside = (name: string) => readFileSync(path.join(HERE, 'certs', name), 'utf8');
const LOGIN = { user: 'al"ice', password: 'back\\slash "quote"' };
const SOCKET = { address: '198.51.100.10', port: 1_194 };

function plan(profile: string, options: Partial<ProfileOptions> = {}) {
  return planOpenVpn(profile, 'a.ovpn', { split: false, dns: [], login: LOGIN, ...options }, beside, NOW);
}
function codeOf(profile: string, options: Partial<ProfileOptions> = {}): string {
  try {
    plan(profile, options);
  } catch (fault) {
    if (VmgateError.is(fault)) return fault.code;
    throw fault;
  }
  return 'accepted';
}
const reveal = ({ plan: { endpoint }, secrets }: ReturnType<typeof plan>, { protocol } = endpoint) =>
  secrets.reveal({ ...SOCKET, protocol }, 34_567, 0x766d);
/** Bodies of keys and certificates have no place in a golden file. */
const masked = (config: string) => config.replaceAll(/^[A-Za-z0-9+/=]{24,}\n(?:[A-Za-z0-9+/=]+\n)*/gm, '(...)\n');

const plannable = readdirSync(path.join(HERE, 'good')).map((file) => path.basename(file, '.ovpn'));

describe('plan of an OpenVPN profile', () => {
  test('plans and what the gateway is handed', () => {
    const rendered = plannable.map((name) => {
      const planned = plan(good(name));
      return `== ${name}\n${JSON.stringify(planned.plan, undefined, 2)}\n${masked(reveal(planned))}`;
    });
    expectGolden(path.join(HERE, 'golden', 'plans.txt'), rendered.join('\n'));
  });

  test('servers by UDP and by TCP take turns, each with its own protocol', () => {
    const planned = plan(good('connections'));
    const { endpoint, alternatives } = planned.plan;
    expect([endpoint, ...alternatives].map(({ protocol }) => protocol)).toEqual(['udp', 'tcp']);
    expect(reveal(planned)).toContain('proto udp4\n');
    expect(reveal(planned, alternatives[0])).toContain('proto tcp4-client\n');
  });

  test('nothing of it shows a secret', () => {
    const planned = plan(good('inline'));
    const shown = `${inspect(planned, { depth: 9 })}${JSON.stringify(planned)}${String(planned.secrets)}`;
    expect(shown).not.toContain('PRIVATE KEY');
    expect(shown).not.toContain('Static key');
    expect(inspect(plan(good('login')), { depth: 9 })).not.toContain('quote');
  });

  test('a one-time code goes with the password, for one connect', () => {
    const planned = plan(good('login'));
    expect(planned.plan.challenge).toEqual({ question: 'Code from your phone', echo: true });
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    const coded = planned.secrets.withCode('12 34');
    expect(coded.reveal(SOCKET, 1, 1)).toContain(
      `password "Auth" "SCRV1:${base64(LOGIN.password)}:${base64('12 34')}"`,
    );
    expect(reveal(planned)).not.toContain('SCRV1');
    expect(`${inspect(coded, { depth: 9 })}${JSON.stringify(coded)}`).not.toContain('12 34');
  });

  test('nobody but a server can pass for the server', () => {
    const unsaid = good('files');
    expect(reveal(plan(unsaid))).toContain('remote-cert-tls server\n');
    expect(plan(unsaid).notices.map(({ code }) => code)).toContain('VPN_OVPN_SERVER_PURPOSE');
  });

  // ssl_verify_openssl.c, x509_verify_cert_eku: a purpose is compared by its name and by its number.
  test.each([
    ...['"TLS Web Client Authentication"', '1.3.6.1.5.5.7.3.2', '"Any Extended Key Usage"', '2.5.29.37.0'],
    'TLS Web Server Authentication',
  ])('nor for one by remote-cert-eku %s', (purpose) => {
    expect(codeOf(`remote-cert-eku ${purpose}\n${good('files')}`)).toBe('VPN_OVPN_VALUE_INVALID');
  });

  // tls_ctx_set_cert_profile: 1024 bits of RSA are enough for its own choice, legacy.
  test.each([
    ['preferred', 'tls-cert-profile preferred\n'],
    ['suiteb', 'tls-cert-profile suiteb\n'],
    ['legacy', undefined],
    ['insecure', undefined],
  ])('a demand on certificates counts unless it is a weak one: %s', (name, line) => {
    const config = reveal(plan(`tls-cert-profile ${name}\n${good('files')}`));
    expect(/^tls-cert-profile .*\n/m.exec(config)?.[0]).toBe(line);
  });

  // OpenSSL 3, providers/implementations/include/prov/names.h: what EVP_MD_fetch and EVP_CIPHER_fetch know them as.
  test.each([
    ['auth SSL3-MD5', 'VPN_OVPN_CIPHER_WEAK'],
    ['auth RSA-MD5', 'VPN_OVPN_CIPHER_WEAK'],
    ['auth null', 'VPN_OVPN_CIPHER_WEAK'],
    ['auth 1.2.840.113549.2.5', 'VPN_OVPN_VALUE_INVALID'],
    ['data-ciphers AES-256-GCM:1.2.840.113549.3.7', 'VPN_OVPN_VALUE_INVALID'],
    ['data-ciphers-fallback 1.2.840.113549.3.7', 'VPN_OVPN_VALUE_INVALID'],
    ['data-ciphers AES-256-GCM:?CHACHA20-POLY1305', 'accepted'],
    ['auth RIPEMD160', 'accepted'],
  ])('weak by whichever name: %s', (line, code) => {
    const bare = good('files').replaceAll(/^(auth|data-ciphers|data-ciphers-fallback|cipher) .*\n/gm, '');
    expect(codeOf(`${line}\n${bare}`)).toBe(code);
  });

  test.each(['2', '"1 x"', '1 x'])('a direction of tls-auth is 0 or 1, not %s', (direction) => {
    const bare = good('inline')
      .replaceAll(/<(tls-[a-z0-9-]+)>[\s\S]*?<\/\1>\n/g, '')
      .replaceAll(/^key-direction .*\n/gm, '');
    expect(codeOf(`tls-auth ta.key ${direction}\n${bare}`)).toBe('VPN_OVPN_VALUE_INVALID');
  });

  test('fingerprints of several lines and blocks add up', () => {
    const print = (byte: string) => Array.from({ length: 32 }, () => byte).join(':');
    const block = (...bytes: string[]) =>
      `<peer-fingerprint>\n${bytes.map((byte) => `${print(byte)} # one\n`).join('')}</peer-fingerprint>\n`;
    const said = `peer-fingerprint ${print('0A')}\n${block('1b', '2c')}${block('3d')}peer-fingerprint ${print('4e')}\n`;
    const { certificates } = plan(`${said}${good('files')}`).plan;
    expect(certificates?.pinned).toEqual(['0a', '1b', '2c', '3d', '4e'].map((byte) => byte.repeat(32)));
  });

  test.each([
    ['crl-verify crl.pem', 'crl-verify'],
    ['<crl-verify>\nx\n</crl-verify>', 'crl-verify'],
    [`verify-hash ${'00:'.repeat(19)}00`, 'verify-hash'],
    ['remote-cert-ku a0', 'remote-cert-ku'],
    ['tls-remote vpn.acme.example', 'tls-remote'],
  ])('a demand on the server that is not kept is refused by name: %j', (line, option) => {
    const fault = faultOf(() => plan(`${line}\n${good('files')}`));
    expect(fault).toMatchObject({ code: 'VPN_OVPN_OPTION_REFUSED', payload: { option, line: 1 } });
  });

  test('a purpose of its own proves a server', () => {
    const planned = plan(`remote-cert-eku "TLS Web Server Authentication"\n${good('files')}`);
    expect(reveal(planned)).toContain('remote-cert-eku "TLS Web Server Authentication"\n');
  });

  test.each<[string, string, Partial<ProfileOptions>, unknown]>([
    ['what the server says', '', {}, { routes: [], serverRoutes: true }],
    ['everything', 'redirect-gateway def1 ipv6', {}, { routes: ['::/0'], serverRoutes: true }],
    [
      'prefixes, and what the server says',
      'route-ipv6 2001:DB8:7::7/48',
      {},
      { routes: ['2001:db8:7::/48'], serverRoutes: true },
    ],
    ['none, if it is said', 'redirect-gateway ipv6\nblock-ipv6', {}, undefined],
    [
      'none of a tunnel of IPv4 parts',
      'route 10.20.0.0 255.255.0.0\nredirect-gateway ipv6',
      { split: true },
      undefined,
    ],
    [
      'the prefixes of a tunnel of parts, and no more',
      'route 10.20.0.0 255.255.0.0\nroute-ipv6 fd20::/48',
      { split: true },
      { routes: ['fd20::/48'], serverRoutes: false },
    ],
  ])('IPv6 that may go into it: %s', (_, lines, options, possible) => {
    expect(plan(`${good('fingerprint')}${lines}\ntun-ipv6\n`, options).plan.possibleIpv6).toEqual(possible);
  });

  test('options that are ignored have no line, whatever they say', () => {
    const options = ['float', 'persist-tun', 'route-gateway 1.2.3.4', 'ignore-unknown-option up', 'setenv x "y\\"z"'];
    const padded = `${options.join('\n')}\n${good('inline')}`;
    expect(reveal(plan(padded))).toBe(reveal(plan(good('inline'))));
  });

  test('a name with quotes stays one word', () => {
    const profile = good('inline').replace('"CN=gw acme" subject', `'x" up "/tmp/x' name`);
    expect(reveal(plan(profile))).toContain(String.raw`verify-x509-name "x\" up \"/tmp/x" name`);
  });

  test("routes are the profile's with --split, and everything without", () => {
    const profile = good('connections').replace('dhcp-option DNS 10.8.0.1', 'dhcp-option DNS 10.20.0.53');
    expect(plan(profile).plan).toMatchObject({ routes: ['0.0.0.0/0'], split: false });
    expect(plan(profile, { split: true }).plan).toMatchObject({ routes: ['10.20.0.0/16'], split: true });
    expect(codeOf(good('connections'), { split: true })).toBe('VPN_DNS_OUTSIDE_TUNNEL');
    expect(codeOf(good('inline'), { split: true })).toBe('VPN_OVPN_ROUTES_MISSING');
  });

  test('--dns counts more than the profile, and must be addresses', () => {
    expect(plan(good('connections')).plan.resolvers).toEqual(['10.8.0.1']);
    expect(plan(good('connections'), { dns: ['10.9.9.9'] }).plan.resolvers).toEqual(['10.9.9.9']);
    expect(codeOf(good('inline'), { dns: ['x'] })).toBe('VPN_DNS_OPTION_INVALID');
  });

  test('a login that nobody gave is asked for', () => {
    expect(codeOf(good('login'), { login: undefined })).toBe('VPN_OVPN_LOGIN_UNKNOWN');
  });
});
