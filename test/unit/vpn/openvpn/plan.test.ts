import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { VmgateError } from '../../../../src/core/coded.ts';
import type { ProfileOptions } from '../../../../src/vpn/kind.ts';
import { planOpenVpn } from '../../../../src/vpn/openvpn/plan.ts';
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
const reveal = (planned: ReturnType<typeof plan>) => planned.secrets.reveal(SOCKET, 34_567, 0x766d);
/** Bodies of keys and certificates have no place in a golden file. */
const masked = (config: string) => config.replaceAll(/^[A-Za-z0-9+/=]{24,}\n(?:[A-Za-z0-9+/=]+\n)*/gm, '(...)\n');

/** What the profiles there need before they can be planned at all. */
const UDP: Readonly<Record<string, string>> = {
  files: good('files').replace('tcp-client', 'udp'),
  login: good('login').replace('proto tcp\n', ''),
};
const plannable = readdirSync(path.join(HERE, 'good')).map((file) => path.basename(file, '.ovpn'));
const profileOf = (name: string) => UDP[name] ?? good(name);

describe('plan of an OpenVPN profile', () => {
  test('plans and what the gateway is handed', () => {
    const rendered = plannable.map((name) => {
      const planned = plan(profileOf(name));
      return `== ${name}\n${JSON.stringify(planned.plan, undefined, 2)}\n${masked(reveal(planned))}`;
    });
    expectGolden(path.join(HERE, 'golden', 'plans.txt'), rendered.join('\n'));
  });

  test('nothing of it shows a secret', () => {
    const planned = plan(profileOf('inline'));
    const shown = `${inspect(planned, { depth: 9 })}${JSON.stringify(planned)}${String(planned.secrets)}`;
    expect(shown).not.toContain('PRIVATE KEY');
    expect(shown).not.toContain('Static key');
    expect(inspect(plan(profileOf('login')), { depth: 9 })).not.toContain('quote');
  });

  test('a one-time code goes with the password, for one connect', () => {
    const planned = plan(profileOf('login'));
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
    const unsaid = profileOf('files');
    expect(reveal(plan(unsaid))).toContain('remote-cert-tls server\n');
    expect(plan(unsaid).notices.map(({ code }) => code)).toContain('VPN_OVPN_SERVER_PURPOSE');
  });

  test('options that are ignored have no line, whatever they say', () => {
    const options = ['float', 'persist-tun', 'route-gateway 1.2.3.4', 'ignore-unknown-option up', 'setenv x "y\\"z"'];
    const padded = `${options.join('\n')}\n${profileOf('inline')}`;
    expect(reveal(plan(padded))).toBe(reveal(plan(profileOf('inline'))));
  });

  test('a name with quotes stays one word', () => {
    const profile = profileOf('inline').replace('"CN=gw acme" subject', `'x" up "/tmp/x' name`);
    expect(reveal(plan(profile))).toContain(String.raw`verify-x509-name "x\" up \"/tmp/x" name`);
  });

  test("routes are the profile's with --split, and everything without", () => {
    const profile = profileOf('connections').replace('dhcp-option DNS 10.8.0.1', 'dhcp-option DNS 10.20.0.53');
    expect(plan(profile).plan).toMatchObject({ routes: ['0.0.0.0/0'], split: false });
    expect(plan(profile, { split: true }).plan).toMatchObject({ routes: ['10.20.0.0/16'], split: true });
    expect(codeOf(profileOf('connections'), { split: true })).toBe('VPN_DNS_OUTSIDE_TUNNEL');
    expect(codeOf(profileOf('inline'), { split: true })).toBe('VPN_OVPN_ROUTES_MISSING');
  });

  test('--dns counts more than the profile, and must be addresses', () => {
    expect(plan(profileOf('connections')).plan.resolvers).toEqual(['10.8.0.1']);
    expect(plan(profileOf('connections'), { dns: ['10.9.9.9'] }).plan.resolvers).toEqual(['10.9.9.9']);
    expect(codeOf(profileOf('inline'), { dns: ['x'] })).toBe('VPN_DNS_OPTION_INVALID');
  });

  test.each([
    ['tcp alone', good('files'), {}, 'VPN_OVPN_TCP_NOT_YET'],
    ['a login that nobody gave', profileOf('login'), { login: undefined }, 'VPN_OVPN_LOGIN_UNKNOWN'],
  ])('%s is refused', (_, profile, options, code) => {
    expect(codeOf(profile, options)).toBe(code);
  });
});
