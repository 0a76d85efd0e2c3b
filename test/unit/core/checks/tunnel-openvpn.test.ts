import { describe, expect, test } from '@jest/globals';
import { type TunnelFacts, tunnelCheck } from '../../../../src/core/checks/tunnel.ts';
import { endpoint, healthyFacts, NOW, snapshot, tunnel } from './facts.ts';

const OWN = 'a1'.repeat(32);
const AUTHORITY = 'c0'.repeat(32);
const colons = (hex: string) => (hex.match(/../g) ?? []).join(':');

function told(change: Readonly<Record<string, string>> = {}): string {
  const values = {
    ifconfig_local: '10.66.0.2',
    trusted_ip: endpoint.address,
    trusted_port: String(endpoint.port),
    local_port_1: String(tunnel.localPort),
    tls_digest_sha256_0: colons(OWN),
    tls_digest_sha256_1: colons(AUTHORITY),
    ...change,
  };
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n');
}

/** The tunnel's interface carried `bytes` each way. */
function looked(change: Readonly<Record<string, string | number>> = {}, bytes = 500) {
  const links = healthyFacts().links.map((link) =>
    link.ifname === 'tun0' ? { ...link, rxBytes: bytes, txBytes: bytes } : link,
  );
  const connected = { state: 'CONNECTED', sinceMs: NOW - 5_000, told: told(), log: '', ...change };
  return snapshot({ links, tunnel: { kind: 'openvpn', ifname: 'tun0', ...connected } });
}

const facts: TunnelFacts = {
  kind: 'openvpn',
  policy: tunnel,
  endpoint,
  peerIdentity: 'a certificate',
  certificates: { authorities: [AUTHORITY], pinned: [] },
  serverId: undefined,
  connectBeganMs: NOW - 8_000,
  before: looked({}, 300),
  after: looked(),
};

describe('tunnel of OpenVPN', () => {
  test.each<[string, Partial<TunnelFacts>, string, string]>([
    ['connected, both ways', {}, 'verified', 'received 200 bytes, sent 200 bytes during'],
    ['in the cheap loop', { before: undefined }, 'verified', 'received 500 bytes'],
    ['on its way', { after: looked({ state: 'AUTH' }) }, 'refuted', 'state: AUTH'],
    ['ended', { after: looked({ state: 'ENDED', log: 'AUTH_FAILED' }) }, 'refuted', 'AUTH_FAILED'],
    ['another port', { after: looked({ told: told({ local_port_1: '9' }) }) }, 'refuted', 'port: found 9'],
    ['another place', { after: looked({ told: told({ trusted_ip: '198.51.100.66' }) }) }, 'refuted', '198.51.100.66'],
    [
      'another authority',
      { certificates: { authorities: ['ff'.repeat(32)], pinned: [] } },
      'refuted',
      'not by an authority of the profile',
    ],
    ['another certificate', { certificates: { authorities: [], pinned: ['ff'.repeat(32)] } }, 'refuted', 'pinned'],
    ['the pinned certificate', { certificates: { authorities: [], pinned: [OWN] } }, 'verified', 'received'],
    ['nobody to vouch', { certificates: { authorities: [], pinned: [] } }, 'refuted', 'nobody who could vouch'],
    ['no rule at all', { certificates: undefined }, 'refuted', 'says nothing'],
    [
      'no certificate',
      { after: looked({ told: told({ tls_digest_sha256_0: '' }) }) },
      'refuted',
      'showed no certificate',
    ],
    ['a session of an earlier connect', { connectBeganMs: NOW - 1_000 }, 'refuted', 'older than this connect'],
    ['a session to come', { after: looked({ sinceMs: NOW + 9_000 }) }, 'unknown', 'in the future'],
    ['nothing went through', { after: looked({}, 300) }, 'unknown', 'received 0 bytes'],
    ['WireGuard instead', { after: snapshot() }, 'refuted', 'another kind'],
  ])('%s', (_, change, outcome, mentions) => {
    const opinion = tunnelCheck.judge([{ ...facts, ...change }]);
    expect([opinion.outcome, [opinion.summary, ...opinion.evidence].join('\n')]).toEqual([
      outcome,
      expect.stringContaining(mentions),
    ]);
  });
});
