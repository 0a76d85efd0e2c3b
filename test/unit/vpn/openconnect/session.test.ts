/** What a connected session gives, and what the client's last words mean when there is none. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { VmgateError } from '../../../../src/core/coded.ts';
import { readSession, readSockets } from '../../../../src/core/openconnect-session.ts';
import { planOpenConnect } from '../../../../src/vpn/openconnect/plan.ts';
import { SESSIONS } from '../../../../src/vpn/sessions.ts';
import { beside, folder, NOW, read } from './samples.ts';

const { plan } = planOpenConnect(
  read('good', 'pin.oc'),
  'pin.oc',
  { split: false, dns: [], login: { user: 'alice', password: 'sesame' } },
  beside,
  NOW,
);
const PIN = 'pin-sha256:Vu/m19yDqOaSnr3yKBjbkausQsT5hANO3sAj9QrW6nw=';
const TOLD = [
  `FINGERPRINT=${PIN}`,
  'VPNGATEWAY=198.51.100.10',
  'INTERNAL_IP4_ADDRESS=10.66.0.50',
  'INTERNAL_IP4_MTU=1434',
  'INTERNAL_IP4_DNS=10.66.0.1 10.66.0.2',
  'CISCO_DEF_DOMAIN=lab.example corp.example',
].join('\n');
const { inside, failure } = SESSIONS.openconnect;
const TAKEN = ['10.213.0.1/29'];

describe('a connected session', () => {
  test('is read', () => {
    expect(readSession(TOLD)).toEqual({
      address: '10.66.0.50',
      resolvers: ['10.66.0.1', '10.66.0.2'],
      domains: ['lab.example', 'corp.example'],
      mtu: 1_434,
      ipv6: undefined,
      pin: PIN,
      serverAddress: '198.51.100.10',
    });
  });

  test('gives the inside; its MTU only lowers ours', () => {
    expect(inside(TOLD, plan, TAKEN).inside).toEqual({
      addresses: ['10.66.0.50/32'],
      resolvers: ['10.66.0.1', '10.66.0.2'],
      searchDomains: ['lab.example', 'corp.example'],
      mtu: 1_400,
    });
    expect(inside(TOLD.replace('1434', '1300'), plan, TAKEN)).toMatchObject({ inside: { mtu: 1_300 } });
  });

  test.each([
    ['an address of this side', TOLD.replace('10.66.0.50', '10.213.0.2'), 'VPN_ASSIGNED_INVALID'],
    ['the loopback as resolver', TOLD.replace('10.66.0.1 ', '127.0.0.1 '), 'VPN_ASSIGNED_INVALID'],
    ['no address', TOLD.replace('INTERNAL_IP4_ADDRESS', 'X'), 'VPN_ASSIGNED_INVALID'],
    ['no resolver', TOLD.replace('INTERNAL_IP4_DNS', 'X'), 'VPN_ASSIGNED_NO_DNS'],
    ['nothing', '', 'VPN_ASSIGNED_INVALID'],
  ])('with %s it is refused', (_name, told, code) => {
    expect(() => inside(told, plan, TAKEN)).toThrow(expect.objectContaining({ code }));
  });
});

describe('IPv6 of a connected session', () => {
  const six = (...lines: readonly string[]) =>
    [
      TOLD,
      'INTERNAL_IP6_ADDRESS=fd66:6c61:62:0:c39::7',
      'INTERNAL_IP6_NETMASK=fd66:6c61:62:0:c39::7/128',
      ...lines,
    ].join('\n');
  const routesOf = (...lines: readonly string[]) => inside(six(...lines), plan, TAKEN).inside.ipv6?.routes;

  test('is everything where the server names no networks of it, and its resolvers count', () => {
    expect(inside(six('INTERNAL_IP6_DNS=fd66:6c61:62::1 fe80::1'), plan, TAKEN).inside).toMatchObject({
      resolvers: ['10.66.0.1', '10.66.0.2'],
      ipv6: { addresses: ['fd66:6c61:62:0:c39::7/128'], routes: ['::/0'], resolvers: ['fd66:6c61:62::1'] },
    });
  });

  test('is those networks where it names some, and a resolver of it among the others is no fault', () => {
    expect(routesOf('ROUTE6_0=2001:DB8:7::/48', 'ROUTE6_1=x')).toEqual(['2001:db8:7::/48']);
    const mixed = six().replace('10.66.0.1 ', '10.66.0.1 2001:db8::53 ');
    expect(inside(mixed, plan, TAKEN).inside.ipv6?.resolvers).toEqual(['2001:db8::53']);
  });

  test('is none that is nobody’s, or more than are taken: IPv4 goes on, and why', () => {
    const many = Array.from({ length: 33 }, (_, at) => `ROUTE6_${at}=2001:db8:${at}::/48`);
    expect(inside(six(...many), plan, TAKEN)).toMatchObject({ ipv6Off: expect.stringContaining('more than 32') });
    const lied = six().replaceAll('fd66:6c61:62:0:c39::7', 'fe80::2');
    expect(inside(lied, plan, TAKEN)).toMatchObject({
      inside: { addresses: ['10.66.0.50/32'] },
      ipv6Off: expect.stringContaining('no machine can be reached'),
    });
  });
});

describe('sockets of the client', () => {
  test('are read as the kernel lists them', () => {
    expect(readSockets('tcp 026433C6:B7D2 0A6433C6:115B\nudp 026433C6:5BA0 0A6433C6:115B')).toEqual([
      { protocol: 'tcp', localPort: 0xb7d2, remoteAddress: '198.51.100.10', remotePort: 4_443 },
      { protocol: 'udp', localPort: 0x5ba0, remoteAddress: '198.51.100.10', remotePort: 4_443 },
    ]);
  });

  test('what is none is none', () => {
    expect(readSockets('')).toEqual([]);
    expect(readSockets('tcp6 0:0 0:0\nraw x')).toEqual([]);
  });
});

/**
 * As the gateway's driver left them: from openconnect 9.12 against ocserv; those of `gp` and `fortinet` from 9.01 against the
 * fakes of test/contract/vpn, where 9.12 means the same.
 */
