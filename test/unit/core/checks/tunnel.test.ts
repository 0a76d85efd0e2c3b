import { describe, expect, test } from '@jest/globals';
import { type TunnelFacts, tunnelCheck } from '../../../../src/core/checks/tunnel.ts';
import { endpoint, NOW, PEER, snapshot, tunnel, type WireGuardTunnel, wireguardTunnel } from './facts.ts';

type Peer = WireGuardTunnel['peers'][number];

const healthy = wireguardTunnel;
const [healthyPeer] = healthy.peers as [Peer];
/** Data went both ways since the first look. */
const moved = { ...healthyPeer, rxBytes: 1_100, txBytes: 2_200 };
/** As the gateway shows a profile's peer without Endpoint. */
const silent = {
  ...healthyPeer,
  publicKey: 'silent',
  endpoint: '(none)',
  latestHandshakeMs: 0,
  rxBytes: 0,
  txBytes: 0,
};

function later(peer: Partial<Peer>, rest: Partial<WireGuardTunnel> = {}) {
  return snapshot({ tunnel: { ...healthy, peers: [{ ...healthyPeer, ...peer }], ...rest } });
}

const facts: TunnelFacts = {
  kind: 'wireguard',
  certificates: undefined,
  serverId: undefined,
  policy: tunnel,
  endpoint,
  peerIdentity: PEER,
  connectBeganMs: NOW - 8_000,
  before: snapshot(),
  after: later({ rxBytes: 1_100, txBytes: 2_200 }),
};

describe('tunnel', () => {
  test.each<[string, Partial<TunnelFacts>, string, string]>([
    ['the pinned peer, both ways', {}, 'verified', 'received 100 bytes, sent 200 bytes during'],
    ['in the cheap loop', { before: undefined }, 'verified', 'since the tunnel was made'],
    ['made between two looks', { before: snapshot({ tunnel: null }) }, 'verified', 'received 1100 bytes'],
    ['no tunnel', { after: snapshot({ tunnel: null }) }, 'refuted', 'has no tunnel'],
    ['a tunnel of another kind', { kind: 'openvpn' }, 'refuted', 'found wireguard'],
    ['another interface', { after: later({}, { ifname: 'wg9' }) }, 'refuted', 'interface: found wg9'],
    ['another port', { after: later({}, { listenPort: 1 }) }, 'refuted', 'port: found 1'],
    ['no mark', { after: later({}, { mark: 0 }) }, 'refuted', 'mark: found 0, expected 30317'],
    ['no peer', { after: later({}, { peers: [] }) }, 'refuted', 'ends at another peer'],
    ['the peer twice', { after: later({}, { peers: [moved, moved] }) }, 'refuted', 'ends at another peer'],
    ['a peer without endpoint beside it', { after: later({}, { peers: [silent, moved] }) }, 'verified', 'received 100'],
    [
      'a second peer with an endpoint',
      { after: later({}, { peers: [moved, { ...silent, endpoint: '198.51.100.66:9' }] }) },
      'refuted',
      'found silent at 198.51.100.66:9',
    ],
    [
      'a second peer that shook hands',
      { after: later({}, { peers: [moved, { ...silent, latestHandshakeMs: NOW }] }) },
      'refuted',
      'found silent at (none)',
    ],
    ['another key', { after: later({ publicKey: 'other' }) }, 'refuted', 'peer: found other at'],
    ['roamed', { after: later({ endpoint: '198.51.100.66:51820' }) }, 'refuted', 'found 198.51.100.66:51820'],
    ['no handshake', { after: later({ latestHandshakeMs: 0 }) }, 'refuted', 'has not answered'],
    ['a stale handshake', { after: later({ latestHandshakeMs: NOW - 181_000 }) }, 'refuted', '181 s ago'],
    [
      'a stale handshake of a connect long ago',
      { connectBeganMs: NOW - 600_000, after: later({ ...moved, latestHandshakeMs: NOW - 181_000 }) },
      'refuted',
      'no longer answers',
    ],
    ['a handshake to come', { after: later({ latestHandshakeMs: NOW + 9_000 }) }, 'unknown', 'in the future'],
    ['a handshake of an earlier connect', { connectBeganMs: NOW - 1_000 }, 'refuted', 'since this connect began'],
    ['nothing received', { after: later({ txBytes: 2_200 }) }, 'unknown', 'received 0 bytes'],
    ['nothing sent', { after: later({ rxBytes: 1_200 }) }, 'unknown', 'sent 0 bytes'],
  ])('%s', (_, change, outcome, mentions) => {
    const opinion = tunnelCheck.judge([{ ...facts, ...change }]);
    expect([opinion.outcome, [opinion.summary, ...opinion.evidence].join('\n')]).toEqual([
      outcome,
      expect.stringContaining(mentions),
    ]);
  });

  test('a guest clock that is off does not make an old handshake a new one', () => {
    const late = later({ rxBytes: 1_100, txBytes: 2_200, latestHandshakeMs: NOW + 55_000 });
    const shifted = { ...late, facts: { ...late.facts, epochMs: NOW + 60_000 } };
    const judged = (connectBeganMs: number) =>
      tunnelCheck.judge([{ ...facts, after: shifted, connectBeganMs }]).outcome;
    expect([judged(NOW - 8_000), judged(NOW - 1_000)]).toEqual(['verified', 'refuted']);
  });
});
