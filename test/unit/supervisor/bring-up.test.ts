/** What the gateway tells while a tunnel of OpenVPN comes up, and what becomes of it. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { EgressPolicy } from '../../../src/core/policy/index.ts';
import type { GatewayControl } from '../../../src/gateway/index.ts';
import { bringUp, serverAt } from '../../../src/supervisor/bring-up.ts';
import type { StoredProfile, TunnelPlan } from '../../../src/vpn/index.ts';
import { codeOf } from '../faults.ts';

const LOGS = path.join(import.meta.dirname, '../vpn/openvpn/logs');
const log = (name: string) => readFileSync(path.join(LOGS, `${name}.txt`), 'utf8');

const server = (host: string) => ({ host, port: 1_194, protocol: 'udp', shape: 'openvpn' }) as const;
const plan: TunnelPlan = {
  kind: 'openvpn',
  endpoint: server('one.example'),
  alternatives: [server('two.example'), server('three.example')],
  peerIdentity: 'a certificate',
  assigned: true,
  addresses: [],
  routes: ['0.0.0.0/0'],
  split: false,
  resolvers: [],
  searchDomains: [],
  mtu: 1_400,
};
const policy: EgressPolicy = {
  uplink: { mac: '52:54:01:0b:ad:00', address: '10.0.2.15', nextHop: '10.0.2.2', dhcp: false },
  endpoints: [{ address: '198.51.100.10', port: 1_194, protocol: 'udp', shape: 'openvpn' }],
  links: [],
  tunnel: { ifname: 'tun0', routes: ['0.0.0.0/0'], resolvers: [], localPort: 40_001, mark: 1 },
};

interface Told {
  readonly state: string;
  readonly told?: string;
  readonly log?: string;
}

/** A gateway that tells `answers` one after the other, the last for ever; null: it knows of no tunnel. */
function coming(...answers: readonly (Told | null)[]) {
  let asked = 0;
  const control = {
    tunnel: async () => undefined,
    counts: async () => {
      const answer = answers[Math.min(asked, answers.length - 1)];
      asked += 1;
      const tunnel = { kind: 'openvpn', ifname: 'tun0', sinceMs: 0, told: '', log: '', ...answer };
      return { tunnel: answer === null ? null : tunnel };
    },
  } as unknown as GatewayControl;
  const pinned = { address: '198.51.100.10', port: 1_194, answered: [] };
  const profile = { plan, secrets: {} } as unknown as StoredProfile;
  const { signal } = new AbortController();
  const withoutIpv6 = async () => policy;
  return bringUp({ control, profile, pinned, policy, taken: [], signal, onNarrow: () => undefined, withoutIpv6 });
}

const TOLD = 'ifconfig_local=10.8.0.2\nforeign_option_1=dhcp-option DNS 10.8.0.1';

describe('a tunnel of OpenVPN comes up', () => {
  test('connected: with the inside that its server gave', async () => {
    expect(await coming({ state: 'WAIT' }, { state: 'AUTH' }, { state: 'CONNECTED', told: TOLD })).toMatchObject({
      inside: { addresses: ['10.8.0.2/32'], resolvers: ['10.8.0.1'] },
    });
  });

  test.each([
    ['nothing usable was given', { state: 'CONNECTED', told: '' }, 'VPN_ASSIGNED_INVALID'],
    ['the login was refused', { state: 'ENDED', log: log('wrong-password') }, 'VPN_LOGIN_REFUSED'],
    ['the certificate expired', { state: 'ENDED', log: log('expired') }, 'VPN_SERVER_EXPIRED'],
    ['nobody answered', { state: 'ENDED', log: log('no-answer') }, 'GATE_TUNNEL_SILENT'],
    ['the client is gone', null, 'GATE_TUNNEL_SILENT'],
  ])('%s', async (_, told, code) => {
    expect(await codeOf(coming({ state: 'WAIT' }, told))).toBe(code);
  });
});

test('the servers of a profile take turns', () => {
  const hosts = [0, 1, 2, 3].map((refusals) => serverAt(plan, refusals).host);
  expect(hosts).toEqual(['one.example', 'two.example', 'three.example', 'one.example']);
  expect(serverAt({ ...plan, alternatives: [] }, 7).host).toBe('one.example');
});