const MEANT: Readonly<Record<string, string | undefined>> = {
  'asks-more.txt': 'VPN_OC_ASKS_MORE',
  'client-unknown.txt': 'VPN_CLIENT_REFUSED',
  'early.txt': 'VPN_SERVER_EARLY',
  'expired.txt': 'VPN_SERVER_EXPIRED',
  'other-authority.txt': 'VPN_SERVER_UNPROVED',
  'other-key.txt': 'VPN_SERVER_UNPROVED',
  'fortinet-asks-code.txt': 'VPN_OC_ASKS_MORE',
  'fortinet-elsewhere.txt': 'VPN_OC_ELSEWHERE',
  'fortinet-session.txt': 'VPN_SERVER_DISAGREES',
  'fortinet-tunnel.txt': 'VPN_SERVER_DISAGREES',
  'fortinet-wrong-code-silent.txt': 'VPN_LOGIN_REFUSED',
  'fortinet-wrong-code.txt': 'VPN_LOGIN_REFUSED',
  'fortinet-wrong-password-silent.txt': 'VPN_LOGIN_REFUSED',
  'fortinet-wrong-password.txt': 'VPN_LOGIN_REFUSED',
  'gp-asks-code.txt': 'VPN_OC_ASKS_MORE',
  'gp-choice.txt': 'VPN_OC_ASKS_MORE',
  'gp-cookie.txt': 'VPN_SERVER_DISAGREES',
  'gp-elsewhere.txt': 'VPN_OC_ELSEWHERE',
  'gp-no-gateway.txt': 'VPN_SERVER_DISAGREES',
  'gp-report.txt': 'VPN_OC_HOST_CHECK',
  'gp-saml.txt': 'VPN_OC_BROWSER',
  'gp-wrong-code.txt': 'VPN_LOGIN_REFUSED',
  'gp-wrong-password.txt': 'VPN_LOGIN_REFUSED',
  'refused.txt': undefined,
  'wants-certificate.txt': 'VPN_CLIENT_REFUSED',
  'wrong-code.txt': 'VPN_LOGIN_REFUSED',
  'wrong-password.txt': 'VPN_LOGIN_REFUSED',
};

describe('last words', () => {
  const logs = folder('logs');

  test.each(readdirSync(logs).sort())('%s', (name) => {
    const refused = failure(readFileSync(path.join(logs, name), 'utf8'), '198.51.100.10:443/tcp', plan);
    expect(Object.hasOwn(MEANT, name)).toBe(true);
    expect(refused?.code).toBe(MEANT[name]);
  });

  test('a server that wants its host checker run', () => {
    const said = 'Error: Server asked us to run CSD hostscan.\nYou need to provide a suitable --csd-wrapper argument.';
    const refused = failure(said, '198.51.100.10:443/tcp', plan);
    expect(VmgateError.is(refused) && refused.code).toBe('VPN_OC_HOST_CHECK');
  });

  test.each([
    ['asks-more.txt', 'Please enter your OTP password. Password:'],
    ['gp-asks-code.txt', 'Enter the code from your token Challenge:'],
    ['gp-choice.txt', 'Please select GlobalProtect gateway. GATEWAY: [Far|Here]:'],
    ['fortinet-asks-code.txt', 'Enter the code that was sent to you Code:'],
  ])('a question that nobody expected is told with its words: %s', (name, words) => {
    const log = readFileSync(path.join(logs, name), 'utf8');
    expect(failure(log, '198.51.100.10:443/tcp', plan)?.what).toContain(JSON.stringify(words));
  });

  test.each([
    ['another port', 'POST https://vpn.example/a\nPOST https://vpn.example:4443/a', 'vpn.example:4443'],
    ['an address', 'GET https://vpn.example/a\nGET https://198.51.100.66/a', '198.51.100.66'],
    ['letters of another size', 'GET https://vpn.example/a\nGET https://VPN.example/a', undefined],
    [
      'a path that looks like one',
      'GET https://vpn.example/a\nGET https://vpn.example/https://other.example/',
      undefined,
    ],
    ['words with anything else', 'GET https://vpn.example/a\nGET https://other\u001B[31m.example/', undefined],
  ])('a server that sends its clients on: %s', (_name, log, where) => {
    const refused = failure(log, '198.51.100.10:443/tcp', plan);
    expect([refused?.code, refused?.payload]).toEqual(
      where === undefined ? [undefined, undefined] : ['VPN_OC_ELSEWHERE', { endpoint: '198.51.100.10:443/tcp', where }],
    );
  });

  test('a login that a server answers with 405 is refused by a Fortinet one alone', () => {
    const said = (path: string) => `POST https://vpn.example/${path}\nUnexpected 405 result from server`;
    const codeOf = (log: string) => failure(log, '198.51.100.10:443/tcp', plan)?.code;
    expect([codeOf(said('remote/logincheck')), codeOf(said('auth'))]).toEqual(['VPN_LOGIN_REFUSED', undefined]);
  });
});
