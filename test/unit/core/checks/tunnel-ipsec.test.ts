import type { TunnelFacts } from '../../../../src/core/checks/tunnel.ts';
import { endpoint, tunnel } from './facts.ts';
import { CONNECTED, describeSession, lookAt, sessionFacts, toldAs } from './sessions.ts';

const ID = 'vpn.acme.example';

function told(change: Readonly<Record<string, string>> = {}): string {
  const values = { PLUTO_PEER: endpoint.address, PLUTO_PEER_ID: ID, PLUTO_MY_SOURCEIP4_1: '10.66.0.2', ...change };
  return toldAs(values);
}

/** As `ip xfrm state list nokeys` shows one (iproute2 6.15). */
function state(from: string, to: string, sport: number, dport: number, mark?: number, ifId = 1): string {
  return [
    `src ${from} dst ${to}`,
    '\tproto esp spi 0xc0a1b2c3 reqid 1 mode tunnel',
    '\treplay-window 0 flag af-unspec',
    ...(mark === undefined ? [] : [`\toutput-mark 0x${mark.toString(16)}/0xffffffff`]),
    '\taead rfc4106(gcm(aes)) <<Keys hidden>> 128',
    `\tencap type espinudp sport ${sport} dport ${dport} addr 0.0.0.0`,
    `\tif_id 0x${ifId.toString(16)}`,
    '',
  ].join('\n');
}

const OWN = '10.0.2.15';
const out = state(OWN, endpoint.address, tunnel.localPort, endpoint.port, tunnel.mark);
const back = state(endpoint.address, OWN, endpoint.port, tunnel.localPort);

const looked = lookAt({ kind: 'ipsec', ...CONNECTED, told: told(), states: out + back });

const facts: TunnelFacts = {
  ...sessionFacts('ipsec', looked),
  peerIdentity: `${ID} with the pre-shared key`,
  serverId: ID,
};

describeSession('tunnel of IPsec', facts, looked, [
  ['with new keys beside the old ones', { after: looked({ states: out + back + out + back }) }, 'verified', 'received'],
  ['on its way', { after: looked({ state: 'STARTING' }) }, 'refuted', 'state: STARTING'],
  ['ended', { after: looked({ state: 'ENDED', log: 'AUTHENTICATION_FAILED' }) }, 'refuted', 'AUTHENTICATION_FAILED'],
  ['another place', { after: looked({ told: told({ PLUTO_PEER: '198.51.100.66' }) }) }, 'refuted', '198.51.100.66'],
  ['another name', { after: looked({ told: told({ PLUTO_PEER_ID: 'evil.example' }) }) }, 'refuted', 'evil.example'],
  ['no name that could be proved', { serverId: undefined }, 'refuted', 'expected none'],
  [
    'a distinguished name with other spaces',
    { serverId: 'C=CH, O=Acme, CN=vpn', after: looked({ told: told({ PLUTO_PEER_ID: 'C=CH,O=acme,CN=vpn' }) }) },
    'verified',
    'received',
  ],
  ['no keys', { after: looked({ states: '' }) }, 'refuted', 'no keys'],
  ['keys one way', { after: looked({ states: out }) }, 'refuted', 'no keys'],
  [
    'keys for somebody else too',
    { after: looked({ states: out + back + state(OWN, '198.51.100.66', 1, 4_500) }) },
    'refuted',
    '198.51.100.66',
  ],
  [
    'ESP to the endpoint without the mark',
    { after: looked({ states: state(OWN, endpoint.address, tunnel.localPort, endpoint.port) + back }) },
    'refuted',
    'another place',
  ],
  [
    'ESP of another interface',
    { after: looked({ states: out + state(endpoint.address, OWN, endpoint.port, tunnel.localPort, 0, 2) }) },
    'refuted',
    'another place',
  ],
]);
