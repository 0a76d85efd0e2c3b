/** The policy in plain words: what may leave the gateway, and nothing else (`vmgate vpn show`). */
import { carriersOf, UPLINK, uplinkSocket } from './chain.ts';
import {
  type EgressPolicy,
  type Endpoint,
  PORTAL_PORTS,
  type PortalPolicy,
  type TunnelIpv6Policy,
} from './egress-policy.ts';

export interface EgressRow {
  readonly from: string;
  readonly to: string;
  readonly what: string;
  /** On which condition. */
  readonly when: string;
  /** Who on the local network can read it. */
  readonly visible: 'in clear' | 'encrypted' | 'inside the tunnel';
}

/** One row per flow. What is in no row does not leave. */
export function describeEgress(policy: EgressPolicy): readonly EgressRow[] {
  const { uplink, endpoints, links, portal } = policy;
  const { underway = false } = policy.tunnel ?? {};
  const tunnel = underway ? undefined : policy.tunnel;
  const gateway = uplink.address ?? 'the gateway';
  const routes = tunnel === undefined || tunnel.routes.includes('0.0.0.0/0') ? 'anywhere' : tunnel.routes.join(', ');
  const resolvers = [...(tunnel?.resolvers ?? []), ...(tunnel?.ipv6?.resolvers ?? [])].join(', ');
  const socket = uplinkSocket(policy);
  return [
    {
      from: gateway,
      to: uplink.nextHop ?? 'the router',
      what: 'ARP: asks for the router, answers it',
      when: 'while vmgate connects, verifies or is open',
      visible: 'in clear',
    },
    ...(uplink.dhcp
      ? [
          {
            from: 'the gateway',
            to: "the local network's DHCP server",
            what: 'DHCP without host name or vendor class',
            when: 'while vmgate connects, verifies or is open',
            visible: 'in clear' as const,
          },
        ]
      : []),
    ...endpoints.map(({ address, port, protocol, shape }) => ({
      from: socket === undefined || protocol === 'tcp' ? gateway : `${gateway} port ${socket.localPort}`,
      to: `${address} port ${port}`,
      what: wireOf({ protocol, shape }),
      when: 'while vmgate connects, verifies or is open',
      visible: 'encrypted' as const,
    })),
    ...carriersOf(policy)
      .filter(({ ifname }) => ifname !== UPLINK)
      .flatMap((hop) =>
        hop.endpoints.map(({ address, port, ...how }) => ({
          from: `the gateway (${hop.ifname})`,
          to: `${address} port ${port}`,
          what: `${wireOf(how)}: the next VPN of the chain`,
          when: 'while vmgate connects, verifies or is open',
          visible: 'inside the tunnel' as const,
        })),
      ),
    ...(underway ? (policy.tunnel?.resolvers ?? []) : []).map((resolver) => ({
      from: 'the gateway',
      to: resolver,
      what: "DNS: the next VPN's server",
      when: 'while vmgate connects',
      visible: 'inside the tunnel' as const,
    })),
    ...(portal === undefined ? [] : portalRows(gateway, portal)),
    ...(tunnel === undefined
      ? []
      : [
          {
            from: 'the gateway',
            to: routes,
            what: 'TCP for the host: the exit check, vmgate proxy',
            when: 'while the tunnel holds a lease',
            visible: 'inside the tunnel' as const,
          },
          ...(tunnel.ipv6 === undefined
            ? []
            : [
                {
                  from: 'the gateway',
                  to: ipv6Text(tunnel.ipv6),
                  what: 'TCP over IPv6 for the host: the exit check',
                  when: 'while the tunnel holds a lease',
                  visible: 'inside the tunnel' as const,
                },
              ]),
        ]),
    ...(tunnel === undefined
      ? []
      : links.flatMap(({ ifname, guest, ipv6 }) => [
          {
            from: `${guest} (${ifname})`,
            to: routes,
            what: 'anything over IPv4',
            when: 'while its lease lives',
            visible: 'inside the tunnel' as const,
          },
          ...(ipv6 === undefined || tunnel.ipv6 === undefined
            ? []
            : [
                {
                  from: `${ipv6.network} (${ifname})`,
                  to: ipv6Text(tunnel.ipv6),
                  what: 'anything over IPv6, from the gateway’s address in the tunnel',
                  when: 'while its lease lives',
                  visible: 'inside the tunnel' as const,
                },
              ]),
          {
            from: `${guest} (${ifname})`,
            to: resolvers === '' ? 'no resolver' : resolvers,
            what: 'DNS, through the gateway',
            when: 'while its lease lives',
            visible: 'inside the tunnel' as const,
          },
        ])),
  ];
}

function wireOf({ protocol, shape }: Pick<Endpoint, 'protocol' | 'shape'>): string {
  return `${shape === 'openconnect' ? TLS[protocol] : SHAPES[shape]} over ${protocol.toUpperCase()}`;
}

function ipv6Text({ routes }: TunnelIpv6Policy): string {
  return routes.includes('::/0') ? 'anywhere over IPv6' : routes.join(', ');
}

function portalRows(gateway: string, { resolver, names, addresses }: PortalPolicy): readonly EgressRow[] {
  const when = 'while somebody signs in, 5 minutes at most';
  return [
    { from: gateway, to: resolver, what: `DNS: ${names.join(', ')}`, when, visible: 'in clear' },
    {
      from: gateway,
      to: addresses.join(', '),
      what: `TCP to ports ${PORTAL_PORTS.join(' and ')}, for the portal's pages`,
      when,
      visible: 'in clear',
    },
  ];
}

const SHAPES = { wireguard: 'WireGuard', openvpn: 'OpenVPN', ipsec: 'IKEv2 and ESP' } as const;
/** Of OpenConnect: what logs in, and where it can what carries the packets. */
const TLS = { tcp: 'TLS', udp: 'DTLS' } as const;
