/** Policies the tests of this room share. */
import type { EgressPolicy, Endpoint, PolicyLink } from '../../../../src/core/policy/egress-policy.ts';
import type { EgressRule, WorkEgress } from '../../../../src/core/policy/work-egress.ts';

export const endpoint: Endpoint = { address: '198.51.100.7', port: 51_820, protocol: 'udp', shape: 'wireguard' };

export function link(index: number, ifname = `work${index}`): PolicyLink {
  return {
    ifname,
    gateway: `10.213.0.${index * 8 + 1}`,
    guest: `10.213.0.${index * 8 + 2}`,
    prefixLength: 29,
    guestMac: `52:54:20:00:01:0${index}`,
  };
}

/** As the kernel boots: nothing is known of a VPN. */
export const bootPolicy: EgressPolicy = {
  uplink: { mac: '52:54:01:00:01:00', address: '10.0.2.15', nextHop: '10.0.2.2', dhcp: false },
  endpoints: [],
  links: [link(0), link(1), link(3, 'probe0')],
  tunnel: undefined,
};

export const openPolicy: EgressPolicy = {
  ...bootPolicy,
  endpoints: [endpoint],
  tunnel: {
    ifname: 'tun0',
    routes: ['0.0.0.0/0'],
    resolvers: ['10.64.0.1'],
    localPort: 40_001,
    mark: 0x766d,
    mtu: 1420,
  },
};

export const portalPolicy: EgressPolicy = {
  ...bootPolicy,
  portal: { resolver: '10.0.2.3', names: ['login.hotel.example'], addresses: ['203.0.113.40', '203.0.113.41'] },
};

export const dhcpPolicy: EgressPolicy = {
  ...openPolicy,
  uplink: { ...openPolicy.uplink, dhcp: true },
};

export const openvpnTcpPolicy: EgressPolicy = {
  ...openPolicy,
  endpoints: [{ ...endpoint, protocol: 'tcp', shape: 'openvpn' }],
};

/** TLS and DTLS to one port. */
export const openconnectPolicy: EgressPolicy = {
  ...openPolicy,
  endpoints: [
    { ...endpoint, protocol: 'tcp', shape: 'openconnect' },
    { ...endpoint, shape: 'openconnect' },
  ],
};

/** Where the second hop's server is. */
export const secondEndpoint: Endpoint = { ...endpoint, address: '203.0.113.20', port: 51_821 };

/** The first hop of a chain alone: the second's server is looked up. */
export const underwayPolicy: EgressPolicy = {
  ...openPolicy,
  tunnel: {
    ifname: 'hop0',
    routes: ['10.64.0.1/32'],
    resolvers: ['10.64.0.1'],
    localPort: 40_001,
    mark: 0x766d,
    mtu: 1420,
    underway: true,
  },
};

/** A tunnel inside another. */
export const chainPolicy: EgressPolicy = {
  ...openPolicy,
  through: [{ ifname: 'hop0', localPort: 40_001, mark: 0x766d, mtu: 1420, endpoints: [secondEndpoint] }],
  tunnel: {
    ifname: 'tun0',
    routes: ['0.0.0.0/0'],
    resolvers: ['10.65.0.1'],
    localPort: 40_002,
    mark: 0x766e,
    mtu: 1360,
  },
};

const plain: EgressRule = { action: 'allow', to: { kind: 'anywhere' }, protocols: [], ports: [] };
const web = [{ first: 443, last: 443 }];

/** Nothing but what is said. */
export const fewRights: WorkEgress = {
  otherwise: 'deny',
  rules: [
    { ...plain, to: { kind: 'name', name: 'bank.example', allowPrivate: false }, ports: web, protocols: ['tcp'] },
    { ...plain, to: { kind: 'name', name: 'www.bank.example', allowPrivate: true } },
    { ...plain, action: 'deny', to: { kind: 'prefix', prefix: '9.9.0.0/16' } },
    { ...plain, to: { kind: 'prefix', prefix: '9.0.0.0/8' }, ports: [...web, { first: 7_000, last: 7_999 }] },
    { ...plain, to: { kind: 'prefix', prefix: '10.64.0.2/32' }, protocols: ['icmp'] },
  ],
};

/** Everything but what is said. */
export const manyRights: WorkEgress = {
  otherwise: 'allow',
  rules: [
    { ...plain, to: { kind: 'prefix', prefix: '10.64.0.2/32' } },
    { ...plain, action: 'deny', to: { kind: 'prefix', prefix: '10.0.0.0/8' } },
    { ...plain, action: 'deny', protocols: ['udp'] },
    { ...plain, action: 'deny', ports: [{ first: 25, last: 25 }], protocols: ['tcp'] },
  ],
};

/** Three work VMs: one of few rights, one of many that may turn to the third. */
export const rulesPolicy: EgressPolicy = {
  ...openPolicy,
  links: [
    { ...link(0), egress: fewRights },
    { ...link(1), egress: manyRights, peers: ['work2'] },
    link(2),
    link(3, 'probe0'),
  ],
};

/** Of the same index, with IPv6 beside its IPv4. */
export function link6(index: number, ifname?: string): PolicyLink {
  const network = index === 0 ? 'fd76:6d67:1::' : `fd76:6d67:1:${index}::`;
  return { ...link(index, ifname), ipv6: { gateway: `${network}1`, network: `${network}/64` } };
}

/** A tunnel that carries IPv6. */
export const ipv6Policy: EgressPolicy = {
  ...openPolicy,
  links: [link6(0), link6(1), link6(3, 'probe0')],
  ...(openPolicy.tunnel && {
    tunnel: { ...openPolicy.tunnel, ipv6: { routes: ['::/0'], resolvers: ['fd00:64::1'] } },
  }),
};

/** Both families' destinations, and what speaks of neither. */
export const mixedRights: WorkEgress = {
  otherwise: 'deny',
  rules: [
    { ...plain, to: { kind: 'prefix', prefix: '2001:db8:9::/48' }, action: 'deny' },
    { ...plain, to: { kind: 'prefix', prefix: '2001:db8::9/128' }, ports: web },
    { ...plain, to: { kind: 'prefix', prefix: '0.0.0.0/0' }, protocols: ['icmp', 'tcp'] },
    { ...plain, to: { kind: 'prefix', prefix: '::/0' }, protocols: ['icmp', 'udp'] },
    { ...plain, to: { kind: 'name', name: 'bank.example', allowPrivate: false }, ports: web },
    { ...plain, protocols: ['icmp'] },
  ],
};

export const ipv6RulesPolicy: EgressPolicy = {
  ...ipv6Policy,
  links: [
    { ...link6(0), egress: mixedRights },
    { ...link6(1), egress: manyRights, peers: ['work0'] },
    link6(3, 'probe0'),
  ],
};

/** Each that has golden files. */
export const POLICIES = {
  boot: bootPolicy,
  open: openPolicy,
  dhcp: dhcpPolicy,
  rules: rulesPolicy,
  portal: portalPolicy,
  openconnect: openconnectPolicy,
  'openvpn-tcp': openvpnTcpPolicy,
  underway: underwayPolicy,
  chain: chainPolicy,
  ipv6: ipv6Policy,
  'ipv6-rules': ipv6RulesPolicy,
};
