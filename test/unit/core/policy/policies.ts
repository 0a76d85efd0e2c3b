/** Policies the tests of this room share. */
import type { EgressPolicy, Endpoint, PolicyLink } from '../../../../src/core/policy/egress-policy.ts';

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
