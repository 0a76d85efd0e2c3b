import path from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { VmgateError } from '../../../../src/core/coded.ts';
import { clearTextPlan, describeTunnel } from '../../../../src/vpn/clear-text.ts';
import type { ProfileOptions } from '../../../../src/vpn/kind.ts';
import { planOpenConnect } from '../../../../src/vpn/openconnect/plan.ts';
import { expectGolden } from '../../golden.ts';
import { beside, folder, NOW, names, read } from './samples.ts';

const LOGIN = { user: 'alice', password: 'open "sesame" =$(x)' };
const PLAIN: ProfileOptions = { split: false, dns: [] };
const plan = (profile: Uint8Array | string, options: Partial<ProfileOptions> = {}) =>
  planOpenConnect(profile, 'acme.oc', { ...PLAIN, ...options }, beside, NOW);
const good = (name: string) => read('good', name).toString('utf8');
const pinned = (more = '') =>
  `server=https://vpn.acme.example\nservercert=pin-sha256:Vu/m19yDqOaSnr3yKBjbkausQsT5hANO3sAj9QrW6nw=\n${more}`;

function codeOf(make: () => unknown): string {
  try {
    make();
  } catch (fault) {
    if (VmgateError.is(fault)) return fault.code;
    throw fault;
  }
  return 'none';
}

describe('good profiles', () => {
  test('become a plan, a line for people, and files for the client', () => {
    const rendered = names('good').map((name) => {
      const login = name === 'files.oc' ? undefined : LOGIN;
      const { plan: planned, publicKey, secrets } = plan(read('good', name), { login, split: name === 'split.oc' });
      const coded = planned.challenge === undefined ? secrets : secrets.withCode('123456');
      const files = coded.reveal({ address: '198.51.100.10', port: planned.endpoint.port }, 40_001, 1);
      const clear = clearTextPlan(planned).map(({ from, to, what }) => `${from} -> ${to}: ${what}\n`);
      const shown = files.replace(/(-----BEGIN [A-Z ]+-----\n)[^-]*/g, '$1..\n');
      return `== ${name}\n${describeTunnel('acme', planned)}\n${publicKey}\n${clear.join('')}${shown}`;
    });
    expectGolden(path.join(folder('golden'), 'plans.txt'), rendered.join('\n'));
  });

  test('with a pin the authority is out of it: openconnect takes either', () => {
    const { secrets, plan: planned } = plan(good('ignored.oc'), { login: LOGIN });
    expect(planned.certificates).toMatchObject({ authorities: [], pinned: [] });
    expect(planned.certificates?.keys).toHaveLength(1);
    expect(secrets.reveal({ address: '198.51.100.10', port: 443 }, 1, 1)).not.toContain('cafile');
  });

  test.each<[string, string, Partial<ProfileOptions>, unknown]>([
    ['what the server says', 'route=2001:db8::/32', {}, { routes: [], serverRoutes: true }],
    ['none, if it is said', 'disable-ipv6', {}, undefined],
    ['none of a tunnel of IPv4 parts', 'route=10.20.0.0/16', { split: true }, undefined],
    [
      'the prefixes of a tunnel of parts, and no more',
      'route=10.20.0.0/16\nroute=2001:DB8:7::7/48',
      { split: true },
      { routes: ['2001:db8:7::/48'], serverRoutes: false },
    ],
  ])('IPv6 that may go into it: %s', (_, lines, options, possible) => {
    const planned = plan(pinned(`${lines}\n`), { login: LOGIN, ...options });
    expect(planned.plan.possibleIpv6).toEqual(possible);
    expect(planned.plan.routes.some((route) => route.includes(':'))).toBe(false);
    const asked = planned.secrets.reveal({ address: '198.51.100.10', port: 443 }, 40_001, 1).includes('disable-ipv6');
    expect(asked).toBe(possible === undefined);
  });

  test('over TLS alone no datagram may leave', () => {
    expect(plan(good('files.oc')).plan.endpoint).toMatchObject({ protocol: 'tcp', datagrams: false });
    expect(plan(good('pin.oc'), { login: LOGIN }).plan.endpoint).toMatchObject({ datagrams: true });
  });

  test.each(['globalprotect.oc', 'gateway.oc', 'fortinet.oc'])(
    '%s: nor where the guard does not know its shape',
    (name) => {
      const { plan: planned, secrets } = plan(good(name), { login: LOGIN });
      expect(planned.endpoint).toMatchObject({ protocol: 'tcp', shape: 'openconnect', datagrams: false });
      const files = secrets.reveal({ address: '198.51.100.10', port: 443 }, 1, 1).split(/^--- file /m);
      expect(files.find((file) => file.startsWith('session.conf'))).toContain('\nno-dtls\n');
    },
  );

  test('a GlobalProtect portal is asked only where the profile says so', () => {
    const shown = (profile: string) =>
      plan(profile, { login: LOGIN }).secrets.reveal({ address: '198.51.100.10', port: 443 }, 1, 1);
    expect(shown(good('gateway.oc'))).toContain('\nserver=https://198.51.100.10:443/gateway\n');
    expect(shown(good('globalprotect.oc'))).toContain('\nserver=https://vpn.acme.example:443/portal\n');
    expect(shown(pinned('protocol=gp\nusergroup=portal\n'))).toContain('example:443/portal\n');
  });
});

