/** The leak cases that `vmgate drill` plays, and why it does not play the others. Numbers: docs/leak-cases.md. */
import { ACCEPT_ALL, FAULTS, type Fault, INSIDE, type InsideLine } from './faults.ts';
import { NETWORK_FAULTS } from './network-faults.ts';

/**
 * `frames`: a work VM's attempts, each marked; `from` says which. `late`: those of a connection whose tunnel is gone.
 * `fault`: something is taken away from an open gate while its work VM talks.
 */
export type Trial =
  | { readonly by: 'frames'; readonly from: 'leased' | 'late'; readonly after?: InsideLine; readonly of?: number }
  | { readonly by: 'fault'; readonly fault: Fault };

export interface DrillCase {
  /** Leak cases that it tries, the first of them its own number. */
  readonly numbers: readonly [number, ...number[]];
  readonly name: string;
  readonly about: string;
  readonly trial: Trial;
}

/** Leak cases that are not here. */
export interface NotHere {
  readonly numbers: readonly number[];
  readonly what: string;
  readonly why: string;
}

function frames(number: number, name: string, about: string): DrillCase {
  return { numbers: [number], name, about, trial: { by: 'frames', from: 'leased', of: number } };
}

/** What leak cases a fault is about; a fault without is a defect, and a test. */
const NUMBERS: Readonly<Record<string, readonly [number, ...number[]]>> = {
  'server-killed': [13],
  'tunnel-blackholed': [13],
  'tunnel-deleted': [15, 29],
  'routes-flushed': [15],
  'firewall-flushed': [17],
  'kernel-panics': [21, 19],
  'memory-full': [14],
  'guard-paused': [64],
  'gateway-paused': [64],
  'supervisor-paused': [64],
  'machine-stopped': [22],
  'machine-reset': [20, 19],
  'guard-killed': [21],
  'gateway-killed': [21, 19],
  'guard-frozen': [64],
  'gateway-frozen': [64],
  'supervisor-killed': [64],
  'supervisor-frozen': [64],
  'hostile-ipv6': [6],
  'hostile-icmp': [8],
  'tunnel-address-probed': [10],
  'port-scan': [41],
  asleep: [23],
  'lease-outlived': [65],
  'network-changed': [24],
  impostor: [28],
  'dhcp-routes': [1],
  'dhcp-one-route': [54],
  'dhcp-public-range': [2],
  'dhcp-router-resolver': [4],
  'dhcp-loopback-router': [4],
};

const TUNNEL_GONE = INSIDE[0];

export const CASES: readonly DrillCase[] = [
  frames(3, 'endpoint-address', "a work VM's own traffic to the VPN server's address, at other ports"),
  frames(5, 'dns', 'DNS in every form, to every kind of resolver'),
  frames(7, 'ipv6', 'an IPv6 packet'),
  frames(33, 'ping', 'a ping with data'),
  frames(34, 'link-layer', 'VLAN, LLDP, spanning tree, EAPOL, RARP, ARP claims, broadcast and multicast'),
  frames(35, 'forged-source', 'forged senders: MAC, second address, the gateway, the endpoint, a neighbour'),
  frames(36, 'local-addresses', 'the untrusted network, private ranges, cloud metadata, slirp, other work VMs'),
  frames(53, 'webrtc', 'STUN as WebRTC asks it, and QUIC'),
  frames(61, 'endpoint-clear', "clear text to the VPN server's address and port, tunnel-shaped or not"),
  {
    numbers: [30],
    name: 'late-close',
    about: 'FIN, RST and bytes sent again, of a connection whose tunnel is gone',
    trial: { by: 'frames', from: 'late', after: TUNNEL_GONE },
  },
  {
    numbers: [61, 17],
    name: 'gateway-owned',
    about: 'a gateway that was taken over sends everything out in clear: the guard alone is left',
    trial: { by: 'frames', from: 'leased', after: ACCEPT_ALL },
  },
  ...[...FAULTS, ...NETWORK_FAULTS].map((fault): DrillCase => {
    return { numbers: NUMBERS[fault.id] ?? [0], name: fault.id, about: fault.about, trial: { by: 'fault', fault } };
  }),
];

export const NOT_HERE: readonly NotHere[] = [
  {
    numbers: [12],
    what: "a work VM that takes the VPN socket's port in connection tracking",
    why: "what it would hear comes in, and a drill looks at what goes out; npm test plays it in the gateway's firewall",
  },
  {
    numbers: [18],
    what: 'the firewall loaded again and again under a flood',
    why: 'a running gate loads its firewall when it connects; npm test plays this case without a supervisor',
  },
  {
    numbers: [25],
    what: 'a second uplink appears',
    why: 'a gateway has one card, another of this machine is the sensors’ business (24); npm test plays it without a VM',
  },
  {
    numbers: [26, 27],
    what: 'captive portals',
    why: 'the network of this drill has none; npm run test:all plays them',
  },
  {
    numbers: [31],
    what: 'a way that swallows large packets',
    why: 'it is measured when a gate connects, and nothing leaks while it hangs; npm run test:all plays it',
  },
  {
    numbers: [37, 42, 60],
    what: 'who answers on a link, what arrives from the VPN, DNS after a lease',
    why: 'nothing of it could be seen on the untrusted network, which is where a drill looks; npm test plays these cases',
  },
  { numbers: [39, 71, 73], what: 'guests that attack parsers, terminals and disks', why: 'no frames; npm test' },
  { numbers: [40, 51, 66, 67], what: 'forged receipts, templates, disks, environments', why: 'no frames; npm test' },
  { numbers: [43, 69], what: 'what an idle gate and the command line say', why: 'takes hours to mean something' },
  {
    numbers: [45, 46],
    what: 'fast paths and connection tracking in the kernel',
    why: 'needs a gateway without a supervisor, which would close for it; npm test plays these cases',
  },
  {
    numbers: [47, 63],
    what: 'profiles with scripts, servers that lead back here',
    why: 'refused before a gate exists',
  },
  {
    numbers: [48],
    what: "the VPN server's name moves",
    why: "the lab's server has an address and no name; npm run test:all plays this case",
  },
  { numbers: [50], what: "side doors in a work VM's definition", why: 'judged before it starts; npm test' },
  { numbers: [62], what: 'a stranger who relays the server’s replies', why: 'npm run test:all plays it' },
  { numbers: [68], what: 'data queued for another tunnel', why: 'a drill has one profile; npm run test:all plays it' },
];
