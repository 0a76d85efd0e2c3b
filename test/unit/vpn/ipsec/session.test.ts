/** What a connected session gives, as charon's updown plugin and the kernel told it (strongSwan 6.0.1). */
import { describe, expect, test } from '@jest/globals';
import { readSession } from '../../../../src/core/ipsec-session.ts';
import { planIpsec } from '../../../../src/vpn/ipsec/plan.ts';
import { SESSIONS } from '../../../../src/vpn/sessions.ts';

const PROFILE = 'kind: ikev2\nserver: vpn.lab.example\nauth: psk\npsk: correct horse battery staple\n';
const { plan } = planIpsec(PROFILE, 'lab.yaml', { split: false, dns: [] }, 0);
const FOUR = [
  'PLUTO_MY_SOURCEIP4_1=10.66.0.2',
  'PLUTO_PEER=198.51.100.10',
  'PLUTO_PEER_ID=vpn.lab.example',
  'PLUTO_DNS4_1=10.66.0.1',
];
const SIX = ['PLUTO_MY_SOURCEIP6_1=fd66:6c61:62::2', 'PLUTO_DNS6_1=fd66:6c61:62::1', 'ROUTE6_0=::/0'];
const TAKEN = ['10.213.0.0/29', 'fd76:6d67:1:1f::/64'];
const given = (...lines: readonly string[]) => SESSIONS.ipsec.inside([...FOUR, ...lines].join('\n'), plan, TAKEN);

describe('what a server gives', () => {
  test('is read', () => {
    expect(readSession([...FOUR, ...SIX].join('\n'))).toEqual({
      address: '10.66.0.2',
      resolvers: ['10.66.0.1', 'fd66:6c61:62::1'],
      ipv6: { address: 'fd66:6c61:62::2', routes: ['::/0'] },
      serverId: 'vpn.lab.example',
      serverAddress: '198.51.100.10',
    });
  });

  test('has IPv6 beside IPv4, or none', () => {
    expect(given(...SIX).inside).toMatchObject({
      addresses: ['10.66.0.2/32'],
      resolvers: ['10.66.0.1'],
      ipv6: { addresses: ['fd66:6c61:62::2/128'], routes: ['::/0'], resolvers: ['fd66:6c61:62::1'] },
    });
    expect(given()).toEqual({ inside: expect.not.objectContaining({ ipv6: expect.anything() }) });
  });

  test('carries what the kernel has of it, each once', () => {
    const narrow = ['PLUTO_MY_SOURCEIP6_1=fd66:6c61:62::2', 'ROUTE6_0=2001:db8:7::/48', 'ROUTE6_1=2001:db8:7::/48'];
    expect(given(...narrow).inside.ipv6?.routes).toEqual(['2001:db8:7::/48']);
  });

  test.each([
    ['an address without networks', ['PLUTO_MY_SOURCEIP6_1=fd66:6c61:62::2'], 'says what it carries'],
    ['a link-local address', ['PLUTO_MY_SOURCEIP6_1=fe80::2', 'ROUTE6_0=::/0'], 'no machine can be reached'],
    ['an address of a link', ['PLUTO_MY_SOURCEIP6_1=fd76:6d67:1:1f::2', 'ROUTE6_0=::/0'], 'on this side'],
  ])('%s: IPv4 goes on without IPv6, and why', (_, lines, why) => {
    expect(given(...lines)).toMatchObject({
      inside: { addresses: ['10.66.0.2/32'] },
      ipv6Off: expect.stringContaining(why),
    });
  });
});
