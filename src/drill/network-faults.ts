/**
 * What the untrusted network, or a neighbour on it, does to an open gate: more faults, which `vmgate drill` plays beside
 * those of the cycles. Cases by number: docs/leak-cases.md.
 */
import { TCP_FLAGS, tcpFrame } from '../frame/index.ts';
import {
  arpSpoof,
  dhcpv6Reply,
  type ForgedError,
  fragmentationNeeded,
  icmpRedirect,
  LAB,
  type LabDhcp,
  neighbourRedirect,
  routerAdvertisement,
} from '../lab/index.ts';
import type { Fault, FaultHand, ForgeTarget } from './faults.ts';

/** Past the guard's deadline of 5 s. */
const ASLEEP_MS = 6_500;
/** A lease is worth 15 s of the gateway's time (P5). */
const OUTLIVED_MS = 16_000;
/** A gate whose server is back opens in less. */
const SHUT_MS = 8_000;
const HEARD_MS = 1_500;
/** The smallest packet size Linux believes. */
const TINY_MTU = 552;
/** Where forged redirects lead. */
const ELSEWHERE = '192.168.77.66';
const SEGMENTS = 20;

const BOTH = { closes: true, stops: true } as const;

/** The gate loses its server, asks for an address anew, and is offered this. */
function offered(id: string, offers: LabDhcp, about: string): Fault {
  return {
    id,
    about,
    weight: 1,
    strike: async (hand) => {
      await hand.dhcp(offers);
      await hand.server('down');
    },
    lasts: 'until noticed',
    heal: (hand) => hand.server('up'),
    ...BOTH,
  };
}

/** Frames from a neighbour; the gate need not close for them. */
function forged(id: string, about: string, strike: (hand: FaultHand) => Promise<void>): Fault {
  return { id, about, weight: 1, strike, lasts: HEARD_MS, closes: false, stops: false };
}

const hopTo = (mac: string) => ({ sourceMac: LAB.routerMac, destinationMac: mac });

function hostileIpv6(): readonly Buffer[] {
  return [routerAdvertisement(), neighbourRedirect(), dhcpv6Reply()];
}

/** About the tunnel's own datagrams, which everybody on the network sees. */
function hostileIcmp({ mac, address, tunnelPort }: ForgeTarget): readonly Buffer[] {
  const about = { source: address, destination: LAB.endpoint.address, sourcePort: tunnelPort };
  const error: ForgedError = {
    hop: hopTo(mac),
    source: LAB.router,
    about: { ...about, destinationPort: LAB.endpoint.port },
  };
  const redirect = icmpRedirect(error, ELSEWHERE);
  return [fragmentationNeeded(error, TINY_MTU), redirect, arpSpoof(ELSEWHERE, { mac, address }), redirect];
}

/** What somebody sends who looks for the address inside the tunnel (CVE-2019-14899). */
function intoTheTunnel({ mac }: ForgeTarget): readonly Buffer[] {
  const flow = { source: LAB.site, destination: LAB.client, sourcePort: 80 };
  return Array.from({ length: SEGMENTS }, (_, index) => {
    const segment = { flags: TCP_FLAGS.syn | TCP_FLAGS.ack, sequence: 1 };
    return tcpFrame(hopTo(mac), { ...flow, destinationPort: 40_000 + index }, segment);
  });
}

export const NETWORK_FAULTS: readonly Fault[] = [
  forged('hostile-ipv6', 'a neighbour advertises itself as IPv6 router, redirects and answers DHCPv6', (hand) =>
    hand.forge(hostileIpv6),
  ),
  forged('hostile-icmp', 'a neighbour forges ICMP redirects and packet sizes about the tunnel', (hand) =>
    hand.forge(hostileIcmp),
  ),
  forged('tunnel-address-probed', 'a neighbour sends segments to the address inside the tunnel', (hand) =>
    hand.forge(intoTheTunnel),
  ),
  forged('port-scan', 'a neighbour scans the gateway at 1,038 ports, by TCP and UDP', (hand) => hand.scan()),
  {
    id: 'asleep',
    about: `supervisor, guard and gateway stand still for ${ASLEEP_MS} ms, as in a sleep, then wake`,
    weight: 1,
    strike: async (hand) => {
      for (const part of ['supervisor', 'guard', 'gateway'] as const) await hand.signal(part, 'SIGSTOP');
    },
    lasts: ASLEEP_MS,
    // The one that decides last: whatever waited in the others wants out first.
    heal: async (hand) => {
      for (const part of ['gateway', 'guard', 'supervisor'] as const) await hand.signal(part, 'SIGCONT');
    },
    stalls: true,
    ...BOTH,
  },
  {
    id: 'lease-outlived',
    about: `QMP stop for ${OUTLIVED_MS} ms, longer than a lease, which counts the gateway's own time; then cont`,
    weight: 1,
    strike: (hand) => hand.machine('stop'),
    lasts: OUTLIVED_MS,
    heal: (hand) => hand.machine('cont'),
    stalls: true,
    ...BOTH,
  },
  {
    id: 'network-changed',
    about: 'this machine is on another network: its resolver is another one',
    weight: 1,
    strike: (hand) => hand.changeResolver(),
    lasts: 0,
    ...BOTH,
  },
  {
    id: 'impostor',
    about: "somebody without its key answers at the VPN server's address",
    weight: 1,
    strike: (hand) => hand.server('down'),
    lasts: 'until noticed',
    meanwhile: (hand) => hand.serverKey('wrong'),
    shutMs: SHUT_MS,
    heal: (hand) => hand.serverKey('right'),
    ...BOTH,
  },
  offered('dhcp-routes', 'routes', 'DHCP brings routes that lead everything around the tunnel (options 33, 121, 249)'),
  offered('dhcp-one-route', 'one', 'DHCP brings a route around the tunnel for one single address'),
  offered('dhcp-public-range', 'public', 'DHCP gives an address of a public range, so that its sites seem neighbours'),
  offered('dhcp-router-resolver', 'resolver', "DHCP names a public resolver's address as the router"),
  // Last: it is the one that ends with the network as it was.
  {
    id: 'dhcp-loopback-router',
    about: 'DHCP names a router that is the loopback address',
    weight: 1,
    strike: async (hand) => {
      await hand.dhcp('bogus');
      await hand.server('down');
    },
    lasts: 'until noticed',
    meanwhile: (hand) => hand.server('up'),
    shutMs: SHUT_MS,
    heal: (hand) => hand.dhcp('plain'),
    ...BOTH,
  },
];