describe('what a profile is refused for as a whole', () => {
  test.each<[string, () => unknown, string]>([
    ['no login and no certificate', () => plan(pinned()), 'VPN_OC_LOGIN_UNKNOWN'],
    ['a user without a password', () => plan(`${good('files.oc')}user=alice\n`), 'VPN_OC_LOGIN_UNKNOWN'],
    ['another user than its own', () => plan(pinned('user=bob\n'), { login: LOGIN }), 'VPN_OC_USER_OTHER'],
    ['--split without routes', () => plan(pinned(), { login: LOGIN, split: true }), 'VPN_OC_ROUTES_MISSING'],
    [
      'a resolver outside of the routes',
      () => plan(pinned('route=10.0.0.0/8\n'), { login: LOGIN, split: true, dns: ['9.9.9.9'] }),
      'VPN_DNS_OUTSIDE_TUNNEL',
    ],
  ])('%s', (_name, make, code) => {
    expect(codeOf(make)).toBe(code);
  });

  test('nothing of these is wrong with a login, its own user and routes', () => {
    const options = { login: LOGIN, split: true, dns: ['10.0.0.53'] };
    expect(codeOf(() => plan(pinned('user=alice\nroute=10.0.0.0/8\n'), options))).toBe('none');
  });
});

describe('secrets', () => {
  const { secrets } = plan(pinned(), { login: LOGIN });

  test('show in no print', () => {
    const printed = [JSON.stringify({ secrets }), inspect(secrets), String(secrets), inspect({ ...secrets })];
    for (const text of printed) expect(text).not.toContain('sesame');
  });

  test('the password is in one file alone, which no program is told by argument', () => {
    const files = secrets.reveal({ address: '198.51.100.10', port: 443 }, 40_001, 1).split(/^--- file /m);
    expect(files.filter((file) => file.includes('sesame')).map((file) => file.split('\n')[0])).toEqual(['answers']);
  });

  test('a code is behind the password, and nothing is asked for without one', () => {
    const revealed = (code?: string) =>
      (code === undefined ? secrets : secrets.withCode(code)).reveal({ address: '198.51.100.10', port: 443 }, 1, 1);
    expect(revealed('755224')).toMatch(/answers\nopen "sesame" =\$\(x\)\n755224\n$/);
    expect(revealed('755224')).not.toContain('non-inter');
    expect(revealed()).toContain('\nnon-inter\n');
  });
});
