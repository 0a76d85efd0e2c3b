import { describe, expect, test } from '@jest/globals';
import { type FoundVpn, unmetNeed } from '../../../src/template/needs.ts';
import type { VpnNeeds } from '../../../src/template/vpn.ts';

const PRINT = `sha256:${'3f'.repeat(32)}`;
const OTHER = `sha256:${'a0'.repeat(32)}`;

const PIN = `pin-sha256:${'A'.repeat(43)}=`;

const openvpn: FoundVpn = {
  kind: 'openvpn',
  endpoint: 'vpn.acme.example:1194',
  peer: `a certificate by the authority ${PRINT}, name "vpn.acme.example"`,
  split: false,
  dns: [],
  allowedIps: ['0.0.0.0/0'],
};
const needs = (more: Partial<VpnNeeds>): VpnNeeds => ({ kind: 'openvpn', ...more });

describe('a profile of another kind than WireGuard', () => {
  test.each<[string, Partial<VpnNeeds>, Partial<FoundVpn>]>([
    ['endpoint and authority', { endpoint: 'vpn.acme.example:1194', peer: PRINT }, {}],
    ['the very certificate', { peer: PRINT }, { peer: `the certificate ${PRINT}` }],
    ['the key that is pinned', { kind: 'openconnect', peer: PIN }, { kind: 'openconnect', peer: `the key ${PIN}` }],
    ['resolvers of its own', { dns: ['10.0.0.1', '10.0.0.2'] }, { dns: ['10.0.0.2'] }],
  ])('is the one by %s', (_, more, found) => {
    expect(unmetNeed(needs(more), { ...openvpn, ...found })).toBeUndefined();
  });

  test.each<[string, Partial<VpnNeeds>, Partial<FoundVpn>]>([
    ['kind', {}, { kind: 'ipsec' }],
    ['kind', {}, { kind: 'wireguard' }],
    ['peer', { peer: OTHER }, {}],
    // Whoever has a certificate by the other one would pass for the server as well.
    ['peer', { peer: PRINT }, { peer: `a certificate by the authority ${PRINT}, the certificate ${OTHER}` }],
    ['peer', { kind: 'openconnect', peer: PIN }, { kind: 'openconnect', peer: `the key ${PIN}, or the key ${PIN}` }],
    ['peer', { peer: PRINT }, { peer: 'the pre-shared key' }],
    ['peer', { peer: PRINT }, { peer: `a certificate by the authority ${PRINT}0` }],
    ['dns', { dns: ['10.0.0.1'] }, {}],
    ['dns', { dns: ['10.0.0.1'] }, { dns: ['10.0.0.1', '10.9.9.9'] }],
    ['split', { split: true }, {}],
    ['allowedIps', { allowedIps: ['10.0.0.0/8'] }, {}],
  ])('is not the one: %s', (key, more, found) => {
    expect(unmetNeed(needs(more), { ...openvpn, ...found })?.key).toBe(key);
  });
});

test('a public key is compared whole, and a WireGuard profile may have no resolver', () => {
  const found = { ...openvpn, kind: 'wireguard', peer: 'Ib+lyX2LkjBHMp7sSrer9ecIZwrcvMcBaxBgWOOhTWA=' };
  const wanted: VpnNeeds = { kind: 'wireguard', peer: found.peer, dns: ['10.0.0.1'] };
  expect(unmetNeed(wanted, found)).toBeUndefined();
  expect(unmetNeed({ ...wanted, peer: found.peer.replace('I', 'J') }, found)?.key).toBe('peer');
});
