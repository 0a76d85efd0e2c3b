import type { TunnelFacts } from '../../../../src/core/checks/tunnel.ts';
import { endpoint, tunnel } from './facts.ts';
import { CONNECTED, describeSession, lookAt, sessionFacts, toldAs } from './sessions.ts';

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
  return toldAs(values);
}

const looked = lookAt({ kind: 'openvpn', ...CONNECTED, told: told() });

const facts: TunnelFacts = {
  ...sessionFacts('openvpn', looked),
  peerIdentity: 'a certificate',
  certificates: { authorities: [AUTHORITY], pinned: [] },
};

describeSession('tunnel of OpenVPN', facts, looked, [
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
]);
