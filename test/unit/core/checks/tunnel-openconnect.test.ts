import type { TunnelFacts } from '../../../../src/core/checks/tunnel.ts';
import { endpoint, tunnel } from './facts.ts';
import { CONNECTED, describeSession, lookAt, sessionFacts, toldAs } from './sessions.ts';

const PIN = `pin-sha256:${Buffer.alloc(32, 1).toString('base64')}`;
const OTHER = `pin-sha256:${Buffer.alloc(32, 2).toString('base64')}`;
/** As /proc/net/tcp writes an address: the word is little-endian. */
const hex = (address: string, port: number) =>
  `${Buffer.from(address.split('.').map(Number).toReversed()).toString('hex')}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
const here = (port: number) => hex('192.168.77.50', port);
const there = hex(endpoint.address, endpoint.port);
const TCP = `tcp ${here(40_500)} ${there}`;
const UDP = `udp ${here(tunnel.localPort)} ${there}`;

function told(change: Readonly<Record<string, string>> = {}): string {
  const values = { FINGERPRINT: PIN, VPNGATEWAY: endpoint.address, INTERNAL_IP4_ADDRESS: '10.66.0.2', ...change };
  return toldAs(values);
}

const looked = lookAt({ kind: 'openconnect', ...CONNECTED, told: told(), sockets: `${TCP}\n${UDP}` });

const facts: TunnelFacts = {
  ...sessionFacts('openconnect', looked),
  endpoint: { ...endpoint, protocol: 'tcp', shape: 'openconnect' },
  peerIdentity: 'the key',
  certificates: { authorities: [], pinned: [], keys: [OTHER, PIN] },
};
const byAuthority = { certificates: { authorities: ['c0'.repeat(32)], pinned: [], keys: [] } };

describeSession('tunnel of OpenConnect', facts, looked, [
  ['over TLS alone', { after: looked({ sockets: TCP }) }, 'verified', 'received'],
  ['two connections, while it logs in anew', { after: looked({ sockets: `${TCP}\n${TCP}` }) }, 'verified', 'received'],
  ['a certificate by an authority', byAuthority, 'verified', 'received'],
  ['on its way', { after: looked({ state: 'STARTING' }) }, 'refuted', 'state: STARTING'],
  ['connecting anew', { after: looked({ state: 'RECONNECTING' }) }, 'refuted', 'state: RECONNECTING'],
  ['ended', { after: looked({ state: 'ENDED', log: 'Login failed.' }) }, 'refuted', 'Login failed.'],
  ['another place', { after: looked({ told: told({ VPNGATEWAY: '198.51.100.66' }) }) }, 'refuted', '198.51.100.66'],
  ['another key', { after: looked({ told: told({ FINGERPRINT: `${PIN}x` }) }) }, 'refuted', 'not the one'],
  ['a key that is not pinned', { certificates: { authorities: [], pinned: [], keys: [OTHER] } }, 'refuted', PIN],
  ['no key', { ...byAuthority, after: looked({ told: told({ FINGERPRINT: '' }) }) }, 'refuted', 'not the one'],
  ['no connection', { after: looked({ sockets: UDP }) }, 'refuted', 'no connection to its server'],
  ['no socket', { after: looked({ sockets: '' }) }, 'refuted', 'no connection to its server'],
  [
    'a socket to a stranger',
    { after: looked({ sockets: `${TCP}\ntcp ${here(40_501)} ${hex('198.51.100.66', 443)}` }) },
    'refuted',
    'tcp 40501 to 198.51.100.66:443',
  ],
  [
    'another port of the server',
    { after: looked({ sockets: `${TCP}\ntcp ${here(40_501)} ${hex(endpoint.address, 80)}` }) },
    'refuted',
    ':80',
  ],
  [
    'a datagram from another port',
    { after: looked({ sockets: `${TCP}\nudp ${here(9)} ${there}` }) },
    'refuted',
    'udp 9',
  ],
]);
